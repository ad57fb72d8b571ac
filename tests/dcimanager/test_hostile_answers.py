"""A panel that answers what no panel should: each time one line that names the limit, and soon (safety rule 25)."""

import itertools
import json
import time

import httpx
import pytest

from dcimanager import paging, transport
from dcimanager.errors import PanelUnreachable, UnexpectedPanelResponse
from dcimanager.operations import Operation
from dcimanager.redaction import redact_text
from dcimanager.response import parse_response, session_is_dead
from tests.answers.streams import PIECE, Pieces, answer, gzip_bomb

LETTERS = "a" * 1_000_000


def one_line(error) -> str:
    line = str(error.value)
    assert len(line.splitlines()) == 1
    assert len(line) < 1_000
    assert line.isprintable()
    return line


@pytest.mark.parametrize(
    ("response", "limit"),
    [
        (lambda: answer(Pieces(b'{"list": [' + b" " * PIECE, 10**9)), "longer than 8,000,000 bytes"),
        (lambda: answer(gzip_bomb(30), content_encoding="gzip"), "longer than 8,000,000 bytes"),
        (lambda: answer(b"not gzip", content_encoding="gzip"), "not packed as it says"),
        (lambda: answer(b"[" * 100_000 + b"]" * 100_000), "deeper than 50 levels"),
        (lambda: answer(b'{"list":' * 100_000 + b"1" + b"}" * 100_000), "deeper than 50 levels"),
        (lambda: answer(b'{"list": [], "size": ' + b"9" * 5_000 + b"}"), "thousands of digits"),
        (lambda: answer(b'{"list": [], "size": "' + b"9" * 5_000 + b'"}'), "not a list of elements"),
        (lambda: answer('{"list": [], "size": "²"}'.encode()), "not a list of elements"),
        (lambda: answer(b"[" + b"{}," * 700_000 + b"1]"), "more than 1,000,000 values"),
        (lambda: answer(LETTERS.encode()), "not JSON"),
        (lambda: answer(b"<b>" + LETTERS.encode(), 500), "failed without saying why"),
        (lambda: answer(json.dumps({"error": {"code": "7" * 9_000, "msg": "\x1b[31mred"}}).encode(), 400), "[31mred"),
    ],
)
async def test_a_hostile_list_is_one_line_that_names_the_limit(wire, panel, response, limit):
    wire.on("GET", "dci/v3/server", lambda _: response())
    await panel.login()
    began = time.process_time()
    with pytest.raises(Exception) as error:
        await panel.servers.all()
    assert time.process_time() - began < 3
    assert limit in one_line(error)
    assert isinstance(error.value, transport.PanelError)


async def test_a_body_that_drips_ends_with_the_whole_time_and_may_have_happened(wire, make_panel):
    panel = make_panel(timeout_seconds=0.2)
    wire.on("POST", "dci/v3/server/7/power_on", lambda _: answer(Pieces(b" ", 10**9, seconds=0.05)))
    began = time.monotonic()
    with pytest.raises(PanelUnreachable, match=r"not there within 0\.4 s.*It is not known whether this happened") as e:
        await panel.servers.power_on(7)
    assert time.monotonic() - began < 3
    one_line(e)


@pytest.mark.parametrize("short", [False, True])
async def test_a_list_without_an_end_ends_at_the_cap(wire, panel, monkeypatch, short):
    monkeypatch.setattr(paging, "MOST_ROWS", 3_000)
    monkeypatch.setattr(paging, "MOST_PAGES", 30)
    numbers = itertools.count(1)

    def page(_: httpx.Request) -> httpx.Response:
        rows = [{"id": next(numbers), "owner_email": None} for _ in range(2 if short else 500)]
        return httpx.Response(200, json={"list": rows, **({"size": 3_000} if short else {})})

    listing = wire.on("GET", "dci/v3/server", page)
    with pytest.raises(UnexpectedPanelResponse, match="more than 30 pages" if short else "more than 3,000 rows") as e:
        await panel.servers.all()
    assert listing.call_count <= 30
    one_line(e)


async def test_a_list_that_comes_slowly_ends_with_its_whole_time(wire, panel, monkeypatch):
    monkeypatch.setattr(transport, "LIST_SECONDS", 0.2)
    numbers = itertools.count(1)

    def page(_: httpx.Request) -> httpx.Response:
        rows = [{"id": next(numbers), "owner_email": None} for _ in range(500)]
        return answer(Pieces(b"", 1, seconds=0.05, end=json.dumps({"list": rows}).encode()))

    wire.on("GET", "dci/v3/server", page)
    with pytest.raises(UnexpectedPanelResponse, match=r"not read within 0\.2 s") as e:
        await panel.servers.all()
    one_line(e)


async def test_a_server_with_a_number_that_no_ledger_holds_is_odd_and_the_others_are_there(wire, panel):
    rows = [{"id": 2**70, "owner_email": None}, {"id": 7, "owner_email": None}, {"id": 2**31, "owner_email": None}]
    wire.on("GET", "dci/v3/server", {"list": rows, "size": 3})
    servers = await panel.servers.all()
    assert [server.id for server in servers] == [7]
    assert len(servers.odd) == 2


@pytest.mark.parametrize(
    "text",
    [
        LETTERS,
        json.dumps({LETTERS: 1}),
        json.dumps({"error": {"code": LETTERS + "1", "msg": LETTERS}}),
        json.dumps({"error": {"code": "1" * 1_000_000 + "x"}}),
        json.dumps({"error": LETTERS}),
        "password=" * 100_000,
        json.dumps({"a": "secret-canary" * 70_000}),
    ],
)
@pytest.mark.parametrize("status", [200, 400, 500])
def test_a_megabyte_of_letters_is_judged_and_shown_in_no_time(text, status):
    given = transport.ReceivedResponse(status, text)
    asked = transport.PreparedRequest("server_list", "GET", "x", "x", None, None, {}, ())
    began = time.process_time()
    session_is_dead(given)
    redact_text(text, {"secret-canary"})
    try:
        parse_response(given, asked, {"secret-canary"})
    except transport.PanelError as error:
        assert "canary" not in str(error)
    assert time.process_time() - began < 0.1


@pytest.mark.parametrize(
    "text", [LETTERS, "fail" * 250_000, "no " * 300_000, "no" + " " * 1_000_000 + "x", "fail " * 200_000]
)
def test_a_megabyte_beside_an_operation_proves_nothing_and_soon(text):
    began = time.process_time()
    assert Operation.model_validate({"id": 1, "status": "finished", "status_info": text}).undone
    assert Operation.model_validate({"id": 1, "status": "finished", "progress_info": [text]}).undone
    assert time.process_time() - began < 0.5
