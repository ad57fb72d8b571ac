"""Talking to a simulation without sockets, lost and late answers included."""

import httpx
from fastapi import FastAPI

from simulator.faults import AnswerLate, AnswerLost, patience


class InProcessTransport(httpx.AsyncBaseTransport):
    """An httpx transport into an application: a lost answer is a ReadError, one that is too late a ReadTimeout."""

    def __init__(self, app: FastAPI) -> None:
        self._inner = httpx.ASGITransport(app=app)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request. Raises httpx.ReadError, httpx.ReadTimeout."""
        token = patience.set(request.extensions.get("timeout", {}).get("read"))
        try:
            return await self._inner.handle_async_request(request)
        except AnswerLate:
            raise httpx.ReadTimeout("The answer did not come in time", request=request) from None
        except AnswerLost:
            raise httpx.ReadError("The connection was cut", request=request) from None
        finally:
            patience.reset(token)

    async def aclose(self) -> None:
        """Nothing is open."""
        await self._inner.aclose()
