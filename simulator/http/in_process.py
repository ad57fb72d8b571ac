"""A transport to a simulation without sockets, with lost and late answers."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
from fastapi import FastAPI

from simulator.panel.faults import AnswerDrips, AnswerLate, AnswerLost, client_timeout

DRIP_SECONDS = 10.0
"""Simulated seconds between two bytes of an answer that drips: less than any caller waits for the next one."""
DRIPS = 360
"""An hour. Nobody's whole time is so long: a caller whose own clock is the real one is told that it is over."""

Sleep = Callable[[float], Awaitable[object]]


class InProcessTransport(httpx.AsyncBaseTransport):
    """An httpx transport into an application: a lost answer is a ReadError, one that is too late a ReadTimeout.

    One that drips is a body of single bytes, `sleep` between them, until the caller's time is over.
    """

    def __init__(self, app: FastAPI, sleep: Sleep = asyncio.sleep) -> None:
        self._inner = httpx.ASGITransport(app=app)
        self._sleep = sleep

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request. Raises httpx.ReadError, httpx.ReadTimeout."""
        token = client_timeout.set(request.extensions.get("timeout", {}).get("read"))
        try:
            return await self._inner.handle_async_request(request)
        except AnswerDrips:
            return httpx.Response(200, stream=_Drip(self._sleep))
        except AnswerLate:
            raise httpx.ReadTimeout("The answer did not come in time", request=request) from None
        except AnswerLost:
            raise httpx.ReadError("The connection was cut", request=request) from None
        finally:
            client_timeout.reset(token)

    async def aclose(self) -> None:
        """Nothing is open."""
        await self._inner.aclose()


class _Drip(httpx.AsyncByteStream):
    def __init__(self, sleep: Sleep) -> None:
        self._sleep = sleep

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for _ in range(DRIPS):
            yield b" "
            await self._sleep(DRIP_SECONDS)
        raise TimeoutError  # what asyncio.timeout raises, if its clock were the simulated one
