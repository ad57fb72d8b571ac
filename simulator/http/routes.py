"""The panel over HTTP: routes made from the table of endpoints, sessions, bodies, faults, the record of calls.

A corrected table corrects the simulator too.
Source: docs/sources.md, panel 2, 4 and 16.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import Request, Response
from pydantic_core import to_json

from dcimanager.endpoints import Dialect, Endpoint
from simulator.http.address_handlers import ADDRESS_HANDLERS
from simulator.http.catalogue_handlers import CATALOGUE_HANDLERS
from simulator.http.handler_types import ApiAnswer, ApiCall
from simulator.http.server_handlers import SERVER_HANDLERS
from simulator.http.session_handlers import SESSION_HANDLERS
from simulator.http.swagger import SERVICES, addresses, describe, page
from simulator.panel.errors import ApiError, Code
from simulator.panel.faults import AnswerLost, Faults, GatewayError
from simulator.panel.hostile import HostileAnswer
from simulator.panel.model import PanelModel, RecordedRequest

HANDLERS = {**SERVER_HANDLERS, **ADDRESS_HANDLERS, **SESSION_HANDLERS, **CATALOGUE_HANDLERS}

#: Endpoints that need no session.
PUBLIC = frozenset({"login", "swagger"})

#: What the role User may do, on their own servers (section 7.10).
USER_MAY = frozenset(
    "logout whoami server_list server_get power_on power_off power_reset os_install operation_get address_list"
    " os_template_list ptr_set rescue_start rescue_leave".split()
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
    """Answers the calls of the panel's API."""

    def __init__(self, panel: PanelModel, dialect: Dialect, faults: Faults) -> None:
        self._panel = panel
        self._dialect = dialect
        self._faults = faults
        routes = [Route(entry, tuple(entry.path.strip("/").split("/"))) for entry in dialect.endpoints.values()]
        # server/configuration goes before server/{server}.
        self._routes = sorted(routes, key=lambda route: sum(part.startswith("{") for part in route.segments))

    async def handle(self, request: Request) -> Response:
        """Answer one call. Raises AnswerLost: the connection has to be cut without an answer."""
        path = request.url.path.strip("/").removeprefix("api/")
        raw = await request.body()
        body = _json(raw) if request.method == "POST" else {}
        route, ids = self._find(request.method, path.split("/"), body)
        described = self._swagger(path) if request.method == "GET" else None
        name = "swagger" if described is not None else route.endpoint.name if route else None
        if "token" in ids:
            path = path.replace(ids["token"], "***")
        rules = self._faults.rules_for(name or "")
        answer: ApiAnswer | None = None
        try:
            self._panel.settle()
            gateway_error = await self._faults.apply(rules, "before")
            self._panel.settle()
            if gateway_error is None:
                shown = ApiAnswer({}) if described is not None else None
                answer = shown or self._answer(request, route, ids, body)
                gateway_error = await self._faults.apply(rules, "after")
        except AnswerLost:
            self._record(request, path, name, answer, body, lost=answer is not None)
            raise
        self._record(request, path, name, answer, body, gateway_error=gateway_error)
        if isinstance(gateway_error, HostileAnswer):
            told = to_json(answer.body if answer else None)
            return Response(gateway_error.body(told), headers=gateway_error.headers, media_type=_JSON)
        if gateway_error is not None:
            return Response(gateway_error.text, gateway_error.status, media_type="text/plain")
        if described is not None:
            return described
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
            # So may an installation with SSH keys and one without.
            if route.endpoint.name == "os_install_with_key" and isinstance(body, dict):
                if route.endpoint.body["ssh_keys"] in body:
                    return route, ids
            # So may giving addresses of either family; the family says which it is.
            if route.endpoint.name == "address_add_ipv6" and isinstance(body, dict):
                if body.get(route.endpoint.body.get("family", "family")) == route.endpoint.values.get("ipv6"):
                    return route, ids
        return found[0]

    def _answer(self, request: Request, route: Route | None, ids: dict[str, str], body: Any) -> ApiAnswer:
        try:
            if route is None:
                raise ApiError(404, Code.NO_ROUTE, "Request handler not found", {"path": request.url.path})
            name = route.endpoint.name
            user = None
            if name not in PUBLIC:
                user = self._panel.sessions.user(request.method, request.headers, request.cookies)
                if not user.is_admin and name not in USER_MAY:
                    raise ApiError(403, Code.NOT_ALLOWED, "Not enough rights")
            if not isinstance(body, dict):
                raise ApiError(400, Code.INVALID_VALUE, "The body must be a JSON object")
            if name not in HANDLERS:
                raise ApiError(404, Code.NO_ROUTE, "Request handler not found", {"path": request.url.path})
            return HANDLERS[name](self._panel, ApiCall(route.endpoint, ids, body, request.query_params, user))
        except ApiError as refusal:
            return ApiAnswer(refusal.body(), refusal.status)

    def _swagger(self, path: str) -> Response | None:
        """The Swagger page or a definition, None for any other path, and for both where the panel has none."""
        variants = self._panel.variants
        if variants.swagger == "absent":
            return None
        if path == self._dialect["swagger"].path.strip("/"):
            return Response(page(addresses()), media_type="text/html")
        service = path.removesuffix("/swagger.json")
        if service == path or service not in SERVICES:
            return None
        differing = variants.swagger_differs if variants.swagger == "differs" else frozenset()
        return Response(to_json(describe(self._dialect, differing, service)), media_type=_JSON)

    def _record(
        self,
        request: Request,
        path: str,
        name: str | None,
        answer: ApiAnswer | None,
        body: Any,
        *,
        gateway_error: GatewayError | HostileAnswer | None = None,
        lost: bool = False,
    ) -> None:
        status = gateway_error.status if gateway_error is not None else answer.status if answer is not None else None
        shown = masked(body) if request.method == "POST" and isinstance(body, dict) else None
        self._panel.requests.append(
            RecordedRequest(self._panel.world.now(), request.method, path, name, status, shown, lost)
        )


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
