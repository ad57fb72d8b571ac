import copy
import pickle

import httpx
import pytest

from dcimanager.endpoints import DialectError
from dcimanager.errors import (
    PanelError,
    PanelNotFound,
    PanelRefused,
    PanelUnreachable,
    UnexpectedPanelResponse,
    WrongCredentials,
    one_line,
)

POWER = "dci/v3/server/7/power_on"


async def failed(wire, panel, answer) -> PanelError:
    wire.on("POST", POWER, answer)
    with pytest.raises(PanelError) as error:
        await panel.servers.power_on(7)
    return error.value


async def test_a_refusal_carries_what_the_panel_said(wire, panel, refusal):
    error = await failed(wire, panel, refusal(400, 4711, "Server is protected"))
    assert type(error) is PanelRefused
    assert (error.method, error.path, error.status, error.code) == ("POST", POWER, 400, 4711)
    assert str(error) == (
        "The panel refused: Server is protected. Put that right on the panel, then run again. "
        f"[POST {POWER}, HTTP 400, code 4711]"
    )


@pytest.mark.parametrize(("status", "code"), [(404, 4711), (400, 3080), (404, 3080)])
async def test_what_the_panel_does_not_have_is_not_found(wire, panel, refusal, status, code):
    assert type(await failed(wire, panel, refusal(status, code))) is PanelNotFound


async def test_a_wrong_path_does_not_read_as_already_gone(wire, panel, refusal):
    error = await failed(wire, panel, refusal(404, 1106, "Handler not found"))
    assert type(error) is PanelRefused
    assert "correct [power_on] in the table of endpoints" in str(error)


async def test_a_key_that_the_panel_does_not_know_names_the_entry_to_correct(wire, panel, refusal):
    error = await failed(wire, panel, refusal(400, 3008, "Unexpected property"))
    assert "Unexpected property" in str(error)
    assert "correct [power_on]" in str(error)


@pytest.mark.parametrize("code", ["PROXY-3008", "3008", 3008])
async def test_a_code_is_read_in_each_of_its_forms(wire, panel, code):
    error = await failed(wire, panel, httpx.Response(400, json={"error": {"code": code, "msg": "no"}}))
    assert error.code == 3008


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (httpx.Response(400, json={"error": {"code": 77, "msg": ""}}), "unknown error 77"),
        (httpx.Response(400, json={"error": {}}), "unknown error 400"),
        (httpx.Response(400, json={"error": "busy now"}), "busy now"),
        (httpx.Response(400, json={"detail": "x"}), "HTTP 400"),
        (httpx.Response(400, json=[1]), "HTTP 400"),
        (httpx.Response(418, text="<html>"), "HTTP 418"),
        (httpx.Response(500, json={"error": {"code": 1, "msg": "broken"}}), "broken"),
    ],
)
async def test_a_refusal_without_words_falls_back_to_what_there_is(wire, panel, answer, said):
    error = await failed(wire, panel, answer)
    assert type(error) is PanelRefused
    assert said in error.message


async def test_a_lack_of_rights_says_so(wire, panel, refusal):
    assert "may not do this" in str(await failed(wire, panel, refusal(403)))


async def test_a_failure_without_sense_is_a_surprise_that_keeps_the_body(wire, panel):
    error = await failed(wire, panel, httpx.Response(500, text="<h1>Oops</h1> password=hunter2-canary"))
    assert isinstance(error, UnexpectedPanelResponse)
    assert error.body.startswith("37 bytes of text/plain, sha256 ")


async def test_a_good_status_that_is_not_json_is_a_surprise(wire, panel):
    error = await failed(wire, panel, httpx.Response(200, text="<html>Welcome</html>"))
    assert isinstance(error, UnexpectedPanelResponse)
    assert error.body.startswith("20 bytes of text/plain, sha256 ")


async def test_a_body_that_is_kept_is_short_and_without_our_secrets(wire, panel):
    error = await failed(wire, panel, httpx.Response(200, text="canary-token-1 panel-canary-password " + "x" * 900))
    assert isinstance(error, UnexpectedPanelResponse)
    assert "canary" not in error.body
    assert len(error.body) < 100


async def test_yes_and_an_error_at_once_is_a_surprise(wire, panel, refusal):
    error = await failed(wire, panel, httpx.Response(200, json={"error": {"code": 5, "msg": "no"}}))
    assert isinstance(error, UnexpectedPanelResponse)


async def test_bytes_that_are_no_text_are_a_surprise_and_not_a_crash(wire, panel):
    assert isinstance(await failed(wire, panel, httpx.Response(200, content=b"\xff\xfe\x00{")), UnexpectedPanelResponse)


async def test_json_nested_beyond_reason_is_a_surprise_and_not_a_crash(wire, panel):
    assert isinstance(await failed(wire, panel, httpx.Response(200, text="[" * 100_000)), UnexpectedPanelResponse)


async def test_an_empty_answer_is_good(wire, panel):
    wire.on("POST", POWER, httpx.Response(204))
    assert await panel.transport.request("power_on", ids={"server": 7}) is None


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_not_followed_and_tells_to_correct_the_address(wire, panel, status):
    moved = httpx.Response(status, headers={"location": "https://other.example.com/login?key=canary-key"})
    error = await failed(wire, panel, moved)
    assert isinstance(error, UnexpectedPanelResponse)
    assert "on to https://other.example.com/login: correct the panel's address" in str(error)


async def test_a_message_of_the_panel_stays_on_one_line_without_our_secrets(wire, panel, refusal):
    error = await failed(wire, panel, refusal(400, 1, "bad\r\npanel-canary-password\x1b[31m canary-token-1"))
    assert "\n" not in str(error) and "\x1b" not in str(error)
    assert "canary" not in str(error)


async def test_a_post_without_words_sends_an_empty_object(wire, panel):
    power = wire.on("POST", POWER, {})
    await panel.servers.power_on(7)
    assert power.calls.last.request.content == b"{}"
    assert power.calls.last.request.headers["content-type"] == "application/json"


async def test_reads_and_plain_deletes_send_no_body(wire, panel):
    removal = wire.on("DELETE", "dci/v3/server/7/ip/55", {})
    await panel.addresses.remove(7, 55)
    assert removal.calls.last.request.content == b""


async def test_a_delete_that_the_table_gives_keys_sends_them(wire, make_panel, corrected, sent):
    panel = make_panel(dialect=corrected("owner_clear", method="DELETE", body={"owner": "account"}))
    clear = wire.on("DELETE", "dci/v3/server/7/owner", {})
    await panel.servers.clear_owner(7)
    assert sent(clear) == {"account": None}


async def test_an_id_from_outside_stays_one_segment_of_the_path(wire, panel):
    reading = wire.on("GET", None, {"id": 1}, url__regex=".*")
    await panel.transport.request("server_get", ids={"server": "../user?x=1"})
    assert reading.calls.last.request.url.raw_path == b"/api/dci/v3/server/..%2Fuser%3Fx%3D1"


async def test_a_path_with_a_place_that_we_cannot_fill_names_its_entry(make_panel, corrected):
    panel = make_panel(dialect=corrected("power_on", path="dci/v3/server/{id}/power_on"))
    with pytest.raises(DialectError, match=r"\[power_on\].*cannot fill; there is \{server\}"):
        await panel.servers.power_on(7)


async def test_a_value_that_the_table_lacks_names_its_entry(make_panel, corrected):
    panel = make_panel(dialect=corrected("operation_end", values={}))
    with pytest.raises(DialectError, match=r"\[operation_end\] has no value 'ended'"):
        await panel.operations.end(7, 902)


@pytest.mark.parametrize(
    "error", [PanelUnreachable, PanelRefused, PanelNotFound, WrongCredentials, UnexpectedPanelResponse]
)
def test_errors_survive_pickling_and_copying(error):
    original = error("No.", "GET", "dci/v3/server", 400, 12)
    for other in (pickle.loads(pickle.dumps(original)), copy.copy(original)):  # noqa: S301 - our own bytes
        assert type(other) is error
        assert str(other) == "No. [GET dci/v3/server, HTTP 400, code 12]"


def test_a_surprise_keeps_its_body_through_pickling():
    original = UnexpectedPanelResponse("Odd.", body="{}")
    assert pickle.loads(pickle.dumps(original)).body == "{}"  # noqa: S301 - our own bytes
    assert str(original) == "Odd."


def test_a_long_text_is_cut():
    assert one_line("a" * 700) == "a" * 599 + "…"


def test_a_call_with_a_name_without_end_is_cut_in_the_errors_line():
    said = str(PanelRefused("The panel refused.", "GET", "server?where=" + "x" * 50_000 + "\x1b[31m", 400))
    assert said.isprintable() and said.endswith("HTTP 400]")
    assert len(said) < 400
