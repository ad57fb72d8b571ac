import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
import respx
from pydantic import SecretStr

from dcimanager.endpoints import Dialect, Mark, load_dialect
from dcimanager.panel import Panel
from dcimanager.transport import PanelAccess, PanelCall

ACCESS = PanelAccess(
    name="main",
    url="https://panel.example.com/api/",
    username="admin@example.com",
    password=SecretStr("panel-canary-password"),
)


@dataclass
class PanelWire:
    """A panel made of scripted answers; a call that no test scripted fails the test."""

    router: respx.MockRouter
    calls: list[PanelCall] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)
    tokens: int = 0

    def __post_init__(self) -> None:
        self.login = self.on("POST", "auth/v4/public/token", self._log_in)
        self.logout = self.on("DELETE", None, httpx.Response(200, json={}), path__startswith="/api/auth/v4/token/")

    def on(self, method: str, path: str | None, *answers: Any, **patterns: Any) -> respx.Route:
        """Script a call: one answer for ever, or several in their order; JSON, a Response, an error or a function."""
        if path is not None:
            patterns["path"] = f"/api/{path}"
        made = [
            answer
            if isinstance(answer, httpx.Response | Exception) or callable(answer)
            else httpx.Response(200, json=answer)
            for answer in answers
        ]
        route = self.router.route(method=method, **patterns)
        if len(made) > 1:
            return route.mock(side_effect=made)
        if isinstance(made[0], httpx.Response):
            return route.mock(return_value=made[0])
        return route.mock(side_effect=made[0])

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)

    def _log_in(self, request: httpx.Request) -> httpx.Response:
        self.tokens += 1
        return httpx.Response(201, json={"id": "7", "token": f"canary-token-{self.tokens}", "confirmed": True})


def sent(route: respx.Route) -> Any:
    return json.loads(route.calls.last.request.content)


def refusal(status: int, code: int = 4000, msg: str = "Not today") -> httpx.Response:
    return httpx.Response(status, json={"error": {"code": code, "msg": msg, "value": {}}})


@pytest.fixture
def wire() -> PanelWire:
    return PanelWire(respx.MockRouter(assert_all_called=False))


@pytest.fixture
def make_panel(wire: PanelWire) -> Callable[..., Panel]:
    def make(access: PanelAccess = ACCESS, **options: Any) -> Panel:
        options.setdefault("http", httpx.MockTransport(wire.router.async_handler))
        return Panel(access, on_call=wire.calls.append, sleep=wire.sleep, **options)

    return make


@pytest.fixture
def panel(make_panel: Callable[..., Panel]) -> Panel:
    return make_panel()


@pytest.fixture
def corrected() -> Callable[..., Dialect]:
    def correct(name: str, **changes: Any) -> Dialect:
        dialect = load_dialect()
        endpoint = dialect[name].model_copy(update={"mark": Mark.CORRECTED, **changes})
        return Dialect(endpoints={**dialect.endpoints, name: endpoint})

    return correct


@pytest.fixture(name="sent")
def sent_body() -> Callable[[respx.Route], Any]:
    return sent


@pytest.fixture(name="refusal")
def panels_refusal() -> Callable[..., httpx.Response]:
    return refusal
