"""The panel over HTTP: routes made from the table of endpoints, sessions, bodies, faults, the record of calls.

A corrected table corrects the simulator too.
Source: dossier "HTTP API of ISPsystem DCImanager 6", sections 2, 4 and 16.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import Request, Response
from pydantic_core import to_json

from dcimanager.endpoints import Dialect, Endpoint
from simulator.calls import Answer, Call
from simulator.faults import AnswerLost, Broken, Faults
from simulator.other_handlers import OTHER_HANDLERS
from simulator.panel import PanelModel, Recorded
from simulator.refusals import Code, Refusal
from simulator.server_handlers import SERVER_HANDLERS
from simulator.swagger import describe

HANDLERS = {**SERVER_HANDLERS, **OTHER_HANDLERS}

#: Endpoints that need no session.
PUBLIC = frozenset({"login", "swagger"})

#: What the role User may do, on his own servers (section 7.10).
USER_MAY = frozenset(
    "logout whoami server_list server_get power_on power_off power_reset os_install operation_get address_list"
    " os_template_list".split()
)

SECRET_WORDS = ("password", "token", "key", "secret")


@dataclass(frozen=True)
class Route:
    """One endpoint's path, cut into segments; a segment in braces stands for an id."""

    endpoint: Endpoint
    segments: tuple[str, ...]

    def match(self, segments: list[str]) -> dict[str, str] | None:
        """The ids in a path, or None when it is another's."""
        if len(segments) != len(self.segments):
            return None
        ids: dict[str, str] = {}
        for own, given in zip(self.segments, segments, strict=True):
            if own.startswith("{"):
                ids[own.strip("{}")] = given
            elif own != given:
                return None
        return ids


class PanelRoutes:
    """Answers the panel's calls."""

    def __init__(self, panel: PanelModel, dialect: Dialect, faults: Faults) -> None:
        self._panel = panel
        self._dialect = dialect
        self._faults = faults
        routes = [Route(entry, tuple(entry.path.strip("/").split("/"))) for entry in dialect.endpoints.values()]
        # server/configuration goes before server/{server}.
        self._routes = sorted(routes, key=lambda route: sum(part.startswith("{") for part in route.segments))

    async def handle(self, request: Request) -> Response:
        """Answer one call. Raises AnswerLost: the caller must not hear anything."""
        path = request.url.path.strip("/").removeprefix("api/")
        raw = await request.body()
        body = _json(raw) if request.method == "POST" else {}
        route, ids = self._find(request.method, path.split("/"), body)
        name = route.endpoint.name if route else None
        if "token" in ids:
            path = path.replace(ids["token"], "***")
        rules = self._faults.strike(name or "")
        answer: Answer | None = None
        try:
            self._panel.settle()
            broken = await self._faults.play(rules, "before")
            self._panel.settle()
            if broken is None:
                answer = self._answer(request, route, ids, body)
                broken = await self._faults.play(rules, "after")
        except AnswerLost:
            self._record(request, path, name, answer, body, lost=answer is not None)
            raise
        self._record(request, path, name, answer, body, broken=broken)
        if broken is not None:
            return Response(broken.text, broken.status, media_type="text/plain")
        return Response(to_json(answer.body if answer else None), answer.status if answer else 500, media_type=_JSON)

    def _find(self, method: str, segments: list[str], body: Any) -> tuple[Route | None, dict[str, str]]:
        found = [
            (route, ids)
            for route in self._routes
            if route.endpoint.method == method and (ids := route.match(segments)) is not None
        ]
        if not found:
            return None, {}
        for route, ids in found:
            # Setting and taking away the owner may share a path; a null says which it is.
            if route.endpoint.name == "owner_clear" and isinstance(body, dict):
                key = route.endpoint.body.get("owner", "owner")
                if key in body and body[key] is None:
                    return route, ids
        return found[0]

    def _answer(self, request: Request, route: Route | None, ids: dict[str, str], body: Any) -> Answer:
        try:
            if route is None:
                raise Refusal(404, Code.NO_ROUTE, "Request handler not found", {"path": request.url.path})
            name = route.endpoint.name
            user = None
            if name not in PUBLIC:
                user = self._panel.sessions.user(request.method, request.headers, request.cookies)
                if not user.is_admin and name not in USER_MAY:
                    raise Refusal(403, Code.NOT_ALLOWED, "Not enough rights")
            if not isinstance(body, dict):
                raise Refusal(400, Code.INVALID_VALUE, "The body must be a JSON object")
            if name == "swagger":
                return self._swagger()
            if name not in HANDLERS:
                raise Refusal(404, Code.NO_ROUTE, "Request handler not found", {"path": request.url.path})
            return HANDLERS[name](self._panel, Call(route.endpoint, ids, body, request.query_params, user))
        except Refusal as refusal:
            return Answer(refusal.body(), refusal.status)

    def _swagger(self) -> Answer:
        variants = self._panel.variants
        if variants.swagger == "absent":
            raise Refusal(404, Code.NO_ROUTE, "Request handler not found")
        differing = variants.swagger_differs if variants.swagger == "differs" else frozenset()
        return Answer(describe(self._dialect, differing))

    def _record(
        self,
        request: Request,
        path: str,
        name: str | None,
        answer: Answer | None,
        body: Any,
        *,
        broken: Broken | None = None,
        lost: bool = False,
    ) -> None:
        status = broken.status if broken is not None else answer.status if answer is not None else None
        shown = masked(body) if request.method == "POST" and isinstance(body, dict) else None
        self._panel.requests.append(Recorded(self._panel.world.now(), request.method, path, name, status, shown, lost))


_JSON = "application/json"


def masked(body: Mapping[str, Any]) -> dict[str, Any]:
    """A body that may be kept: whatever is named like a secret is hidden."""
    return {key: "***" if any(word in key.lower() for word in SECRET_WORDS) else value for key, value in body.items()}


def _json(raw: bytes) -> Any:
    """The body's JSON; an empty body is {}, what is no JSON is None."""
    if not raw.strip():
        return {}
    try:
        return json.loads(raw)
    except ValueError:
        return None
