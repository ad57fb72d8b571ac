"""One WHMCS: its clients, services, activity log and module."""

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType

from whmcs.clients import Clients
from whmcs.log import Log
from whmcs.module import Module
from whmcs.services import Services
from whmcs.transport import ANSWER_SECONDS, Access, Call, Http, Transport


class Billing:
    """One WHMCS. Use as an async context manager, or call aclose() at the end.

    The API role of the credential needs GetClientsDetails, GetClientsProducts, UpdateClientProduct, LogActivity and
    ModuleCustom, nothing else: the welcome mail is sent by the module in WHMCS, whose database makes it one.
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
        self.transport = Transport(access, http=http, on_call=on_call, sleep=sleep, timeout_seconds=timeout_seconds)
        self.clients = Clients(self.transport)
        self.services = Services(self.transport)
        self.log = Log(self.transport)
        self.module = Module(self.transport)

    async def aclose(self) -> None:
        """Close the connections."""
        await self.transport.aclose()

    async def __aenter__(self) -> "Billing":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()
