import asyncio
import pickle
import socket
import ssl

import httpx
import pytest
from pydantic import SecretStr, ValidationError

from whmcs.errors import (
    UnexpectedWhmcsResponse,
    WhmcsError,
    WhmcsNotFound,
    WhmcsRefused,
    WhmcsUnreachable,
    WhmcsWrongCredentials,
)
from whmcs.transport import WhmcsAccess, WhmcsTransport

OK = {"result": "success", "id": "7", "email": "ann@example.com"}
READ, WRITE = "GetClientsDetails", "UpdateClientProduct"


@pytest.mark.parametrize(
    "url",
    [
        "https://billing.example.com/whmcs",
        " https://billing.example.com/whmcs/ ",
        "https://billing.example.com/whmcs/includes/api.php",
    ],
)
async def test_the_address_of_the_root_and_of_the_api_are_both_understood(url):
    seen = []

    def answer(request):
        seen.append((request.method, str(request.url)))
        return httpx.Response(200, json=OK)

    transport = WhmcsTransport(
        WhmcsAccess(url=url, identifier="i", secret=SecretStr("s")), http=httpx.MockTransport(answer)
    )
    await transport.call(READ, {})
    assert seen == [("POST", "https://billing.example.com/whmcs/includes/api.php")]


@pytest.mark.parametrize(
    "url",
    [
        "billing.example.com",
        "ftp://billing.example.com",
        "https://",
        "https://ann:hunter2@billing.example.com",
        "https://billing.example.com/?a=1",
        "https://billing.example.com/#top",
        "https://billing.example.com:port",
        "https://billing.example.com:0",
        "https://[billing",
        "",
    ],
)
def test_an_address_that_cannot_be_one_is_refused_without_repeating_it(url):
    with pytest.raises(ValidationError) as caught:
        WhmcsAccess(url=url, identifier="i", secret=SecretStr("s"))
    assert "hunter2" not in str(caught.value)


def test_an_empty_identifier_or_secret_is_refused():
    with pytest.raises(ValidationError):
        WhmcsAccess(url="https://billing.example.com", identifier="", secret=SecretStr("s"))
    with pytest.raises(ValidationError):
        WhmcsAccess(url="https://billing.example.com", identifier="i", secret=SecretStr(""))


async def test_the_form_carries_credential_action_and_parameters(scene):
    s = scene(OK)
    await s.whmcs.transport.call(WRITE, {"serviceid": 5, "servicepassword": SecretStr("p&w=+ü")})
    assert s.scripted.forms == [
        {
            "identifier": "canary-identifier",
            "secret": "canary+secret/1",
            "action": WRITE,
            "responsetype": "json",
            "serviceid": "5",
            "servicepassword": "p&w=+ü",
        }
    ]


@pytest.mark.parametrize("status", [200, 400, 401, 403, 500, 503])
async def test_the_result_decides_and_not_the_http_status(scene, status):
    assert await scene(httpx.Response(status, json=OK)).whmcs.transport.call(READ, {}) == OK
    with pytest.raises(WhmcsRefused) as caught:
        await scene(httpx.Response(status, json={"result": "error", "message": "No"})).whmcs.transport.call(READ, {})
    assert (caught.value.action, caught.value.status) == (READ, status)


@pytest.mark.parametrize(
    ("said", "kind", "remedy"),
    [
        ("Invalid IP 192.0.2.9", WhmcsRefused, "General Settings > Security"),
        ("Authentication Failed", WhmcsWrongCredentials, "dciflow whmcs set"),
        ("Invalid or missing credentials", WhmcsWrongCredentials, "dciflow whmcs set"),
        ('Invalid Permissions: API action "logactivity" is not allowed', WhmcsRefused, "API role"),
        ("Service ID Not Found", WhmcsNotFound, "does not mean terminated"),
        ("Client Not Found", WhmcsNotFound, "does not mean terminated"),
        ("Action Not Found", WhmcsRefused, "older"),
        ("Something new", WhmcsRefused, "Mend it in WHMCS"),
        ("", WhmcsRefused, "no reason given"),
    ],
)
async def test_a_refusal_says_what_to_mend_in_one_line(scene, said, kind, remedy):
    for form in ({"result": "error", "message": said}, f"result=error;message={said};"):
        s = scene(form)
        with pytest.raises(WhmcsRefused) as caught:
            await s.whmcs.transport.call("LogActivity", {})
        text = str(caught.value)
        assert type(caught.value) is kind
        assert text.startswith("WHMCS refused LogActivity: ") and said.rstrip(".") in text and remedy in text
        assert "\n" not in text
        assert len(s.scripted.requests) == 1


async def test_a_refusal_is_never_repeated_not_even_for_a_read(scene):
    s = scene(httpx.Response(503, json={"result": "error", "message": "Down for maintenance"}))
    with pytest.raises(WhmcsRefused):
        await s.whmcs.transport.call(READ, {})
    assert len(s.scripted.requests) == 1


@pytest.mark.parametrize(
    "fault",
    [
        httpx.ReadError("lost"),
        httpx.ReadTimeout("slow"),
        httpx.ConnectError("no"),
        httpx.RemoteProtocolError("half"),
        httpx.Response(502, text="<html>"),
        httpx.Response(503),
        httpx.Response(504),
    ],
)
async def test_a_read_is_repeated_with_growing_waits(scene, fault):
    s = scene(fault, fault, OK)
    assert await s.whmcs.transport.call(READ, {}) == OK
    assert len(s.scripted.requests) == 3
    first, second = s.waits
    assert 0.5 <= first <= 0.75 and 1 <= second <= 1.25


async def test_a_read_is_given_up_after_four_attempts(scene):
    s = scene(httpx.Response(503))
    with pytest.raises(WhmcsUnreachable) as caught:
        await s.whmcs.transport.call(READ, {})
    assert len(s.scripted.requests) == 4 and len(s.waits) == 3
    assert caught.value.status == 503 and "Nothing was changed" in str(caught.value)


@pytest.mark.parametrize(
    "fault",
    [
        httpx.ReadError("lost"),
        httpx.ReadTimeout("slow"),
        httpx.WriteError("cut"),
        httpx.RemoteProtocolError("half"),
        httpx.Response(502),
        httpx.Response(503),
        httpx.Response(504),
    ],
)
@pytest.mark.parametrize("action", ["ModuleCustom", WRITE, "LogActivity"])
async def test_a_write_is_not_sent_again_after_a_lost_answer(scene, action, fault):
    s = scene(fault, OK)
    with pytest.raises(WhmcsUnreachable) as caught:
        await s.whmcs.transport.call(action, {})
    assert len(s.scripted.requests) == 1 and s.waits == []
    assert not caught.value.nothing_sent and "unknown" in str(caught.value)


@pytest.mark.parametrize("fault", [httpx.ConnectError("no"), httpx.ConnectTimeout("no"), httpx.PoolTimeout("full")])
async def test_a_write_whose_connection_was_never_made_may_be_sent_again(scene, fault):
    assert await scene(fault, OK).whmcs.transport.call("LogActivity", {}) == OK
    with pytest.raises(WhmcsUnreachable) as caught:
        await scene(fault).whmcs.transport.call("LogActivity", {})
    assert caught.value.nothing_sent and "Nothing was sent" in str(caught.value)


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        (ssl.SSLCertVerificationError("expired"), "TLS certificate"),
        (socket.gaierror("unknown"), "host name is not known"),
        (ConnectionRefusedError("refused"), "firewall"),
    ],
)
async def test_why_a_connection_failed_is_said(scene, cause, words):
    fault = httpx.ConnectError("failed")
    fault.__cause__ = cause
    with pytest.raises(WhmcsUnreachable, match=words):
        await scene(fault).whmcs.transport.call(READ, {})


@pytest.mark.parametrize(
    "body",
    [
        "<html>Login</html>",
        "",
        "null",
        "[]",
        '"success"',
        "{}",
        '{"result": "maybe"}',
        '{"result": "success"',
        "<?xml version='1.0'?><result>success</result>",
        "result=;message=x",
        "[" * 100_000,
        '{"result": "success", "a": 1, "a[b]": 2}',
        '{"result": "success", "a": {"b": 1}, "a[b]": 2}',
    ],
)
async def test_what_is_no_answer_of_whmcs_is_a_surprise(scene, body):
    s = scene(body)
    with pytest.raises(UnexpectedWhmcsResponse) as caught:
        await s.whmcs.transport.call(READ, {})
    assert caught.value.status == 200 and len(str(caught.value)) < 500 and "\n" not in str(caught.value)
    assert len(s.scripted.requests) == 1


async def test_a_redirect_is_not_followed_and_says_to_correct_the_address(scene):
    s = scene(httpx.Response(302, headers={"location": "https://elsewhere.example.com/"}))
    with pytest.raises(UnexpectedWhmcsResponse, match="Correct the address"):
        await s.whmcs.transport.call(WRITE, {})
    assert len(s.scripted.requests) == 1


async def test_an_answer_that_cannot_be_unpacked_is_a_surprise(scene):
    with pytest.raises(UnexpectedWhmcsResponse, match="cannot be unpacked"):
        await scene(httpx.DecodingError("bad gzip")).whmcs.transport.call(READ, {})


async def test_a_byte_order_mark_before_the_answer_does_no_harm(scene):
    answer = httpx.Response(200, content=b'\xef\xbb\xbf{"result":"success"}')
    assert await scene(answer).whmcs.transport.call(READ, {}) == {"result": "success"}


async def test_a_cancelled_call_stays_cancelled(scene):
    s = scene(OK)
    waiting = asyncio.Event()

    async def never(_seconds):
        waiting.set()
        await asyncio.Event().wait()

    transport = WhmcsTransport(s.whmcs.transport.access, http=s.scripted, sleep=never)
    s.scripted.script = [httpx.Response(503)]
    call = asyncio.ensure_future(transport.call(READ, {}))
    await waiting.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call


async def test_each_exchange_is_reported_also_the_failed_ones(scene):
    s = scene(httpx.ReadError("lost"), httpx.Response(503, text="Unavailable"), OK)
    await s.whmcs.transport.call(READ, {"clientid": 7})
    assert [(c.method, c.action, c.status) for c in s.calls] == [
        ("POST", READ, None),
        ("POST", READ, 503),
        ("POST", READ, 200),
    ]
    assert all(c.milliseconds >= 0 for c in s.calls)
    assert s.calls[0].received is None and s.calls[1].received.startswith("11 bytes of text/plain, sha256 ")
    assert s.calls[0].sent["clientid"] == "7"


async def test_the_listener_may_be_changed_later_and_left_out(scene):
    s, heard = scene(OK), []
    s.whmcs.transport.on_call = heard.append
    await s.whmcs.transport.call(READ, {})
    s.whmcs.transport.on_call = None
    await s.whmcs.transport.call(READ, {})
    assert len(heard) == 1 and s.calls == []


def test_an_error_survives_pickling():
    error = pickle.loads(pickle.dumps(WhmcsUnreachable("LogActivity", 502, "two\n lines", nothing_sent=True)))  # noqa: S301
    assert (error.action, error.status, str(error), error.nothing_sent) == ("LogActivity", 502, "two lines", True)


async def test_a_closed_client_cannot_be_used(scene):
    async with scene(OK).whmcs as whmcs:
        await whmcs.transport.call(READ, {})
    await whmcs.aclose()  # closing twice does no harm
    with pytest.raises(RuntimeError):
        await whmcs.transport.call(READ, {})


@pytest.mark.parametrize(
    "said",
    [
        {"result": "error", "message": "Authentication Failed"},
        httpx.ConnectError("refused"),
        httpx.Response(302, headers={"location": "https://moved.example"}),
    ],
    ids=["refused", "silent", "moved"],
)
async def test_a_credential_or_an_address_that_does_not_do_any_more_is_told_to_whoever_opened_it(scene, said):
    s, doubts = scene(said), []
    s.whmcs.transport.on_doubt = lambda: doubts.append(1)
    with pytest.raises(WhmcsError):
        await s.whmcs.transport.call(READ, {})
    assert doubts == [1]


async def test_any_other_refusal_is_no_reason_to_read_the_credential_again(scene):
    s, doubts = scene({"result": "error", "message": "Service ID Not Found"}), []
    s.whmcs.transport.on_doubt = lambda: doubts.append(1)
    with pytest.raises(WhmcsError):
        await s.whmcs.transport.call(READ, {})
    assert doubts == []


async def test_what_is_printed_around_an_answer_is_told_and_not_shown(scene):
    s = scene('<b>Notice</b>: canary in /x.php {"result": "success", "id": "7"} <!-- hidden -->')
    assert await s.whmcs.transport.call(READ, {}) == {"result": "success", "id": "7"}
    assert s.calls[0].around.endswith(tuple("0123456789abcdef")) and "bytes of text, sha256" in s.calls[0].around
    assert "canary" not in repr(s.calls) and "hidden" not in repr(s.calls)
