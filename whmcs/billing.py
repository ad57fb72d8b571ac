"""One WHMCS: its clients, services, mails and activity log."""

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType

from whmcs.clients import Clients
from whmcs.log import Log
from whmcs.mail import Mail
from whmcs.services import Services
from whmcs.transport import ANSWER_SECONDS, Access, Call, Http, Transport


class Billing:
    """One WHMCS. Use as an async context manager, or call aclose() at the end.

    The API role of the credential needs GetClientsDetails, GetClientsProducts, UpdateClientProduct, SendEmail and
    LogActivity, nothing else.
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
        self.mail = Mail(self.transport)
        self.log = Log(self.transport)

    async def aclose(self) -> None:
        """Close the connections."""
        await self.transport.aclose()

    async def __aenter__(self) -> "Billing":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()
