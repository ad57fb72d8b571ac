"""A WHMCS that says what the test tells it to, and the client that listens."""

import json
from collections.abc import Callable
from urllib.parse import parse_qsl

import httpx
import pytest
from pydantic import SecretStr

from whmcs.api import WhmcsApi
from whmcs.transport import WhmcsAccess, WhmcsCall

ACCESS = WhmcsAccess(
    url="https://billing.example.com/whmcs/", identifier="canary-identifier", secret=SecretStr("canary+secret/1")
)

DONE = {"result": "success"}
"""The answer of WHMCS to what it has done and has nothing more to say of."""


class ScriptedWhmcs(httpx.AsyncBaseTransport):
    """Gives the scripted answers in turn, the last one for ever; an exception in the script is raised."""

    def __init__(self, *script: object) -> None:
        self.script = list(script)
        self.requests: list[httpx.Request] = []

    @property
    def forms(self) -> list[dict[str, str]]:
        return [dict(parse_qsl(r.content.decode(), keep_blank_values=True)) for r in self.requests]

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        said = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(said, Exception):
            raise said
        if isinstance(said, httpx.Response):
            return httpx.Response(said.status_code, headers=said.headers, content=said.content)
        return httpx.Response(200, text=said if isinstance(said, str) else json.dumps(said))


class WhmcsVisit:
    """The client, what it talked to, how long it waited and what it logged."""

    def __init__(self, *script: object) -> None:
        self.scripted = ScriptedWhmcs(*script)
        self.waits: list[float] = []
        self.calls: list[WhmcsCall] = []

        async def sleep(seconds: float) -> None:
            self.waits.append(seconds)

        self.whmcs = WhmcsApi(ACCESS, http=self.scripted, on_call=self.calls.append, sleep=sleep)


@pytest.fixture
def scene() -> Callable[..., WhmcsVisit]:
    return WhmcsVisit
