"""The one place that speaks HTTP to a panel: session, repeats, lists, and what is told about each call."""

import asyncio
import copy
import json
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.cookiejar import CookieJar, DefaultCookiePolicy
from socket import gaierror
from typing import TypeAlias

import httpx
from pydantic import JsonValue, SecretStr

from dcimanager.access import Access
from dcimanager.answers import judge, judge_login, lost
from dcimanager.asking import Asked, Ids, Words, ask
from dcimanager.endpoints import Dialect, DialectError
from dcimanager.errors import PanelError
from dcimanager.filters import Filter
from dcimanager.paging import DoesNotAddUp, NotAList, Rows, read_all
from dcimanager.patience import Answer, Lost, repeating
from dcimanager.redaction import MASK, redact, redact_text
from dcimanager.shapes import outside
from dcimanager.turns import Turns

__all__ = ["Access", "Call", "HttpTransport", "Ids", "OnCall", "Sleep", "Transport", "Words"]

HttpTransport: TypeAlias = httpx.AsyncBaseTransport
Sleep: TypeAlias = Callable[[float], Awaitable[object]]

CONNECT_SECONDS = 5.0
"""A panel that is up takes a connection in milliseconds; one that is down should not hold a step for half a minute."""
KEEP_ALIVE_SECONDS = 4.0
"""Shorter than any server's own limit, so that a POST never goes out on a connection the panel is just closing."""
CALLS_AT_ONCE = 8
"""A panel serves its own pages too; what is beyond waits, and runs take turns, so that none holds up the others."""
SPARE_CONNECTIONS = 1
"""For logging out, which takes no turn. Waiting for a connection would count as the panel's slowness, so none does."""
PAGE = 500


@dataclass(frozen=True)
class Call:
    """One HTTP exchange with the panel, fit to be logged: bodies are redacted, `status` is None without an answer.

    What was received is redacted when it is asked for: a page of servers is large, and most logs do not show it.
    """

    method: str
    path: str
    status: int | None
    milliseconds: float
    sent: JsonValue
    redacted: Callable[[], JsonValue] = field(repr=False)

    @property
    def received(self) -> JsonValue:
        """The answer's body; None without an answer."""
        return self.redacted()


OnCall: TypeAlias = Callable[[Call], None]


class Transport:
    """One session with one panel, shared by however many calls run at once.

    It logs in when first needed, once, and again once when the panel says 401 (the handler did not run, so the call
    is repeated, POST included). HTTP 503 is repeated for a minute, POST included. A lost answer, 502 and 504 are
    repeated for GET only, three times. Redirects are not followed. At most `calls_at_once` are under way, logins
    among them; callers (`turns.caller`) take turns. Neither waiting for a session nor a pause holds a place.
    `on_call` is read at each call and may be changed at any time.
    Source: dossier "HTTP API of ISPsystem DCImanager 6", sections 2 to 5.
    """

    def __init__(
        self,
        access: Access,
        dialect: Dialect,
        *,
        http: HttpTransport | None = None,
        on_call: OnCall | None = None,
        sleep: Sleep = asyncio.sleep,
        timeout_seconds: float = 30,
        calls_at_once: int = CALLS_AT_ONCE,
    ) -> None:
        self.access = access
        self.dialect = dialect
        self.on_call = on_call
        self._sleep = sleep
        self._timeout_seconds = timeout_seconds
        self._turns = Turns(calls_at_once)
        self._token: str | None = None
        self._lock = asyncio.Lock()
        self._logins = 0
        self._login_error: PanelError | None = None
        self._client = httpx.AsyncClient(
            transport=http,
            verify=access.verify_tls,
            timeout=httpx.Timeout(timeout_seconds, connect=min(CONNECT_SECONDS, timeout_seconds)),
            limits=httpx.Limits(max_connections=calls_at_once + SPARE_CONNECTIONS, keepalive_expiry=KEEP_ALIVE_SECONDS),
            headers={"isp-box-instance": "true", "accept": "application/json"},
            # The session's cookie is ours to send; a kept one of an older session would go along with a login.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        )

    async def request(
        self,
        name: str,
        *,
        ids: Ids | None = None,
        words: Words | None = None,
        query: Mapping[str, int | str] | None = None,
    ) -> JsonValue:
        """Make the call that the table names, with our words for its body, and give back its parsed JSON.

        SecretStr values travel as they are and are masked wherever the call is shown. An empty body is None.
        Raises Unreachable, Refused, NotFound, WrongCredentials, Surprise; DialectError: the table does not fit.
        """
        asked = ask(self.dialect[name], ids or {}, words or {}, query or {})
        token = await self._session(stale=None)
        answer = await self._send(asked, token)
        if answer.status == 401:
            token = await self._session(stale=token)
            answer = await self._send(asked, token)
        return judge(answer, asked, self._secrets(asked, token))

    async def list(
        self,
        name: str,
        *,
        where: Filter | None = None,
        orderby: str | None = "id asc",
        page: int = PAGE,
        ids: Mapping[str, int | str] | None = None,
    ) -> Rows:
        """All elements of a list, in pages of `page`; a listing whose pages do not add up is read afresh once.

        Raises what `request` raises; Surprise: the pages do not add up twice, or the answer is not a list.
        """
        query: dict[str, int | str] = {}
        if where is not None:
            query["where"] = str(where)
        if orderby is not None:
            query["orderby"] = orderby

        async def part(limit: str) -> JsonValue:
            return await self.request(name, ids=ids, query={**query, "limit": limit})

        try:
            try:
                return await read_all(part, page)
            except DoesNotAddUp:
                return await read_all(part, page)
        except DoesNotAddUp as error:
            text = f"The pages of the panel's list do not add up ({error}): try again when nobody is changing it."
            raise outside(text, self.dialect[name], None) from None
        except NotAList as error:
            text = f"The panel's answer is not a list of elements: correct [{name}] in the table of endpoints."
            raise outside(text, self.dialect[name], error.answer) from None

    def spoken(self, name: str, value: str) -> JsonValue:
        """The panel's own word for a value of ours. Raises DialectError: the table has none."""
        values = self.dialect[name].values
        if value not in values:
            raise DialectError(f"[{name}] has no value {value!r}: add values = {{ {value} = … }} to its entry.")
        return values[value]

    async def login(self) -> None:
        """Log in now, whether there is a session or not. Raises WrongCredentials, Unreachable, Surprise."""
        await self._session(stale=self._token)

    async def aclose(self) -> None:
        """End the session as well as can be done, and close the connections. Never raises."""
        token, self._token = self._token, None
        with suppress(Exception):
            if token is not None:
                asked = ask(self.dialect["logout"], {"token": SecretStr(token)}, {}, {})
                await self._exchange(asked, token)
        with suppress(Exception):
            await self._client.aclose()

    async def _session(self, stale: str | None) -> str:
        """A token that is not the stale one; whoever comes first logs in, the others share how that ended."""
        logins = self._logins
        async with self._lock:
            waited = self._logins != logins
            if self._token is not None and (waited or self._token != stale):
                return self._token
            if waited and self._login_error is not None:
                # Forty calls must not try a wrong password forty times: panels lock users out.
                raise copy.copy(self._login_error)
            self._token = self._login_error = None
            try:
                self._token = await self._log_in()
            except PanelError as error:
                self._login_error = error
                raise
            finally:
                self._logins += 1
            return self._token

    async def _log_in(self) -> str:
        words: Words = {"email": self.access.username, "password": self.access.password}
        asked = ask(self.dialect["login"], {}, words, {})
        answer = await self._send(asked, None)
        return judge_login(answer, asked, self._secrets(asked, None), self.access.name)

    async def _send(self, asked: Asked, token: str | None) -> Answer:
        try:
            answer: Answer = await repeating(asked.method, self._sleep)(self._exchange_in_turn, asked, token)
        except Lost as error:
            raise lost(error, asked, self.access.name) from None
        return answer

    async def _exchange_in_turn(self, asked: Asked, token: str | None) -> Answer:
        async with self._turns.turn():
            return await self._exchange(asked, token)

    async def _exchange(self, asked: Asked, token: str | None) -> Answer:
        session = {} if token is None else {"cookie": f"ses6={token}", "x-xsrf-token": token}
        started = time.perf_counter()
        try:
            response = await self._client.request(
                asked.method,
                f"{self.access.url}/{asked.path}",
                params=asked.query or None,
                json=asked.body,
                headers=session,
            )
        except httpx.RequestError as error:
            self._tell(asked, token, started, None)
            raise self._lost(error) from None
        answer = Answer(
            response.status_code,
            response.text,
            _seconds(response.headers.get("retry-after")),
            response.headers.get("location"),
        )
        self._tell(asked, token, started, answer)
        return answer

    def _tell(self, asked: Asked, token: str | None, started: float, answer: Answer | None) -> None:
        if self.on_call is None:
            return
        milliseconds = (time.perf_counter() - started) * 1000

        def redacted() -> JsonValue:
            if answer is None:
                return None
            return MASK if asked.name == "login" else _shown(answer.text, self._secrets(asked, token))

        status = None if answer is None else answer.status
        self.on_call(Call(asked.method, asked.shown_path, status, milliseconds, asked.shown_body, redacted))

    def _secrets(self, asked: Asked, token: str | None) -> set[str]:
        return {*asked.secrets, self.access.password.get_secret_value(), *([] if token is None else [token])}

    def _lost(self, error: httpx.RequestError) -> Lost:
        if isinstance(error, httpx.ConnectTimeout):
            return Lost("no connection in time (is it up, does a firewall drop us?)", cut=True, sent=False)
        if isinstance(error, httpx.TimeoutException):
            return Lost(f"nothing came within {self._timeout_seconds:g} s", cut=False, sent=True)
        if isinstance(error, httpx.ConnectError):
            return Lost(_why_no_connection(error), cut=True, sent=False)
        cut = isinstance(error, httpx.TransportError)
        return Lost(f"the connection broke ({type(error).__name__})", cut=cut, sent=True)


def _why_no_connection(error: httpx.ConnectError) -> str:
    causes: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in causes:
        causes.append(cause)
        cause = cause.__cause__ or cause.__context__
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        return "TLS failed (a certificate that we do not trust? install its authority here, or set verify_tls to false)"
    if any(isinstance(cause, gaierror) for cause in causes):
        return "its host name is not known to DNS"
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        return "connection refused (is the panel's web server up?)"
    return "no connection (is it up, is the address right?)"


def _seconds(retry_after: str | None) -> float | None:
    """Retry-After in seconds; its other form, a date, would need the panel's clock to agree with ours."""
    return float(retry_after) if retry_after is not None and retry_after.strip().isdecimal() else None


def _shown(text: str, secrets: set[str]) -> JsonValue:
    try:
        return redact(json.loads(text), secrets)
    except (ValueError, RecursionError):
        return redact_text(text, secrets) or None
