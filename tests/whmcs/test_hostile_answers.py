"""A WHMCS that answers what no WHMCS should: each time one line that names the limit, and soon (safety rule 25)."""

import json
import time

import httpx
import pytest
from pydantic import SecretStr

from tests.answers.streams import PIECE, Pieces, answer, gzip_bomb
from tests.whmcs.conftest import ACCESS
from whmcs import services
from whmcs.api import WhmcsApi
from whmcs.errors import UnexpectedWhmcsResponse, WhmcsError, WhmcsUnreachable

LETTERS = "a" * 1_000_000


def whmcs(respond, seconds: float = 30) -> WhmcsApi:
    async def sleep(_: float) -> None:
        return None

    return WhmcsApi(ACCESS, http=httpx.MockTransport(lambda _: respond()), sleep=sleep, timeout_seconds=seconds)


@pytest.mark.parametrize(
    ("respond", "limit"),
    [
        (lambda: answer(Pieces(b'{"result": "success", "x": "' + b"x" * PIECE, 10**9)), "longer than 8,000,000 bytes"),
        (lambda: answer(gzip_bomb(30), content_encoding="gzip"), "longer than 8,000,000 bytes"),
        (lambda: answer(b"x", content_encoding="br"), "cannot be unpacked"),
        (lambda: answer(b'{"result":' * 100_000 + b"1" + b"}" * 100_000), "deeper than 50 levels"),
        (lambda: answer(b"{" * 1_000_000), "did not answer"),
        (lambda: answer(b"result=success;" + b"a=b;" * 250_000), "without a readable list"),
        (lambda: answer(b'{"result": "success", "totalresults": ' + b"9" * 5_000 + b"}"), "thousands of digits"),
        (lambda: answer(b'{"result": "success", "totalresults": "' + b"9" * 5_000 + b'"}'), "without a readable list"),
        (lambda: answer('{"result": "success", "totalresults": "²"}'.encode()), "without a readable list"),
        (
            lambda: answer(b'{"result": "success", "totalresults": "1", "products": {"product": {"\xc2\xb2": 1}}}'),
            "do not add up|without a readable list|ServiceListing",
        ),
        (lambda: answer(json.dumps({"result": "error", "message": "client " * 100_000}).encode()), "refused"),
        (lambda: answer(json.dumps({"result": "error", "message": LETTERS}).encode()), "refused"),
        (lambda: answer(LETTERS.encode()), "did not answer"),
    ],
)
async def test_a_hostile_list_is_one_line_that_names_the_limit(respond, limit):
    api = whmcs(respond)
    began = time.process_time()
    try:
        found = await api.services.all()
    except WhmcsError as error:
        said = str(error)
    else:  # a row that cannot be read is odd and hides no other one
        assert not found
        said = "ServiceListing"
    assert time.process_time() - began < 3
    assert any(part in said for part in limit.split("|"))
    assert len(said.splitlines()) == 1
    assert len(said) < 1_000
    await api.aclose()


async def test_a_body_that_drips_ends_with_the_whole_time():
    api = whmcs(lambda: answer(Pieces(b" ", 10**9, seconds=0.05)), seconds=0.2)
    began = time.monotonic()
    with pytest.raises(WhmcsUnreachable, match=r"not there within 0\.4 s"):
        await api.transport.call("UpdateClientProduct", {"serviceid": 1, "servicepassword": SecretStr("canary")})
    assert time.monotonic() - began < 3


@pytest.mark.parametrize("total", [9_999, 1_000])
async def test_a_list_without_an_end_ends_at_the_cap(monkeypatch, total):
    monkeypatch.setattr(services, "MOST_ROWS", 3_000)
    monkeypatch.setattr(services, "MOST_PAGES", 30)
    asked = []

    def page() -> httpx.Response:
        asked.append(1)
        rows = [{"id": str(len(asked))}]
        return httpx.Response(
            200, json={"result": "success", "totalresults": str(total), "products": {"product": rows}}
        )

    with pytest.raises(UnexpectedWhmcsResponse, match="more than 3,000" if total > 3_000 else "more than 30 pages"):
        await whmcs(page).services.all()
    assert len(asked) <= 30
