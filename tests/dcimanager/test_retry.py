import socket
import ssl

import httpx
import pytest

from dcimanager.errors import PanelRefused, PanelUnreachable

ASLEEP = httpx.Response(503, text="Unavailable")
SERVERS = {"list": [], "size": 0}


async def test_a_sleeping_service_is_waited_for_and_a_post_repeated(wire, panel):
    power = wire.on("POST", "dci/v3/server/7/power_on", ASLEEP, ASLEEP, ASLEEP, {})
    await panel.servers.power_on(7)
    assert power.call_count == 4
    assert len(wire.pauses) == 3
    assert wire.pauses[0] < wire.pauses[2]


async def test_a_sleeping_login_is_waited_for(wire, panel):
    wire.login.mock(side_effect=[ASLEEP, httpx.Response(201, json={"token": "abc"})])
    await panel.login()
    assert wire.login.call_count == 2


async def test_a_service_that_does_not_wake_in_a_minute_is_unreachable(wire, panel):
    wire.on("POST", "dci/v3/server/7/power_on", ASLEEP)
    with pytest.raises(PanelUnreachable, match="did not wake in 60 s") as error:
        await panel.servers.power_on(7)
    assert 60 <= sum(wire.pauses) <= 66
    assert error.value.status == 503


@pytest.mark.parametrize("status", [503, 429])
async def test_the_pause_that_the_panel_asks_for_is_kept(wire, panel, status):
    asked = httpx.Response(status, headers={"retry-after": "7"})
    wire.on("POST", "dci/v3/server/7/power_on", asked, {})
    await panel.servers.power_on(7)
    assert wire.pauses == [7]


async def test_a_pause_of_a_day_is_cut_to_half_a_minute(wire, panel):
    asked = httpx.Response(503, headers={"retry-after": "86400"})
    wire.on("POST", "dci/v3/server/7/power_on", asked, {})
    await panel.servers.power_on(7)
    assert wire.pauses == [30]


async def test_a_pause_of_nothing_does_not_hammer_the_panel(wire, panel):
    wire.on("POST", "dci/v3/server/7/power_on", httpx.Response(503, headers={"retry-after": "0"}), {})
    await panel.servers.power_on(7)
    assert wire.pauses == [0.25]


async def test_a_pause_told_as_a_date_falls_back_to_our_own(wire, panel):
    asked = httpx.Response(503, headers={"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"})
    wire.on("POST", "dci/v3/server/7/power_on", asked, {})
    await panel.servers.power_on(7)
    assert 0.25 <= wire.pauses[0] <= 0.5


async def test_too_many_calls_are_refused_in_the_end(wire, panel):
    wire.on("POST", "dci/v3/server/7/power_on", httpx.Response(429))
    with pytest.raises(PanelRefused) as error:
        await panel.servers.power_on(7)
    assert error.value.status == 429


@pytest.mark.parametrize(
    "fault",
    [
        httpx.Response(502, text="<html>Bad gateway</html>"),
        httpx.Response(504),
        httpx.ReadTimeout("slow"),
        httpx.ReadError("cut"),
        httpx.RemoteProtocolError("cut"),
    ],
)
@pytest.mark.parametrize("kind", ["post", "delete"])
async def test_a_write_whose_answer_is_lost_is_never_sent_twice(wire, panel, fault, kind):
    power = wire.on("POST", "dci/v3/server/7/power_on", fault)
    removal = wire.on("DELETE", "dci/v3/server/7/ip/55", fault)
    with pytest.raises(PanelUnreachable):
        await (panel.servers.power_on(7) if kind == "post" else panel.addresses.remove(7, 55))
    assert power.call_count + removal.call_count == 1


async def test_a_write_whose_connection_was_never_made_is_sent_again(wire, panel):
    power = wire.on("POST", "dci/v3/server/7/power_on", httpx.ConnectError("refused"), httpx.Response(200, json={}))
    await panel.servers.power_on(7)
    assert power.call_count == 2


@pytest.mark.parametrize("fault", [httpx.Response(502), httpx.ReadTimeout("slow"), httpx.ReadError("cut")])
async def test_a_lost_write_says_that_nobody_knows(wire, panel, fault):
    wire.on("POST", "dci/v3/server/7/power_on", fault)
    with pytest.raises(PanelUnreachable, match="not known whether this happened") as error:
        await panel.servers.power_on(7)
    assert (error.value.method, error.value.path) == ("POST", "dci/v3/server/7/power_on")


@pytest.mark.parametrize(
    "fault", [httpx.Response(502), httpx.Response(504), httpx.ReadError("cut"), httpx.ConnectTimeout("no")]
)
async def test_a_read_is_repeated_three_times(wire, panel, fault):
    listing = wire.on("GET", "dci/v3/server", fault, fault, fault, SERVERS)
    assert await panel.servers.all() == []
    assert listing.call_count == 4


async def test_a_read_is_given_up_after_three_repeats(wire, panel):
    listing = wire.on("GET", "dci/v3/server", httpx.ReadError("cut"))
    with pytest.raises(PanelUnreachable) as error:
        await panel.servers.all()
    assert listing.call_count == 4
    assert "not known whether" not in str(error.value)


async def test_a_read_that_takes_too_long_is_not_repeated(wire, make_panel):
    panel = make_panel(timeout_seconds=12)
    listing = wire.on("GET", "dci/v3/server", httpx.ReadTimeout)
    with pytest.raises(PanelUnreachable, match="nothing came within 12 s"):
        await panel.servers.all()
    assert listing.call_count == 1


async def test_waking_a_service_does_not_use_up_the_repeats_of_a_read(wire, panel):
    cut = httpx.ReadError("cut")
    listing = wire.on("GET", "dci/v3/server", ASLEEP, ASLEEP, ASLEEP, ASLEEP, cut, cut, cut, SERVERS)
    assert await panel.servers.all() == []
    assert listing.call_count == 8


def caused(cause: BaseException) -> httpx.ConnectError:
    # As httpx gives it: the system's own error is two causes below.
    inner = httpx.ConnectError("inner")
    inner.__cause__ = cause
    error = httpx.ConnectError("no")
    error.__cause__ = inner
    return error


@pytest.fixture
def failing(make_panel):
    def make(fault: Exception):
        def answer(request: httpx.Request) -> httpx.Response:
            if request.url.path.endswith("/token"):
                return httpx.Response(201, json={"token": "abc"})
            raise fault

        return make_panel(http=httpx.MockTransport(answer))

    return make


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (caused(ssl.SSLCertVerificationError("self-signed")), "verify_tls"),
        (caused(socket.gaierror(-2, "unknown")), "DNS"),
        (caused(ConnectionRefusedError(111, "refused")), "connection refused"),
        (caused(OSError("no route")), "is the address right"),
        (httpx.ConnectTimeout("no"), "firewall"),
        (httpx.PoolTimeout("busy"), "within 30 s"),
        (httpx.DecodingError("bad gzip"), "DecodingError"),
    ],
)
async def test_the_reason_of_no_answer_is_told(failing, fault, said):
    with pytest.raises(PanelUnreachable, match=said):
        await failing(fault).servers.power_on(7)


async def test_a_connection_that_was_never_made_leaves_no_doubt(failing):
    with pytest.raises(PanelUnreachable) as error:
        await failing(caused(ConnectionRefusedError())).servers.power_on(7)
    assert "not known whether" not in str(error.value)
