"""The panel as an ASGI application: sessions, sleeping services, errors; the calls do the rest."""

import json
import uuid
from collections.abc import Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from tests.contract.other_panel import timing
from tests.contract.other_panel.account_calls import ACCOUNT_CALLS, sign_in, sign_out
from tests.contract.other_panel.calls import Asked, Call
from tests.contract.other_panel.description import definition, page
from tests.contract.other_panel.network_calls import NETWORK_CALLS
from tests.contract.other_panel.server_calls import SERVER_CALLS
from tests.contract.other_panel.state import Clock, Refusal
from tests.contract.other_panel.stock import stocked

CALLS = (*ACCOUNT_CALLS, *SERVER_CALLS, *NETWORK_CALLS)
TYPES: dict[str, type] = {"integer": int, "string": str, "boolean": bool}


class OtherPanel:
    """One panel: `app` answers with and without /api, `world` is what it keeps, `writes` every call but reading ones.

    Each service answers its first call with 503, having been idle.
    """

    def __init__(self, clock: Clock) -> None:
        self.world = stocked(clock)
        self.writes: list[str] = []
        self.asleep = {"auth", "dci", "ip"}
        self._sessions: dict[str, float] = {}
        self.app = Starlette(
            routes=[
                Route("/swagger/", self._page),
                Route("/swagger/definitions/{file}", self._definition),
                Route("/{path:path}", self._call, methods=["GET", "POST", "DELETE"]),
            ]
        )

    def end_sessions(self) -> None:
        """Everybody is logged out, as after a restart of the panel."""
        self._sessions.clear()

    async def _page(self, request: Request) -> Response:
        return HTMLResponse(page())

    async def _definition(self, request: Request) -> Response:
        try:
            text, media_type = definition(request.path_params["file"], CALLS)
        except KeyError:
            return PlainTextResponse("not found", 404)
        return Response(text, media_type=media_type)

    async def _call(self, request: Request) -> Response:
        path = request.path_params["path"].removeprefix("api/")
        service = path.split("/")[0]
        if service in self.asleep:
            self.asleep.remove(service)
            return PlainTextResponse("Unavailable", 503)
        self.world.settle()
        try:
            return self._answer(request, path, await request.body())
        except Refusal as refusal:
            error = {"code": refusal.code, "msg": refusal.text, "value": {}}
            return JSONResponse({"error": error}, refusal.status)

    def _answer(self, request: Request, path: str, sent: bytes) -> Response:
        call, ids = _found(request.method, path)
        token = request.headers.get("x-xsrf-token", "")
        if not call.public:
            self._keep_alive(token)
        asked = Asked(ids, request.query_params, _checked(call, json.loads(sent) if sent else {}))
        if call.method != "GET" and call.service != "auth/v4":
            self.writes.append(f"{call.method} {path}")
        answer = call.handle(self.world, asked)
        if call.handle is sign_in:
            token = f"{answer['id']}-{uuid.uuid4()}"
            self._sessions[token] = self.world.clock.now()
            return JSONResponse({**answer, "token": token}, 201)
        if call.handle is sign_out:
            self._sessions.pop(ids["token"], None)
        return JSONResponse(answer)

    def _keep_alive(self, token: str) -> None:
        now = self.world.clock.now()
        if token not in self._sessions or now - self._sessions[token] > timing.SESSION:
            raise Refusal(1000, "Session expired")
        self._sessions[token] = now


def _found(method: str, path: str) -> tuple[Call, Mapping[str, str]]:
    for call in CALLS:
        ids = call.match(path)
        if ids is not None and call.method == method:
            return call, ids
    raise Refusal(1106, "Request handler not found", 404)


def _checked(call: Call, body: Any) -> Mapping[str, Any]:
    """The body. Raises Refusal: a property is unknown, missing or of another type."""
    if not isinstance(body, dict):
        raise Refusal(3007, "The body is not an object")
    for name, value in body.items():
        if name not in call.body:
            raise Refusal(3008, f"Unexpected property {name}")
        schema = call.body[name]
        if type(value) is not TYPES[schema["type"]] or value not in schema.get("enum", [value]):
            raise Refusal(3009, f"Wrong value of {name}")
    for name in call.required:
        if name not in body:
            raise Refusal(3006, f"Missing property {name}")
    return body
