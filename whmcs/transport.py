"""The one place that speaks HTTP with WHMCS: credentials, repeats, and the three families of errors.

Source: docs/sources.md, WHMCS 13.
"""

import asyncio
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

import httpx
from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator
from tenacity import AsyncRetrying, RetryCallState, stop_after_attempt, wait_exponential, wait_random

from answers.body import ACCEPTED, Received, receive
from answers.breaker import Breaker
from answers.described import described
from answers.errors import AnswerError, CannotUnpack, OverLimit, TooSlow
from answers.json_text import beside_the_loop
from whmcs.errors import UnexpectedWhmcsResponse, WhmcsError, WhmcsUnreachable, WhmcsWrongCredentials, refusal
from whmcs.redaction import LONGEST_SEARCHED, redacted, without
from whmcs.response import Answer, read_within

API = "/includes/api.php"
CONNECT_SECONDS = 5.0
"""A WHMCS that has not taken the connection by then is down; waiting longer only holds the run."""
ANSWER_SECONDS = 30.0
"""The module looks at Prefect for at most ten seconds in ModuleCustom; slower than this is a fault there."""
WHOLE_TIMES = 2.0
"""The whole time of a call in time-outs of a single read: an answer that drips ends by then, however steadily."""
LONGEST_REFUSAL = 300
"""Characters that are shown of why WHMCS refuses."""
ATTEMPTS = 4
"""With waits of about 0.5, 1 and 2 s between them: enough for a reload of PHP; a task waits for longer outages."""
FIRST_WAIT, LONGEST_WAIT, JITTER = 0.5, 4.0, 0.25

Http = httpx.AsyncBaseTransport
"""What carries the requests; a test puts its own in."""
Parameters = Mapping[str, str | int | SecretStr]
ApiCall = Literal["GetClientsProducts", "GetClientsDetails", "UpdateClientProduct", "LogActivity", "ModuleCustom"]
"""Every call of WHMCS's API that dciflow makes, and so all that its role allows: see whmcs-module/contract.json."""


class WhmcsAccess(BaseModel):
    """Where a WHMCS is and the API credential to use there.

    url: the address of its root, e.g. https://billing.example.com/whmcs; the path of the API may be part of it.
    Raises ValidationError: the address is not http(s)://host[/path], or identifier or secret is empty.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    url: str
    identifier: str = Field(min_length=1, repr=False)
    secret: SecretStr = Field(min_length=1)
    verify_tls: bool = True

    @field_validator("url")
    @classmethod
    def _root(cls, url: str) -> str:
        url = url.strip().rstrip("/").removesuffix(API)
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("The address of WHMCS must look like https://billing.example.com/whmcs")
        if parts.username is not None or parts.query or parts.fragment:
            raise ValueError("The address of WHMCS must have no user name, question mark or # in it")
        if parts.port == 0:  # reading it also refuses what is no port at all
            raise ValueError("The address of WHMCS names port 0")
        return url


@dataclass(frozen=True)
class WhmcsCall:
    """One HTTP exchange with WHMCS, for the log.

    status: HTTP status, None when no answer came. sent, received: bodies with secrets and personal data masked;
    received is None when no answer came, and its length, type and hash when it could not be read. around: the same of
    what was printed around the answer; empty: nothing was.
    """

    action: str
    status: int | None
    milliseconds: float
    sent: object
    received: object
    method: str = "POST"
    around: str = ""


class WhmcsTransport:
    """Calls actions of one WHMCS.

    Reads (Get...) are repeated a few times with exponential back-off when the connection fails or a gateway answers
    502, 503 or 504. Anything else is sent again only when the connection was never made: a lost answer to a write is
    reported as WhmcsUnreachable, and the caller looks before deciding. Reads of a WHMCS that does not answer again and
    again are refused without being sent (answers/breaker.py).
    """

    def __init__(
        self,
        access: WhmcsAccess,
        *,
        http: Http | None = None,
        on_call: Callable[[WhmcsCall], None] | None = None,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        now: Callable[[], float] = time.monotonic,
        timeout_seconds: float = ANSWER_SECONDS,
    ) -> None:
        self.access = access
        self.on_call = on_call
        self.on_doubt: Callable[[], object] | None = None
        """Called when WHMCS refuses our credential or does not answer: what we know of it may be old."""
        self.while_waiting: Callable[[], AbstractAsyncContextManager[None]] = nullcontext
        """Entered around each call and its repeats."""
        self._sleep = sleep
        self._breaker = Breaker("WHMCS", "runs that ask it", now)
        self._whole_seconds = WHOLE_TIMES * timeout_seconds
        self._client = httpx.AsyncClient(
            transport=http,
            verify=access.verify_tls,
            timeout=httpx.Timeout(timeout_seconds, connect=CONNECT_SECONDS),
            follow_redirects=False,
            headers={"accept-encoding": ACCEPTED},
        )

    async def call(self, action: ApiCall, parameters: Parameters) -> Answer:
        """WHMCS's answer to the action, flat keys unfolded.

        Raises WhmcsUnreachable, WhmcsRefused, UnexpectedWhmcsResponse.
        """

        async def pause(seconds: float) -> None:
            await self._sleep(seconds)

        retrying = AsyncRetrying(
            sleep=pause,
            stop=stop_after_attempt(ATTEMPTS),
            wait=wait_exponential(multiplier=FIRST_WAIT, max=LONGEST_WAIT) + wait_random(0, JITTER),
            retry=_may_be_repeated,
            reraise=True,
        )
        why = self._breaker.refusal() if _is_read(action) else None
        if why is not None:
            raise WhmcsUnreachable(action, None, f"{action}: {why}", nothing_sent=True)
        try:
            async with self.while_waiting():
                return await self._noted(retrying(self._once, action, parameters))
        except (WhmcsUnreachable, WhmcsWrongCredentials, UnexpectedWhmcsResponse):
            if self.on_doubt is not None:
                self.on_doubt()
            raise

    async def _noted(self, call: Awaitable[Answer]) -> Answer:
        """The call's answer; whether there was one is noted for the breaker. A refusal is one."""
        try:
            answer = await call
        except WhmcsUnreachable:
            self._breaker.failed()
            raise
        except WhmcsError:
            self._breaker.answered()
            raise
        self._breaker.answered()
        return answer

    async def aclose(self) -> None:
        """Close the connections. The transport cannot be used afterwards."""
        await self._client.aclose()

    async def _once(self, action: ApiCall, parameters: Parameters) -> Answer:
        secrets = tuple(self._secrets(parameters))
        form = {
            "identifier": self.access.identifier,
            "secret": self.access.secret.get_secret_value(),
            "action": action,
            "responsetype": "json",
            **{key: _plain(value) for key, value in parameters.items()},
        }
        started = time.perf_counter()

        def report(status: int | None, received: object, around: str = "") -> None:
            if self.on_call is not None:
                took = (time.perf_counter() - started) * 1000
                self.on_call(WhmcsCall(action, status, took, redacted(form, secrets), received, around=around))

        try:
            url = self.access.url + API
            response = await receive(self._client, "POST", url, seconds=self._whole_seconds, data=form)
        except (httpx.RequestError, AnswerError) as error:
            report(None, None)
            # "from None": the error underneath carries the request, and the request the secret.
            raise self._failure(action, error) from None
        try:
            answer, around = await beside_the_loop(len(response.body), read_within, response.body)
            over = ""
        except OverLimit as limit:
            answer, around, over = None, "", f" ({limit})"
        if answer is None:
            unread = described(response.body, response.headers.get("content-type", "")) + over
            report(response.status, unread)
            raise self._not_an_answer(action, response, unread)
        report(response.status, redacted(answer, secrets), described(around.encode(), "text") if around else "")
        # The result decides, not the HTTP status: which statuses go with errors is not documented.
        if str(answer["result"]).lower() == "error":
            said = without(str(answer.get("message", ""))[:LONGEST_SEARCHED], secrets)
            raise refusal(action, response.status, said[:LONGEST_REFUSAL])
        return answer

    def _secrets(self, parameters: Parameters) -> Iterator[str]:
        yield self.access.identifier
        yield self.access.secret.get_secret_value()
        for value in parameters.values():
            if isinstance(value, SecretStr):
                yield value.get_secret_value()

    def _failure(self, action: str, error: httpx.RequestError | AnswerError) -> WhmcsError:
        if isinstance(error, TooSlow):
            why = f"WHMCS at {self.access.url} did not end its answer to {action}: {error}. {_unknown(action)}"
            return WhmcsUnreachable(action, None, why)
        if isinstance(error, AnswerError) and not isinstance(error, CannotUnpack):
            why = f"The answer of {self.access.url} to {action} was not read: {error}. Look at WHMCS's own logs."
            return UnexpectedWhmcsResponse(action, None, why)
        if isinstance(error, CannotUnpack | httpx.DecodingError):
            return UnexpectedWhmcsResponse(
                action, None, f"The answer of {self.access.url} to {action} cannot be unpacked. Check proxies."
            )
        if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout):
            why = f"WHMCS at {self.access.url} cannot be reached for {action}: {_reason(error)} Nothing was sent"
            return WhmcsUnreachable(action, None, f"{why}; run again when it is back.", nothing_sent=True)
        what = "did not answer in time" if isinstance(error, httpx.TimeoutException) else "cut the connection"
        return WhmcsUnreachable(action, None, f"WHMCS at {self.access.url} {what} on {action}. {_unknown(action)}")

    def _not_an_answer(self, action: str, response: Received, unread: str) -> WhmcsError:
        status = response.status
        if status in (502, 503, 504):
            said = f"The web server of WHMCS at {self.access.url} answered {action} with {status}."
            return WhmcsUnreachable(action, status, f"{said} {_unknown(action)}")
        said = f"{self.access.url} did not answer {action} as WHMCS does (HTTP {status})"
        if response.is_redirect:
            return UnexpectedWhmcsResponse(
                action, status, f"{said}: it points elsewhere. Correct the address with `dciflow whmcs set`."
            )
        return UnexpectedWhmcsResponse(
            action, status, f"{said}. Check the address and WHMCS's own logs. It was {unread}."
        )


def _is_read(action: str) -> bool:
    return action.startswith("Get")


def _may_be_repeated(state: RetryCallState) -> bool:
    error = state.outcome.exception() if state.outcome else None
    return isinstance(error, WhmcsUnreachable) and (_is_read(error.action) or error.nothing_sent)


def _unknown(action: str) -> str:
    if _is_read(action):
        return "Nothing was changed; run again when it is back."
    return "Whether it took effect is unknown: look at the service in WHMCS before repeating."


def _plain(value: str | int | SecretStr) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


def _reason(error: BaseException) -> str:
    if isinstance(error, httpx.TimeoutException):
        return "it does not take the connection in time."
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return "its TLS certificate was not accepted; mend it, or switch verification off for this WHMCS."
        if isinstance(cause, socket.gaierror):
            return "its host name is not known; check the address and DNS."
        cause = cause.__cause__ or cause.__context__
    return "it does not take the connection; check the address, the web server and the firewall."
