import asyncio
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest
from pydantic import SecretStr

from dcimanager.errors import PanelNotFound, PanelRefused, PanelUnreachable, UnexpectedPanelResponse, WrongCredentials
from dcimanager.panel import Panel

SERVERS = {"list": [], "size": 0}


async def test_the_first_call_logs_in_and_carries_the_session(wire, panel, sent):
    listing = wire.on("GET", "dci/v3/server", SERVERS)
    await panel.servers.all()
    assert sent(wire.login) == {"email": "admin@example.com", "password": "panel-canary-password"}
    headers = listing.calls.last.request.headers
    assert headers["cookie"] == "ses6=canary-token-1"
    assert headers["x-xsrf-token"] == "canary-token-1"
    assert headers["isp-box-instance"] == "true"


async def test_a_login_carries_no_session_even_if_the_panel_set_a_cookie(wire, panel):
    wire.on("GET", "dci/v3/server", httpx.Response(200, json=SERVERS, headers={"set-cookie": "ses6=old; Path=/"}))
    await panel.servers.all()
    await panel.login()
    assert "cookie" not in wire.login.calls.last.request.headers


@pytest.mark.parametrize("status", [200, 201, 204])
async def test_any_good_status_of_a_login_is_good(wire, panel, status):
    wire.login.mock(side_effect=None, return_value=httpx.Response(status, json={"token": "abc"}))
    await panel.login()
    assert wire.login.call_count == 1


async def test_forty_calls_at_once_share_one_login(wire, panel):
    async def slow_login(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0)
        return httpx.Response(201, json={"token": "abc"})

    wire.login.mock(side_effect=slow_login)
    wire.on("GET", "dci/v3/server", SERVERS)
    await asyncio.gather(*(panel.servers.all() for _ in range(40)))
    assert wire.login.call_count == 1


async def test_forty_calls_at_once_try_a_wrong_password_once(wire, panel, refusal):
    async def slow_refusal(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0)
        return refusal(401, 1000, "Invalid credentials")

    wire.login.mock(side_effect=slow_refusal)
    results = await asyncio.gather(*(panel.servers.all() for _ in range(40)), return_exceptions=True)
    assert {type(result) for result in results} == {WrongCredentials}
    assert wire.login.call_count == 1


async def test_a_failed_login_is_tried_again_by_the_next_call(wire, panel, refusal):
    good = httpx.Response(201, json={"token": "abc"})
    wire.login.mock(side_effect=[refusal(401), good])
    wire.on("GET", "dci/v3/server", SERVERS)
    with pytest.raises(WrongCredentials):
        await panel.servers.all()
    assert await panel.servers.all() == []


async def test_a_call_that_is_given_up_does_not_spoil_the_login_of_the_others(wire, panel):
    entered, go_on = asyncio.Event(), asyncio.Event()

    async def slow(request: httpx.Request) -> httpx.Response:
        entered.set()
        await go_on.wait()
        return httpx.Response(201, json={"token": "abc"})

    wire.login.mock(side_effect=slow)
    wire.on("GET", "dci/v3/server", SERVERS)
    first, second = asyncio.create_task(panel.servers.all()), asyncio.create_task(panel.servers.all())
    await entered.wait()
    first.cancel()
    go_on.set()
    assert await second == []
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_a_dead_session_is_renewed_once_and_a_post_repeated(wire, panel, refusal):
    power = wire.on("POST", "dci/v3/server/7/power_on", refusal(401), {})
    await panel.servers.power_on(7)
    assert wire.login.call_count == 2
    assert [call.request.headers["x-xsrf-token"] for call in power.calls] == ["canary-token-1", "canary-token-2"]


async def test_forty_calls_on_a_dead_session_renew_it_once(wire, panel, refusal):
    async def only_the_second_session(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0)
        alive = request.headers["x-xsrf-token"] == "canary-token-2"
        return httpx.Response(200, json=SERVERS) if alive else refusal(401)

    wire.on("GET", "dci/v3/server", only_the_second_session)
    await panel.login()
    await asyncio.gather(*(panel.servers.all() for _ in range(40)))
    assert wire.login.call_count == 2


async def test_forty_calls_renew_once_even_if_the_panel_gives_the_same_token_again(wire, panel, refusal):
    async def alive_after_the_second_login(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0)
        return httpx.Response(200, json=SERVERS) if wire.login.call_count > 1 else refusal(401)

    async def same_token(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0)
        return httpx.Response(201, json={"token": "canary-token"})

    wire.login.mock(side_effect=same_token)
    wire.on("GET", "dci/v3/server", alive_after_the_second_login)
    await panel.login()
    await asyncio.gather(*(panel.servers.all() for _ in range(40)))
    assert wire.login.call_count == 2


async def test_a_second_401_is_a_refusal_and_not_an_endless_loop(wire, panel, refusal):
    power = wire.on("POST", "dci/v3/server/7/power_on", refusal(401))
    with pytest.raises(PanelRefused, match="ended our fresh session") as error:
        await panel.servers.power_on(7)
    assert (wire.login.call_count, power.call_count, error.value.status) == (2, 2, 401)


@pytest.mark.parametrize("status", [200, 400, 404, 500])
async def test_code_1000_is_a_dead_session_whatever_the_status(wire, panel, refusal, status):
    power = wire.on("POST", "dci/v3/server/7/power_on", refusal(status, 1000), {})
    await panel.servers.power_on(7)
    assert (wire.login.call_count, power.call_count) == (2, 2)


@pytest.mark.parametrize("status", [200, 400, 404])
async def test_a_fresh_session_that_is_dead_at_once_is_a_refusal_and_not_an_endless_loop(wire, panel, refusal, status):
    power = wire.on("POST", "dci/v3/server/7/power_on", refusal(status, 1000))
    with pytest.raises(PanelRefused, match="ended our fresh session") as error:
        await panel.servers.power_on(7)
    assert not isinstance(error.value, PanelNotFound)
    assert (wire.login.call_count, power.call_count, error.value.code) == (2, 2, 1000)


async def test_another_code_with_a_good_status_is_no_dead_session(wire, panel, refusal):
    wire.on("POST", "dci/v3/server/7/power_on", refusal(200, 1001))
    with pytest.raises(UnexpectedPanelResponse, match="yes and an error at once"):
        await panel.servers.power_on(7)
    assert wire.login.call_count == 1


@pytest.mark.parametrize("status", [200, 400, 401, 403])
async def test_a_login_that_is_refused_says_whose_password_to_correct(wire, panel, refusal, status):
    wire.login.mock(side_effect=None, return_value=refusal(status, 1000, "No: panel-canary-password"))
    with pytest.raises(WrongCredentials, match="panel main does not let us in") as error:
        await panel.login()
    assert "panel-canary-password" not in str(error.value)
    assert (error.value.status, error.value.code) == (status, 1000)


async def test_a_login_whose_body_the_panel_does_not_know_is_not_a_wrong_password(wire, panel, refusal):
    wire.login.mock(side_effect=None, return_value=refusal(400, 3008, "Unexpected property"))
    with pytest.raises(PanelRefused, match=r"correct \[login\]") as error:
        await panel.login()
    assert not isinstance(error.value, WrongCredentials)


async def test_a_panel_that_has_no_login_there_is_not_a_wrong_password(wire, panel):
    wire.login.mock(side_effect=None, return_value=httpx.Response(404, text="<html>nginx</html>"))
    with pytest.raises(PanelNotFound):
        await panel.login()


@pytest.mark.parametrize("body", [{}, {"token": ""}, {"token": None}, {"token": "a\r\nb"}, {"token": "a;b"}, ["abc"]])
async def test_a_login_without_a_usable_token_is_a_surprise_that_keeps_no_body(wire, panel, body):
    wire.login.mock(side_effect=None, return_value=httpx.Response(201, json=body))
    with pytest.raises(UnexpectedPanelResponse, match="no usable token") as error:
        await panel.login()
    assert error.value.body == ""


async def test_a_login_answered_by_a_page_is_a_surprise_that_keeps_no_body(wire, panel):
    wire.login.mock(side_effect=None, return_value=httpx.Response(200, text="session 4F2A-canary"))
    with pytest.raises(UnexpectedPanelResponse, match="is not JSON") as error:
        await panel.login()
    assert error.value.body == ""


async def test_a_login_that_is_lost_is_unreachable(wire, panel):
    wire.login.mock(side_effect=httpx.ReadTimeout)
    with pytest.raises(PanelUnreachable) as error:
        await panel.login()
    assert "not known whether" not in str(error.value)


async def test_closing_logs_out_and_never_shows_the_token(wire, panel):
    await panel.login()
    await panel.aclose()
    assert wire.logout.calls.last.request.url.path == "/api/auth/v4/token/canary-token-1"
    assert wire.calls[-1].path == "auth/v4/token/***"
    assert "canary" not in repr(wire.calls)


@pytest.mark.parametrize("fault", [httpx.ConnectError("gone"), httpx.Response(500), RuntimeError("anything")])
async def test_closing_never_raises(wire, panel, fault):
    if isinstance(fault, httpx.Response):
        wire.logout.mock(return_value=fault)
    else:
        wire.logout.mock(side_effect=fault)
    await panel.login()
    await panel.aclose()
    assert wire.logout.call_count == 1


async def test_a_panel_that_was_never_used_is_closed_without_a_call(wire, make_panel):
    async with make_panel() as panel:
        assert isinstance(panel, Panel)
    assert wire.calls == []


async def test_calls_are_told_with_their_secrets_masked(wire, panel):
    wire.on("POST", "dci/v3/server/7/install", {"id": 7, "token": "other-canary", "msg": "took root-canary"})
    await panel.servers.install_os(7, template_id=12, password=SecretStr("root-canary"), hostname="h.example.com")
    login, install = wire.calls
    assert (login.method, login.path, login.status, login.sent, login.received) == (
        "POST",
        "auth/v4/public/token",
        201,
        "***",
        "***",
    )
    assert install.sent == {"os_template": 12, "password": "***", "domain": "h.example.com"}
    assert install.received == {"id": 7, "token": "***", "msg": "took ***"}
    assert install.milliseconds >= 0


async def test_a_password_is_masked_whatever_the_site_calls_its_key(wire, make_panel, corrected):
    dialect = corrected("os_install", body={"os_template": "os", "password": "root_pw", "hostname": "domain"})
    panel = make_panel(dialect=dialect)
    install = wire.on("POST", "dci/v3/server/7/install", {"id": 7})
    await panel.servers.install_os(7, template_id=12, password=SecretStr("root-canary"), hostname=None)
    assert install.calls.last.request.content == b'{"os":12,"root_pw":"root-canary"}'
    assert wire.calls[-1].sent == {"os": 12, "root_pw": "***"}


async def test_who_listens_to_calls_can_change(wire, panel):
    wire.on("GET", "dci/v3/server", SERVERS)
    await panel.servers.all()
    heard = []
    panel.transport.on_call = heard.append
    await panel.servers.all()
    assert (len(wire.calls), len(heard)) == (2, 1)
    panel.transport.on_call = None
    await panel.servers.all()
    assert len(heard) == 1


async def test_a_call_without_an_answer_is_told_without_a_status(wire, panel):
    wire.on("POST", "dci/v3/server/7/power_on", httpx.ReadTimeout)
    with pytest.raises(PanelUnreachable):
        await panel.servers.power_on(7)
    assert (wire.calls[-1].status, wire.calls[-1].received) == (None, None)


async def test_a_login_that_is_refused_and_a_panel_that_is_silent_are_told_to_whoever_opened_it(wire, panel, refusal):
    doubts = []
    panel.transport.on_doubt = lambda: doubts.append(1)
    wire.login.mock(side_effect=[refusal(401), httpx.ConnectError("refused"), *[httpx.ConnectError("refused")] * 9])
    with pytest.raises(WrongCredentials):
        await panel.login()
    with pytest.raises(PanelUnreachable):
        await panel.login()
    assert doubts == [1, 1]


async def test_the_panels_clock_is_compared_with_ours_by_its_last_date(wire, panel):
    said = datetime.now(UTC) - timedelta(minutes=10)
    dated = {"date": format_datetime(said, usegmt=True)}
    wire.on("GET", "dci/v3/server", httpx.Response(200, json=SERVERS, headers=dated))
    assert panel.transport.clock_ahead is None
    await panel.servers.all()
    assert abs(panel.transport.clock_ahead + timedelta(minutes=10)) < timedelta(seconds=2)


@pytest.mark.parametrize("headers", [{"date": "yesterday"}, {"date": "Fri, 27 Nov 2020 10:00:00 GMT", "age": "9"}])
async def test_a_date_that_cannot_be_read_or_comes_from_a_cache_tells_nothing(wire, panel, headers):
    wire.on("GET", "dci/v3/server", httpx.Response(200, json=SERVERS, headers=headers))
    await panel.servers.all()
    assert panel.transport.clock_ahead is None
