"""The door's calls of Prefect: its own words, Prefect's auth string, and an answer that is bounded (safety rule 25)."""

import asyncio
import json
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import httpx
from pydantic import JsonValue

from door.refusal import DoorRefusal

CONNECT_SECONDS = 3.0

WHOLE_SECONDS = 5.5
"""From the call to the last byte of its answer. The module waits 6 s for the door, and learns the reason so."""

LONGEST_ANSWER = 1024 * 1024
"""Bytes. A run with its labels has some KB, a part of a published variable at most a few dozen."""

RETRY_SECONDS = 1


@dataclass(frozen=True)
class PrefectAnswer:
    """What Prefect said: its status, below 500, and its JSON; None: there was none."""

    status: int
    json: JsonValue

    def get(self, key: str) -> JsonValue:
        """The value of a key; None: it is not there, or the answer is no object."""
        return self.json.get(key) if isinstance(self.json, dict) else None

    def text(self, key: str) -> str:
        """The text of a key; empty: it is no text."""
        value = self.get(key)
        return value if isinstance(value, str) else ""


class Upstream:
    """Prefect's API, as the door asks it."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http
        self.deployments: dict[str, str] = {}
        """Prefect's ids of deployments by flow, as they were last."""

    async def ask(self, method: str, path: str, body: JsonValue = None) -> PrefectAnswer:
        """One call, never repeated: the module repeats it, with the same key.

        Raises DoorRefusal: 503 Prefect is away or busy, 502 it failed or says too much, 500 it refuses the door itself.
        """
        try:
            async with asyncio.timeout(WHOLE_SECONDS):
                status, said = await self._said(method, path, body)
        except (TimeoutError, httpx.HTTPError):
            raise _away("Prefect does not answer: repeat this call, with the same key.") from None
        if status in (401, 403):
            raise DoorRefusal(500, "Prefect refuses the door: give it Prefect's auth string (PREFECT_API_AUTH_STRING).")
        if status in (429, 503):
            raise _away("Prefect is busy: repeat this call, with the same key.")
        if status >= 300 and status not in (404, 409, 422):
            raise DoorRefusal(502, f"Prefect answered {status}: see its log.", retry_after=RETRY_SECONDS)
        try:
            return PrefectAnswer(status, cast(JsonValue, json.loads(said)) if said else None)
        except (ValueError, RecursionError):
            raise DoorRefusal(502, f"Prefect answered {status} and no JSON.", retry_after=RETRY_SECONDS) from None

    async def _said(self, method: str, path: str, body: JsonValue) -> tuple[int, bytes]:
        said = bytearray()
        async with self._http.stream(method, path, json=body) as response:
            async for chunk in response.aiter_bytes():
                said += chunk
                if len(said) > LONGEST_ANSWER:
                    raise DoorRefusal(502, "Prefect's answer is longer than a megabyte.", retry_after=RETRY_SECONDS)
        return response.status_code, bytes(said)


def _away(line: str) -> DoorRefusal:
    return DoorRefusal(503, line, retry_after=RETRY_SECONDS)


def http_client(api: str, auth_string: str | None, *, authority: Path | None = None) -> httpx.AsyncClient:
    """A client of Prefect's API at this address. No proxy of the environment, and no redirect, sees the auth string.

    authority: the file with the certificate that signed Prefect's; None: the machine's.
    """
    user, _, secret = (auth_string or "").partition(":")
    return httpx.AsyncClient(
        base_url=api,
        auth=httpx.BasicAuth(user, secret) if auth_string else None,
        timeout=httpx.Timeout(WHOLE_SECONDS, connect=CONNECT_SECONDS),
        # The places of each installation are the limit (rate_limits.py).
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=64),
        trust_env=False,
        verify=ssl.create_default_context(cafile=authority) if authority else True,
    )
