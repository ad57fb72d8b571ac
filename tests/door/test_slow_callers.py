"""Callers that drip, at the door as uvicorn serves it, over a socket of their own."""

import asyncio
import base64
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio
import uvicorn

from dciflow.cli_door import MOST_AT_ONCE
from door import body, slow_callers
from door.shapes import FLOWS
from door.slow_callers import BoundedCalls
from tests.door.conftest import SECRET, Door

HEAD = 0.4
BODY = 0.5
SPARE = 0.2
DRIP = 0.05
SOON = 3.0
"""Seconds in which a connection is cut on a busy machine; what is not cut drips on for longer."""
AUTH = base64.b64encode(f"shop:{SECRET}".encode()).decode()


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slow_callers, "HEAD_SECONDS", HEAD)
    monkeypatch.setattr(slow_callers, "BODY_SECONDS", BODY)
    monkeypatch.setattr(slow_callers, "SPARE_SECONDS", SPARE)
    monkeypatch.setattr(body, "BODY_SECONDS", BODY)


@asynccontextmanager
async def served(app: Any) -> AsyncIterator[int]:
    """Serve an application as the door is served; the port."""
    config = uvicorn.Config(
        app, host="127.0.0.1", port=0, http=BoundedCalls, lifespan="off", log_level="warning",
        limit_concurrency=MOST_AT_ONCE,
    )  # fmt: skip
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        await server.shutdown()


@pytest_asyncio.fixture
async def port(door: Door) -> AsyncIterator[int]:
    """Where the door answers."""
    async with served(door.app) as port:
        yield port


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def drip(writer: asyncio.StreamWriter, piece: bytes = b"x") -> float:
    """Send a piece again and again until the connection is cut; after how many seconds it was."""
    began = time.monotonic()
    try:
        while time.monotonic() - began < SOON:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(DRIP)
    except ConnectionError:
        return time.monotonic() - began
    raise AssertionError(f"the caller drips on after {SOON:g} s")


def call(
    method: str = "GET", path: str = "/api/deployments/name/suspend/whmcs", known: bool = True, **more: str
) -> bytes:
    """The head of a call; the headers' dashes are underscores."""
    headers = {"host": "door", **({"authorization": f"Basic {AUTH}"} if known else {}), **more}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode()


async def status(reader: asyncio.StreamReader) -> int:
    """The status of the next answer, its body read past."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = next((int(line[15:]) for line in head.splitlines() if line.startswith(b"content-length:")), 0)
    await reader.readexactly(length)
    return int(head.split()[1])


async def test_a_head_that_drips_is_cut(port: int, caplog: pytest.LogCaptureFixture) -> None:
    async with connected(port) as (_, writer):
        writer.write(b"GET /api/deployments/name/suspend/whmcs HTTP/1.1\r\nhost: door\r\nx-drip: ")
        assert await drip(writer) >= HEAD - DRIP
    assert "A caller at 127.0.0.1 was cut off: the head of its call did not come in time." in caplog.text


async def test_a_caller_who_says_nothing_is_cut(port: int) -> None:
    async with connected(port) as (reader, _):
        async with asyncio.timeout(SOON):
            assert await reader.read() == b""


async def test_the_second_head_on_a_connection_is_cut_too(port: int) -> None:
    async with connected(port) as (reader, writer):
        writer.write(call())
        assert await status(reader) == 200
        writer.write(b"GET /api/deployments/")
        await drip(writer)


async def test_a_body_that_drips_is_told_so_and_then_cut(port: int) -> None:
    async with connected(port) as (reader, writer):
        path = f"/api/deployments/{FLOWS['suspend'].id}/create_flow_run"
        writer.write(call("POST", path, content_type="application/json", content_length="9999"))
        dripping = asyncio.create_task(drip(writer, b" "))
        assert await status(reader) == 408
        assert await dripping >= BODY


@pytest.mark.parametrize("known", [True, False])
async def test_a_body_that_nobody_reads_and_that_drips_on_after_the_answer_is_cut(port: int, known: bool) -> None:
    async with connected(port) as (reader, writer):
        writer.write(call(known=known, content_length="9999"))
        assert await status(reader) == (200 if known else 401)
        await drip(writer)


async def test_calls_in_time_are_answered_one_after_the_other(port: int) -> None:
    async with connected(port) as (reader, writer):
        for _ in range(3):
            first, second = call()[:30], call()[30:]
            writer.write(first)
            await writer.drain()
            await asyncio.sleep(HEAD / 2)
            writer.write(second)
            assert await status(reader) == 200


async def test_calls_that_are_sent_at_once_are_answered_in_turn(port: int) -> None:
    async with connected(port) as (reader, writer):
        writer.write(call() * 3)
        assert [await status(reader) for _ in range(3)] == [200, 200, 200]


async def test_how_long_the_answer_takes_is_not_bounded_by_it() -> None:
    async def slow(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(2 * (HEAD + BODY))
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async with served(slow) as port, connected(port) as (reader, writer):
        writer.write(call())
        assert await status(reader) == 204
