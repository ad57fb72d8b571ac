"""What every call passes first: a plain address, a known secret, an allowed place. And at its end a line in the log."""

import json
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from door.installations import Installations, authenticated
from door.refusal import DoorRefusal, not_allowed
from door.request_log import Log, LoggedCall

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]

CALL = "dciflow.call"
"""The key of the scope that has the call."""

_PLAIN = re.compile(rb"(?:/[a-z0-9_-]+)+/?")
"""The address as it was sent: no query, nothing encoded, no dot, no empty part."""


class DoorMiddleware:
    """Wraps the application. Whatever it refuses never reaches a route."""

    def __init__(self, app: Asgi, installations: Installations, log: Log) -> None:
        self._app = app
        self._installations = installations
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take a call, or what the server says of its own life."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        call = scope[CALL] = LoggedCall(came_from=(scope.get("client") or ("unknown",))[0])
        answered = 500

        async def sent(message: Message) -> None:
            nonlocal answered
            if message["type"] == "http.response.start":
                answered = message["status"]
            await send(message)

        try:
            self._let_in(scope, call)
            await self._app(scope, receive, sent)
        except DoorRefusal as refusal:
            call.why = str(refusal)
            await _answer(refusal, sent)
        finally:
            self._log(call.line(answered))

    def _let_in(self, scope: Scope, call: LoggedCall) -> None:
        """Raises DoorRefusal: it is nobody's who is known (401), no call of the module's or from elsewhere (403)."""
        headers = [value for name, value in scope["headers"] if name == b"authorization"]
        if len(headers) == 1:
            call.installation = authenticated(self._installations, headers[0].decode("latin-1"))
        if call.installation is None:
            raise DoorRefusal(401, "The user or the secret of WHMCS is wrong: see the addon's auth string.")
        if not call.installation.may_come_from(call.came_from):
            raise DoorRefusal(403, f"{call.installation.name} may not call from {call.came_from}: see door.toml.")
        # ASGI servers give the address as it was sent, too; what is decoded is compared with it by its plainness.
        raw = scope.get("raw_path") or scope["path"].encode()
        if scope["query_string"] or not _PLAIN.fullmatch(raw):
            raise not_allowed()


async def _answer(refusal: DoorRefusal, send: Send) -> None:
    body = json.dumps({"detail": str(refusal)}).encode() + b"\n"
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if refusal.status == 401:
        headers.append((b"www-authenticate", b'Basic realm="dciflow"'))
    if refusal.retry_after is not None:
        headers.append((b"retry-after", str(refusal.retry_after).encode()))
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
