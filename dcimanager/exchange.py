"""The wire to a panel: one request, one answer that is read within limits, and what is known of one that is lost."""

import ssl
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from socket import gaierror
from typing import Any, TypeAlias

import httpx

from answers.body import ACCEPTED, Received, receive
from answers.errors import AnswerError, TooLarge, TooSlow
from dcimanager.access import PanelAccess
from dcimanager.errors import AnswerTooLarge, UnexpectedPanelResponse
from dcimanager.request import PreparedRequest
from dcimanager.retry import LostResponse, ReceivedResponse

HttpTransport: TypeAlias = httpx.AsyncBaseTransport

CONNECT_SECONDS = 5.0
"""A panel that is up takes a connection in milliseconds; one that is down should not hold a step for half a minute."""
KEEP_ALIVE_SECONDS = 4.0
"""Shorter than any server's own limit, so that a POST never goes out on a connection the panel is just closing."""
SPARE_CONNECTIONS = 1
"""One connection beyond the queue's limit, for logging out: no call ever waits in httpx's pool, where it would use up
its time-out."""
WHOLE_TIMES = 2.0
"""The whole time of a call in time-outs of a single read: an answer that drips ends by then, however steadily."""
CLOCK_SECONDS = 2.0
"""An answer that took longer tells the panel's time too roughly."""


class Exchange:
    """Sends prepared requests to one panel. Neither repeats nor judges: every status is an answer.

    Raises LostResponse: no answer came, or not all of it in time; UnexpectedPanelResponse: it is over a limit, or
    packed in a way that we do not read.
    """

    def __init__(
        self, access: PanelAccess, *, http: HttpTransport | None, timeout_seconds: float, calls_at_once: int
    ) -> None:
        self._access = access
        self._timeout_seconds = timeout_seconds
        self.clock_ahead: timedelta | None = None
        """How far the clock of the panel's web server is ahead of this machine's, by its last Date; None: not told."""
        self._client = httpx.AsyncClient(
            transport=http,
            verify=access.verify_tls,
            timeout=httpx.Timeout(timeout_seconds, connect=min(CONNECT_SECONDS, timeout_seconds)),
            limits=httpx.Limits(max_connections=calls_at_once + SPARE_CONNECTIONS, keepalive_expiry=KEEP_ALIVE_SECONDS),
            headers={"isp-box-instance": "true", "accept": "application/json", "accept-encoding": ACCEPTED},
            # The session's cookie is ours to send; a kept one of an older session would go along with a login.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        )

    async def call(self, asked: PreparedRequest, token: str | None) -> ReceivedResponse:
        """Make a call of the panel's API."""
        started = time.perf_counter()
        received = await self._receive(
            asked,
            f"{self._access.url}/{asked.path}",
            params=asked.query or None,
            json=asked.body,
            headers=_session_headers(token),
        )
        self._compare_clocks(received, time.perf_counter() - started)
        return _response(received)

    async def page(self, asked: PreparedRequest, token: str | None) -> ReceivedResponse:
        """Read a page of the panel's host; its path begins at the host's root."""
        headers = {"accept": "*/*", **_session_headers(token)}
        return _response(await self._receive(asked, f"{self._access.origin}{asked.path}", headers=headers))

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _receive(self, asked: PreparedRequest, url: str, **what: Any) -> Received:
        try:
            return await receive(self._client, asked.method, url, seconds=WHOLE_TIMES * self._timeout_seconds, **what)
        except httpx.RequestError as error:
            raise self._lost(error) from None
        except TooSlow as slow:
            raise LostResponse(str(slow), cut=False, sent=True) from None
        except AnswerError as error:
            text = f"The panel's answer was not read: {error}. Look at the panel, and at what stands before it."
            kind = AnswerTooLarge if isinstance(error, TooLarge) else UnexpectedPanelResponse
            raise kind(text, asked.method, asked.shown_path) from None

    def _compare_clocks(self, received: Received, took: float) -> None:
        """Note how far the panel's clock is from ours. A late answer, or one out of a cache, tells nothing of it."""
        if took > CLOCK_SECONDS or "age" in received.headers:
            return
        with suppress(ValueError, TypeError):
            said = parsedate_to_datetime(received.headers["date"]) if "date" in received.headers else None
            if said is not None and said.tzinfo is not None:
                # The header has no fraction of a second: on average half a second is cut off.
                self.clock_ahead = said - datetime.now(UTC) + timedelta(seconds=took / 2 + 0.5)

    def _lost(self, error: httpx.RequestError) -> LostResponse:
        if isinstance(error, httpx.ConnectTimeout):
            return LostResponse("no connection in time (is it up, does a firewall drop us?)", cut=True, sent=False)
        if isinstance(error, httpx.TimeoutException):
            return LostResponse(f"nothing came within {self._timeout_seconds:g} s", cut=False, sent=True)
        if isinstance(error, httpx.ConnectError):
            return LostResponse(_why_no_connection(error), cut=True, sent=False)
        cut = isinstance(error, httpx.TransportError)
        return LostResponse(f"the connection broke ({type(error).__name__})", cut=cut, sent=True)


def _response(received: Received) -> ReceivedResponse:
    return ReceivedResponse(
        received.status,
        # JSON is UTF-8. What a header says of it is left aside: some decoders take hours over a hostile text.
        received.body.decode("utf-8", errors="replace"),
        _seconds(received.headers.get("retry-after")),
        received.headers.get("location"),
        received.headers.get("content-type", ""),
    )


def _session_headers(token: str | None) -> dict[str, str]:
    return {} if token is None else {"cookie": f"ses6={token}", "x-xsrf-token": token}


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


LONGEST_SECONDS = 6
"""Digits of a Retry-After: longer pauses are cut in any case, and a number of thousands of digits is none."""


def _seconds(retry_after: str | None) -> float | None:
    """Retry-After in seconds; its other form, a date, would need the panel's clock to agree with ours."""
    said = (retry_after or "").strip()
    return float(said[:LONGEST_SECONDS]) if said.isascii() and said.isdecimal() else None
