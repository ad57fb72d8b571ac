"""One WHMCS: its clients, its services, its activity log and our module in it."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from types import TracebackType

from whmcs.clients import Clients
from whmcs.services import Services
from whmcs.transport import ANSWER_SECONDS, Http, Parameters, WhmcsAccess, WhmcsCall, WhmcsTransport

SYNC = "sync"
"""The module's custom function that looks at a service's run."""


class Log:
    """Writes lines of the activity log."""

    def __init__(self, transport: WhmcsTransport) -> None:
        self._transport = transport

    async def write(self, description: str, client_id: int | None = None) -> None:
        """Write one line, shown with the client where one is given. After a lost answer it may stand there already.

        Raises what WhmcsTransport.call raises.
        Source: docs/sources.md, WHMCS 8 and 13 (LogActivity).
        """
        client: Parameters = {} if client_id is None else {"clientid": client_id}
        await self._transport.call("LogActivity", {"description": description, **client})


class Module:
    """Calls functions of the service's module."""

    def __init__(self, transport: WhmcsTransport) -> None:
        self._transport = transport

    async def sync(self, service_id: int) -> None:
        """Have the module look at the service's run in Prefect now instead of at the next cron. May be repeated.

        Raises WhmcsRefused: also where the module is not installed, or says that it could not look.
        Raises WhmcsUnreachable, UnexpectedWhmcsResponse.
        Source: docs/sources.md, WHMCS 13 (ModuleCustom) and 22.
        """
        await self._transport.call("ModuleCustom", {"serviceid": service_id, "func_name": SYNC})


class WhmcsApi:
    """One WHMCS. Use as an async context manager, or call aclose() at the end.

    The API role of the credential needs GetClientsDetails, GetClientsProducts, UpdateClientProduct, LogActivity and
    ModuleCustom, nothing else: the welcome mail is sent by the module in WHMCS, whose database makes it one.
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
        self.transport = WhmcsTransport(
            access, http=http, on_call=on_call, sleep=sleep, now=now, timeout_seconds=timeout_seconds
        )
        self.clients = Clients(self.transport)
        self.services = Services(self.transport)
        self.log = Log(self.transport)
        self.module = Module(self.transport)

    async def aclose(self) -> None:
        """Close the connections."""
        await self.transport.aclose()

    async def __aenter__(self) -> "WhmcsApi":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()
