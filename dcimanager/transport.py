"""The one place that speaks HTTP to a panel: session, repeats, lists, and what is told about each call."""

import asyncio
import copy
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from contextvars import ContextVar
from datetime import timedelta
from typing import TypeAlias

from pydantic import JsonValue, SecretStr

from answers.breaker import Breaker
from answers.errors import OverLimit
from answers.json_text import beside_the_loop
from dcimanager.access import PanelAccess
from dcimanager.endpoints import Dialect, DialectError
from dcimanager.errors import PanelError, PanelUnreachable, UnexpectedPanelResponse, WrongCredentials
from dcimanager.exchange import Exchange, HttpTransport
from dcimanager.fair_queue import FairQueue
from dcimanager.filters import Filter
from dcimanager.paging import DoesNotAddUp, NotAList, Rows, read_all
from dcimanager.panel_call import OnCall, PanelCall, shown
from dcimanager.parsing import schema_error
from dcimanager.redaction import MASK, SECRET_ANSWERS
from dcimanager.request import BodyFields, PathParams, PreparedRequest, prepare
from dcimanager.response import parse_login, parse_response, session_is_dead, unreachable_error
from dcimanager.retry import AWAY, LostResponse, ReceivedResponse, with_retries

__all__ = ["BodyFields", "HttpTransport", "OnCall", "PanelAccess", "PanelCall", "PanelTransport", "PathParams", "Sleep"]

Sleep: TypeAlias = Callable[[float], Awaitable[object]]

CALLS_AT_ONCE = 8
"""A panel serves its own pages too. Further calls wait, and runs take turns, so that none holds up the others."""
PAGE = 500
LIST_SECONDS = 600.0
"""The whole time of a list, in real seconds: 100,000 rows of a slow panel take three minutes."""


_Exchange: TypeAlias = Callable[[PreparedRequest, str | None], Awaitable[ReceivedResponse]]


accepted_calls: ContextVar[dict[str, str] | None] = ContextVar("accepted_calls", default=None)
"""Which calls a panel took, entry -> exact call, for whoever has to know (a rehearsal); None: nobody has."""


class PanelTransport:
    """One session with one panel, shared by however many calls run at once.

    It logs in when first needed, once, and again once when the panel says 401, or code 1000 with any status (the
    handler did not run, so the call is repeated, POST included). HTTP 503 is repeated for a minute, POST included. A
    lost answer, 502 and 504 are repeated for GET only, three times. Redirects are not followed. At most
    `calls_at_once` are under way, logins among them; callers (`fair_queue.queue_key`) take turns. Neither a call that
    waits for a session nor one that pauses holds a place.
    Reads of a panel that does not answer again and again are refused without being sent (answers/breaker.py).
    `on_call` is read at each call and may be changed at any time.
    Source: docs/sources.md, panel 2 to 5, and 18.3.
    """

    def __init__(
        self,
        access: PanelAccess,
        dialect: Dialect,
        *,
        http: HttpTransport | None = None,
        on_call: OnCall | None = None,
        sleep: Sleep = asyncio.sleep,
        now: Callable[[], float] = time.monotonic,
        timeout_seconds: float = 30,
        calls_at_once: int = CALLS_AT_ONCE,
    ) -> None:
        self.access = access
        self.dialect = dialect
        self.on_call = on_call
        self.on_doubt: Callable[[], object] | None = None
        """Called when the panel refuses our credentials or does not answer: what we know of it may be old."""
        self.while_waiting: Callable[[], AbstractAsyncContextManager[None]] = nullcontext
        """Entered around each call, its repeats and its waiting for its turn. Around the wait for a session, too: then
        the login enters it a second time, and only the outer one may wait at its end, where our lock is free again."""
        self._sleep = sleep
        self._breaker = Breaker(f"The panel {access.name}", now=now)
        self._turns = FairQueue(calls_at_once)
        self._pages: dict[str, int] = {}
        """Rows of a page, of lists whose usual pages were too large."""
        self._token: str | None = None
        self._lock = asyncio.Lock()
        self._logins = 0
        self._login_error: PanelError | None = None
        self.exchange = Exchange(access, http=http, timeout_seconds=timeout_seconds, calls_at_once=calls_at_once)

    @property
    def clock_ahead(self) -> timedelta | None:
        """How far the clock of the panel's web server is ahead of this machine's, by its last Date; None: not told."""
        return self.exchange.clock_ahead

    async def request(
        self,
        name: str,
        *,
        ids: PathParams | None = None,
        words: BodyFields | None = None,
        query: Mapping[str, int | str] | None = None,
    ) -> JsonValue:
        """Make the call that the table names, with our words for its body, and give back its parsed JSON.

        SecretStr values travel as they are and are masked wherever the call is shown. An empty body is None.
        Raises PanelUnreachable, PanelRefused, PanelNotFound, WrongCredentials, UnexpectedPanelResponse.
        Raises DialectError: the table does not fit.
        """
        asked = prepare(self.dialect[name], ids or {}, words or {}, query or {})
        self._check_breaker(asked)
        token = await self._session(stale=None)
        answer = await self._send(asked, token)
        if session_is_dead(answer):
            token = await self._session(stale=token)
            answer = await self._send(asked, token)
        body = await beside_the_loop(len(answer.text), parse_response, answer, asked, self._secrets(asked, token))
        self._note_accepted(name)
        return body

    async def read_list(
        self,
        name: str,
        *,
        where: Filter | None = None,
        orderby: str | None = "id asc",
        page: int = PAGE,
        ids: Mapping[str, int | str] | None = None,
    ) -> Rows:
        """The elements of a list that are objects, for who looks for one among them. Raises what `read_rows` raises."""
        rows = await self.read_rows(name, where=where, orderby=orderby, page=page, ids=ids)
        return [row for row in rows if isinstance(row, dict)]

    async def read_rows(
        self,
        name: str,
        *,
        where: Filter | None = None,
        orderby: str | None = "id asc",
        page: int = PAGE,
        ids: Mapping[str, int | str] | None = None,
    ) -> list[JsonValue]:
        """All elements of a list, in pages of `page`; a listing whose pages do not add up is read afresh once.

        Where pages of that length were too large before, they are shorter from the beginning.

        Elements of which two have one id both times are given, all of them. Raises what `request` raises.
        Raises UnexpectedPanelResponse: twice the pages do not add up, it is no list, or it is over a limit of rows,
        pages or whole time.
        """
        query: dict[str, int | str] = {}
        if where is not None:
            query["where"] = str(where)
        if orderby is not None:
            query["orderby"] = orderby

        async def part(limit: str) -> JsonValue:
            return await self.request(name, ids=ids, query={**query, "limit": limit})

        def smaller(rows: int) -> None:
            self._pages[name] = rows

        try:
            async with asyncio.timeout(LIST_SECONDS):
                try:
                    return await read_all(part, min(page, self._pages.get(name, page)), on_smaller=smaller)
                except DoesNotAddUp:
                    length = min(page, self._pages.get(name, page))
                    return await read_all(part, length, twins=True, on_smaller=smaller)
        except (OverLimit, TimeoutError) as error:
            why = error if isinstance(error, OverLimit) else f"it was not read within {LIST_SECONDS:g} s"
            text = f"The panel's list was not read to its end: {why}. Look at the panel: what does it list there?"
            raise schema_error(text, self.dialect[name], None) from None
        except DoesNotAddUp as error:
            text = f"The pages of the panel's list do not add up ({error}): try again when nobody is changing it."
            raise schema_error(text, self.dialect[name], None) from None
        except NotAList as error:
            text = f"The panel's answer is not a list of elements: correct [{name}] in the table of endpoints."
            raise schema_error(text, self.dialect[name], error.answer) from None

    async def read_text(self, path: str) -> ReceivedResponse:
        """A page of the panel's host as it is, whatever its status; `path` begins at the host's root with one "/".

        It is asked for with the session that there is, or without one; where that is refused, with a fresh session.
        Redirects are not followed. Raises ValueError: the path leads to another host.
        Raises PanelUnreachable; UnexpectedPanelResponse: over a limit (answers/body.py); WrongCredentials.
        Source: docs/safety.md, rule 25.
        """
        if not path.startswith("/") or path.startswith(("//", "/\\")):
            raise ValueError(f"{path!r} is no path of the panel's host.")
        asked = PreparedRequest("swagger", "GET", path, path, None, None, {}, ())
        self._check_breaker(asked)
        token = self._token
        answer = await self._send(asked, token, self.exchange.page)
        if answer.status in (401, 403):
            token = await self._session(stale=token)
            answer = await self._send(asked, token, self.exchange.page)
        return answer

    def dialect_value(self, name: str, value: str) -> JsonValue:
        """The panel's own word for a value of ours. Raises DialectError: the table has none."""
        values = self.dialect[name].values
        if value not in values:
            raise DialectError(f"[{name}] has no value {value!r}: add values = {{ {value} = … }} to its entry.")
        return values[value]

    async def login(self) -> None:
        """Log in now, whether there is a session or not.

        Raises WrongCredentials, PanelUnreachable, UnexpectedPanelResponse.
        """
        await self._session(stale=self._token)

    async def try_login(self, username: str, password: SecretStr) -> None:
        """Log in as somebody else and keep nothing of it: shows how the panel refuses a login.

        Raises WrongCredentials, PanelUnreachable, UnexpectedPanelResponse.
        """
        asked = prepare(self.dialect["login"], {}, {"email": username, "password": password}, {})
        parse_login(await self._send(asked, None), asked, self._secrets(asked, None), self.access.name)

    async def aclose(self) -> None:
        """End the session as well as can be done, and close the connections. Never raises."""
        token, self._token = self._token, None
        with suppress(Exception):
            if token is not None:
                asked = prepare(self.dialect["logout"], {"token": SecretStr(token)}, {}, {})
                await self._told(asked, token, self.exchange.call)
        with suppress(Exception):
            await self.exchange.aclose()

    async def _session(self, stale: str | None) -> str:
        """A token that is not the stale one. The first caller logs in; the others share its token or its error."""
        if self._token is not None and self._token != stale:
            return self._token
        logins = self._logins
        async with self.while_waiting(), self._lock:
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
                if isinstance(error, WrongCredentials | UnexpectedPanelResponse) and self.on_doubt is not None:
                    self.on_doubt()
                raise
            finally:
                self._logins += 1
            return self._token

    async def _log_in(self) -> str:
        words: BodyFields = {"email": self.access.username, "password": self.access.password}
        asked = prepare(self.dialect["login"], {}, words, {})
        answer = await self._send(asked, None)
        token = parse_login(answer, asked, self._secrets(asked, None), self.access.name)
        self._note_accepted("login")
        return token

    def _note_accepted(self, name: str) -> None:
        accepted = accepted_calls.get()
        if accepted is not None:
            accepted[name] = self.dialect[name].call

    async def _send(
        self, asked: PreparedRequest, token: str | None, exchange: _Exchange | None = None
    ) -> ReceivedResponse:
        async def in_turn() -> ReceivedResponse:
            async with self._turns.turn():
                return await self._told(asked, token, exchange or self.exchange.call)

        try:
            async with self.while_waiting():
                answer: ReceivedResponse = await with_retries(asked.method, self._sleep)(in_turn)
        except UnexpectedPanelResponse:
            self._breaker.answered()  # over a limit, or packed otherwise: whatever answers, it is there
            raise
        except LostResponse as error:
            self._breaker.failed()
            if self.on_doubt is not None:
                self.on_doubt()
            raise unreachable_error(error, asked, self.access.name) from None
        if answer.status in AWAY:
            self._breaker.failed()
        else:
            self._breaker.answered()
        return answer

    def _check_breaker(self, asked: PreparedRequest) -> None:
        why = self._breaker.refusal() if asked.method == "GET" else None
        if why is not None:
            raise PanelUnreachable(why, asked.method, asked.shown_path)

    async def _told(self, asked: PreparedRequest, token: str | None, exchange: _Exchange) -> ReceivedResponse:
        started = time.perf_counter()
        try:
            answer = await exchange(asked, token)
        except (LostResponse, PanelError):
            self._tell(asked, token, started, None)
            raise
        self._tell(asked, token, started, answer)
        return answer

    def _tell(self, asked: PreparedRequest, token: str | None, started: float, answer: ReceivedResponse | None) -> None:
        if self.on_call is None:
            return
        milliseconds = (time.perf_counter() - started) * 1000

        def redacted() -> JsonValue:
            if answer is None:
                return None
            return MASK if asked.name in SECRET_ANSWERS else shown(answer, self._secrets(asked, token))

        status = None if answer is None else answer.status
        self.on_call(PanelCall(asked.method, asked.shown_path, status, milliseconds, asked.shown_body, redacted))

    def _secrets(self, asked: PreparedRequest, token: str | None) -> set[str]:
        return {*asked.secrets, self.access.password.get_secret_value(), *([] if token is None else [token])}
