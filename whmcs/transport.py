"""The one place that speaks HTTP with WHMCS: credentials, repeats, and the three families of errors.

Source: dossier "WHMCS", section 13.
"""

import asyncio
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx
from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator
from tenacity import AsyncRetrying, RetryCallState, stop_after_attempt, wait_exponential, wait_random

from whmcs.answers import Answer, read
from whmcs.errors import Surprise, Unreachable, WhmcsError, refusal
from whmcs.redaction import redacted, start_of, without

API = "/includes/api.php"
CONNECT_SECONDS = 5.0
"""A WHMCS that has not taken the connection by then is down; waiting longer only holds the run."""
ANSWER_SECONDS = 30.0
"""The module looks at Prefect for at most ten seconds in ModuleCustom; slower than this is a fault there."""
ATTEMPTS = 4
"""With waits of about 0.5, 1 and 2 s between them: enough for a reload of PHP; a task waits for longer outages."""
FIRST_WAIT, LONGEST_WAIT, JITTER = 0.5, 4.0, 0.25

Http = httpx.AsyncBaseTransport
"""What carries the requests; a test puts its own in."""
Parameters = Mapping[str, str | int | SecretStr]


class Access(BaseModel):
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
class Call:
    """One HTTP exchange with WHMCS, for the log.

    status: HTTP status, None when no answer came. sent, received: bodies with secrets and personal data masked;
    received is None when no answer came and its redacted start when it could not be understood.
    """

    action: str
    status: int | None
    milliseconds: float
    sent: object
    received: object
    method: str = "POST"


class Transport:
    """Calls actions of one WHMCS.

    Reads (Get...) are repeated a few times with exponential back-off when the connection fails or a gateway answers
    502, 503 or 504. Anything else is sent again only when the connection was never made: a lost answer to a write is
    reported as Unreachable, and the caller looks before he decides.
    """

    def __init__(
        self,
        access: Access,
        *,
        http: Http | None = None,
        on_call: Callable[[Call], None] | None = None,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        timeout_seconds: float = ANSWER_SECONDS,
    ) -> None:
        self.access = access
        self.on_call = on_call
        self._sleep = sleep
        self._client = httpx.AsyncClient(
            transport=http,
            verify=access.verify_tls,
            timeout=httpx.Timeout(timeout_seconds, connect=CONNECT_SECONDS),
            follow_redirects=False,
        )

    async def call(self, action: str, parameters: Parameters) -> Answer:
        """WHMCS's answer to the action, flat keys unfolded. Raises Unreachable, Refused, Surprise."""

        async def pause(seconds: float) -> None:
            await self._sleep(seconds)

        retrying = AsyncRetrying(
            sleep=pause,
            stop=stop_after_attempt(ATTEMPTS),
            wait=wait_exponential(multiplier=FIRST_WAIT, max=LONGEST_WAIT) + wait_random(0, JITTER),
            retry=_may_be_repeated,
            reraise=True,
        )
        return await retrying(self._once, action, parameters)

    async def aclose(self) -> None:
        """Close the connections. The transport cannot be used afterwards."""
        await self._client.aclose()

    async def _once(self, action: str, parameters: Parameters) -> Answer:
        secrets = tuple(self._secrets(parameters))
        form = {
            "identifier": self.access.identifier,
            "secret": self.access.secret.get_secret_value(),
            "action": action,
            "responsetype": "json",
            **{key: _plain(value) for key, value in parameters.items()},
        }
        started = time.perf_counter()

        def report(status: int | None, received: object) -> None:
            if self.on_call is not None:
                took = (time.perf_counter() - started) * 1000
                self.on_call(Call(action, status, took, redacted(form, secrets), received))

        try:
            response = await self._client.post(self.access.url + API, data=form)
        except httpx.RequestError as error:
            report(None, None)
            # "from None": the error underneath carries the request, and the request the secret.
            raise self._failure(action, error) from None
        answer = read(response.content)
        if answer is None:
            start = start_of(response.text, secrets)
            report(response.status_code, start)
            raise self._not_an_answer(action, response, start)
        report(response.status_code, redacted(answer, secrets))
        # The result decides, not the HTTP status: which statuses go with errors is not documented.
        if str(answer["result"]).lower() == "error":
            raise refusal(action, response.status_code, without(str(answer.get("message", "")), secrets)[:300])
        return answer

    def _secrets(self, parameters: Parameters) -> Iterator[str]:
        yield self.access.identifier
        yield self.access.secret.get_secret_value()
        for value in parameters.values():
            if isinstance(value, SecretStr):
                yield value.get_secret_value()

    def _failure(self, action: str, error: httpx.RequestError) -> WhmcsError:
        if isinstance(error, httpx.DecodingError):
            return Surprise(
                action, None, f"The answer of {self.access.url} to {action} cannot be unpacked. Check proxies."
            )
        if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout):
            why = f"WHMCS at {self.access.url} cannot be reached for {action}: {_reason(error)} Nothing was sent"
            return Unreachable(action, None, f"{why}; run again when it is back.", nothing_sent=True)
        what = "did not answer in time" if isinstance(error, httpx.TimeoutException) else "cut the connection"
        return Unreachable(action, None, f"WHMCS at {self.access.url} {what} on {action}. {_unknown(action)}")

    def _not_an_answer(self, action: str, response: httpx.Response, start: str) -> WhmcsError:
        status = response.status_code
        if status in (502, 503, 504):
            said = f"The web server of WHMCS at {self.access.url} answered {action} with {status}."
            return Unreachable(action, status, f"{said} {_unknown(action)}")
        said = f"{self.access.url} did not answer {action} as WHMCS does (HTTP {status})"
        if response.is_redirect:
            return Surprise(
                action, status, f"{said}: it points elsewhere. Correct the address with `dciflow whmcs set`."
            )
        return Surprise(action, status, f"{said}. Check the address and WHMCS's own logs. It began: {start or 'empty'}")


def _is_read(action: str) -> bool:
    return action.startswith("Get")


def _may_be_repeated(state: RetryCallState) -> bool:
    error = state.outcome.exception() if state.outcome else None
    return isinstance(error, Unreachable) and (_is_read(error.action) or error.nothing_sent)


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
