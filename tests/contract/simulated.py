"""Both simulated WHMCS behind one face: what the contract's tests want of either."""

from collections.abc import Iterable
from typing import Protocol

import httpx
from fastapi import FastAPI

from simulator.http.in_process import InProcessTransport
from simulator.panel.clock import ManualClock
from simulator.whmcs.model import IDENTIFIER, SimulatedWhmcs
from simulator.whmcs.records import ModuleSettings
from simulator.whmcs.routes import router
from simulator.whmcs_php.host import FakeWhmcs

SETTINGS = ModuleSettings(configuration="E3", os_template="Debian 12", ip_pool="public")


class Simulated(Protocol):
    """What these tests want of either: how to reach it, and what it is told to do."""

    url: str

    def transport(self) -> httpx.AsyncBaseTransport | None:
        """What carries requests to it."""

    async def client(self) -> int:
        """Register a client, whose address is not verified."""

    async def order(self, client: int, number: int = 1) -> list[int]:
        """Order so many services."""

    async def answers(self, *, flat: bool = False, text_errors: bool = False) -> None:
        """How answers are written."""

    async def lose_answer(self, action: str) -> None:
        """The next call of the action takes effect, and its answer never arrives."""

    async def unavailable(self, calls: int) -> None:
        """The web server answers the next calls itself."""

    async def reject(self, is_rejected: bool) -> None:
        """The caller's address is not listed, or listed again."""

    async def role(self, secret: str, actions: Iterable[str]) -> None:
        """What the credential may call from now on."""

    async def activities(self) -> list[tuple[str, int | None]]:
        """Lines of the activity log and whom they are about."""

    async def requests(self) -> list[str]:
        """What was kept of each request."""


class InPython:
    """simulator/whmcs."""

    url = "http://whmcs.example.com/whmcs"

    def __init__(self) -> None:
        self.whmcs = SimulatedWhmcs(ManualClock())
        self.app = FastAPI()
        self.app.include_router(router(self.whmcs))

    def transport(self) -> httpx.AsyncBaseTransport | None:
        return InProcessTransport(self.app)

    async def client(self) -> int:
        return self.whmcs.add_client("ann+tag@example.com", "Ann", "Ünal", email_verified=False).id

    async def order(self, client: int, number: int = 1) -> list[int]:
        product = self.whmcs.add_product("S", SETTINGS).id
        return [self.whmcs.order(client, product, f"s{n}.example.com") for n in range(number)]

    async def answers(self, *, flat: bool = False, text_errors: bool = False) -> None:
        self.whmcs.flat_keys, self.whmcs.text_errors = flat, text_errors

    async def lose_answer(self, action: str) -> None:
        self.whmcs.lose_answer(action)

    async def unavailable(self, calls: int) -> None:
        self.whmcs.unavailable(calls)

    async def reject(self, is_rejected: bool) -> None:
        if is_rejected:
            self.whmcs.reject_ip("203.0.113.9")
        else:
            self.whmcs.accept_ip()

    async def role(self, secret: str, actions: Iterable[str]) -> None:
        self.whmcs.allow(IDENTIFIER, secret, actions)

    async def activities(self) -> list[tuple[str, int | None]]:
        return [(line.description, line.client_id) for line in self.whmcs.activities]

    async def requests(self) -> list[str]:
        return [repr(request) for request in self.whmcs.requests]


class InPhp:
    """simulator/whmcs_php, with the module of six lines in it."""

    def __init__(self, whmcs: FakeWhmcs) -> None:
        self.whmcs = whmcs
        self.url = whmcs.url

    def transport(self) -> httpx.AsyncBaseTransport | None:
        return None

    async def client(self) -> int:
        return await self.whmcs.add_client("ann+tag@example.com", "Ann", "Ünal", email_verified=False)

    async def order(self, client: int, number: int = 1) -> list[int]:
        product = await self.whmcs.add_product("S", ["success"], module="sample")
        await self.whmcs.order(client, product, "s0.example.com")
        made = 1
        while made < number:  # each time twice as many
            more = min(made, number - made)
            await self.whmcs.sql(
                "INSERT INTO tblhosting (userid, packageid, domain, domainstatus, password) "  # noqa: S608 - a number
                f"SELECT userid, packageid, domain, domainstatus, password FROM tblhosting ORDER BY id LIMIT {more}"
            )
            made += more
        return [row["id"] for row in await self.whmcs.sql("SELECT id FROM tblhosting ORDER BY id")]

    async def answers(self, *, flat: bool = False, text_errors: bool = False) -> None:
        await self.whmcs.switch("api_flat_keys", "1" if flat else "")
        await self.whmcs.switch("api_text_errors", "1" if text_errors else "")

    async def lose_answer(self, action: str) -> None:
        await self.whmcs.control("loseAnswer", action=action, nth=1)

    async def unavailable(self, calls: int) -> None:
        await self.whmcs.switch("api_unavailable", str(calls))

    async def reject(self, is_rejected: bool) -> None:
        await self.whmcs.switch("api_rejected_address", "203.0.113.9" if is_rejected else "")

    async def role(self, secret: str, actions: Iterable[str]) -> None:
        await self.whmcs.control("role", identifier=IDENTIFIER, secret=secret, actions=list(actions))

    async def activities(self) -> list[tuple[str, int | None]]:
        return [(line.description, line.userid or None) for line in (await self.whmcs.state()).activities]

    async def requests(self) -> list[str]:
        return [f"{request.action} {request.body}" for request in (await self.whmcs.state()).api_requests]
