"""What comes of a call when Prefect is away, busy, wrong or talks too much: one line, and nothing of its own words."""

import asyncio

import httpx
import pytest

from door import upstream
from door.upstream import LONGEST_ANSWER
from tests.door.conftest import Door

TRACE = 'Traceback (most recent call last):\n  File "x.py", line 1\ncanary'


@pytest.mark.parametrize(
    ("said", "status", "line"),
    [
        (httpx.ConnectError("refused by canary"), 503, "Prefect does not answer"),
        (httpx.ReadTimeout("canary"), 503, "Prefect does not answer"),
        (httpx.RemoteProtocolError("canary"), 503, "Prefect does not answer"),
        (httpx.Response(503, text=TRACE), 503, "Prefect is busy"),
        (httpx.Response(429, text=TRACE), 503, "Prefect is busy"),
        (httpx.Response(500, text=TRACE), 502, "Prefect answered 500"),
        (httpx.Response(504, text=TRACE), 502, "Prefect answered 504"),
        (httpx.Response(301, headers={"Location": "http://canary"}), 502, "Prefect answered 301"),
        (httpx.Response(400, json={"detail": TRACE}), 502, "Prefect answered 400"),
        (httpx.Response(200, text="<html>canary</html>"), 502, "Prefect answered 200 and no JSON"),
        (httpx.Response(200, text="[" * 100_000), 502, "Prefect answered 200 and no JSON"),
        (httpx.Response(200, content=b"x" * (LONGEST_ANSWER + 1)), 502, "Prefect's answer is longer"),
    ],
)
async def test_it_is_one_line_and_to_be_repeated(
    door: Door, said: httpx.Response | Exception, status: int, line: str
) -> None:
    door.prefect.instead.append(said)
    answer = await door.shop.get("/deployments/name/suspend/whmcs")
    assert (answer.status_code, answer.headers["Retry-After"]) == (status, "1")
    assert answer.json()["detail"].startswith(line)
    assert "\n" not in answer.json()["detail"] and "canary" not in answer.text + "".join(door.log)


@pytest.mark.parametrize("status", [401, 403])
async def test_a_wrong_auth_string_of_prefect_is_not_taken_for_whmcs_wrong_secret(door: Door, status: int) -> None:
    door.prefect.instead.append(httpx.Response(status, json={"detail": "Unauthorized"}))
    answer = await door.shop.get("/deployments/name/suspend/whmcs")
    assert answer.status_code == 500
    assert "PREFECT_API_AUTH_STRING" in answer.json()["detail"]


async def test_an_answer_that_drips_ends_with_the_whole_time(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upstream, "WHOLE_SECONDS", 0.05)

    class Dripping(httpx.AsyncByteStream):
        async def __aiter__(self):  # type: ignore[no-untyped-def]
            while True:
                yield b" "
                await asyncio.sleep(0.01)

    door.prefect.instead.append(httpx.Response(200, stream=Dripping()))
    assert (await door.shop.get("/deployments/name/suspend/whmcs")).status_code == 503
