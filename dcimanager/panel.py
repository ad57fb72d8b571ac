"""One DCImanager 6 panel: a session with it, and everything that can be asked of it."""

import asyncio
import time
from types import TracebackType

from dcimanager.access import PanelAccess
from dcimanager.addresses import Addresses
from dcimanager.endpoints import Dialect, load_dialect
from dcimanager.locations import Locations
from dcimanager.operations import Operations
from dcimanager.os_templates import OsTemplates
from dcimanager.ports import Ports
from dcimanager.servers import Servers
from dcimanager.traffic import Traffic
from dcimanager.transport import CALLS_AT_ONCE, HttpTransport, OnCall, PanelTransport, Sleep
from dcimanager.users import Users
from dcimanager.watch import Now, Watch


class Panel:
    """A panel with one shared session; close it with `aclose`, or use it as an asynchronous context manager.

    Options are those of `PanelTransport`; `now` is the clock of `sleep`, in seconds. Every method of every resource
    raises PanelError (PanelUnreachable, PanelRefused, UnexpectedPanelResponse).
    """

    def __init__(
        self,
        access: PanelAccess,
        dialect: Dialect | None = None,
        *,
        http: HttpTransport | None = None,
        on_call: OnCall | None = None,
        sleep: Sleep = asyncio.sleep,
        now: Now = time.monotonic,
        timeout_seconds: float = 30,
        calls_at_once: int = CALLS_AT_ONCE,
    ) -> None:
        self.name = access.name
        self.dialect = load_dialect() if dialect is None else dialect
        self.transport = PanelTransport(
            access,
            self.dialect,
            http=http,
            on_call=on_call,
            sleep=sleep,
            now=now,
            timeout_seconds=timeout_seconds,
            calls_at_once=calls_at_once,
        )
        self.servers = Servers(self.transport)
        self.operations = Operations(self.transport)
        self.ports = Ports(self.transport)
        self.addresses = Addresses(self.transport)
        self.users = Users(self.transport)
        self.os_templates = OsTemplates(self.transport)
        self.locations = Locations(self.transport)
        self.traffic = Traffic(self.transport)
        self.watch = Watch(self.name, self.servers, sleep=sleep, now=now)

    async def login(self) -> None:
        """Log in now, even if there is a session. Raises WrongCredentials, and PanelError in general."""
        await self.transport.login()

    async def aclose(self) -> None:
        """End the session and close the connections; who waits in `watch` is cancelled. Never raises."""
        await self.watch.aclose()
        await self.transport.aclose()

    async def __aenter__(self) -> "Panel":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()
