"""Real dumps of the ledger, of Prefect and of WHMCS, restored under a running Prefect (docs/operate.md, "Back-ups").

One stack, one night's dumps, four clients: one deletion in its wipe delay, one activation, one hold, and one who orders
after it. The stories have the other moments (tests/stories/test_restored_*.py).
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from dciflow.demo.ordering import IP_POOL, OS_TEMPLATE, WhmcsOrdering, whmcs_ordering
from dciflow.demo.prefect_api import PrefectApi
from dciflow.demo.stack import Stack, running_stack
from ledger import incarnation
from ledger.database import Ledger
from simulator.panel.profile import XEON
from tests.e2e.dumps import MariaDump, PostgresDump, maria_database, require_tools
from tests.e2e.orders import OrderStory, ordered
from tests.postgres import new_database

pytestmark = [
    pytest.mark.prefect,
    pytest.mark.postgres,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(600),
]

SPEED = 90.0
"""An OS installation takes 10 s, and a wipe delay of three days 48 minutes."""

PHOTOGRAPHS = "anna's photographs"


async def until(it_is_so: Callable[[], Awaitable[bool]], seconds: float = 120) -> None:
    """Wait for it. Raises AssertionError: it does not come."""
    for _ in range(int(seconds * 2)):
        if await it_is_so():
            return
        await asyncio.sleep(0.5)
    raise AssertionError(f"not within {seconds:.0f} s")


@dataclass
class Night:
    """A host with everything on it, the dumps of one night, and its four clients."""

    shop: WhmcsOrdering
    simulator: httpx.AsyncClient
    ledger: PostgresDump
    prefect: PostgresDump
    whmcs: MariaDump
    clients: dict[str, OrderStory]

    @property
    def stack(self) -> Stack:
        return self.shop.stack

    def parameters(self, name: str, **order: Any) -> dict[str, Any]:
        """What the module sends for an activation, and with `order` more."""
        story = self.clients[name]
        settings = {"configuration": XEON, "os_template": OS_TEMPLATE, "ip_pool": IP_POOL, **order}
        return {**self.of(name), "order": {"client_id": story.client, **settings}}

    def of(self, name: str) -> dict[str, Any]:
        return {"service_id": self.clients[name].service, "panel": "main"}

    async def runs(self, flow: str, parameters: dict[str, Any], state: str = "COMPLETED") -> None:
        end = await self.shop.prefect.run(flow, parameters)
        assert end.state == state, end.message

    async def server(self, name: str) -> dict[str, Any] | None:
        """The server that the client owns."""
        servers = (await self.simulator.get("/control/state")).json()["servers"]
        return next((dict(one) for one in servers if (one["owner"] or "").startswith(f"{name}@")), None)

    async def by_hand(self, action: str, server: dict[str, Any], **more: object) -> None:
        body = {"action": action, "server": server["id"], **more}
        (await self.simulator.post("/control/by-hand", json=body)).raise_for_status()

    async def status(self, name: str, status: str) -> None:
        """WHMCS says so from now on."""
        await self.shop.whmcs.edit("tblhosting", self.clients[name].service, domainstatus=status)

    async def held(self) -> dict[int, str]:
        """Who waits for a person, and why."""
        rows = json.loads(await self.stack.command("held", "list", "--json"))
        return {row["service_id"]: row["reason"] for row in rows}

    async def decide(self, choice: str, name: str) -> str:
        return await self.stack.command("held", choice, str(self.clients[name].service), "--why", "looked at it")

    async def incidents(self) -> list[Any]:
        found: list[Any] = (await self.simulator.get("/control/state")).json()["incidents"]
        return found

    async def wiped(self) -> int:
        """How many wipes the panel was asked for."""
        writes = (await self.simulator.get("/control/writes")).json()
        return sum(one["endpoint"] == "diagnostics" for one in writes)

    async def installed(self) -> int:
        writes = (await self.simulator.get("/control/writes")).json()
        return sum(one["endpoint"] == "os_install" for one in writes)

    async def counted(self, times: int) -> None:
        """Until workers have compared ledger and Prefect so many times more."""
        ledger = Ledger(self.stack.environment["DCIFLOW_LEDGER_URL"])
        try:
            first = await incarnation.current(ledger)
            assert first is not None

            async def further() -> bool:
                now = await incarnation.current(ledger)
                return now is not None and now.count >= first.count + times

            await until(further)
        finally:
            await ledger.dispose()

    async def waits(self, side: str) -> str:
        """The worker is up and takes nothing: it says what to type. Returns a run that stays scheduled."""
        log = self.stack.home / "worker.log"
        seen = len(log.read_text(encoding="utf-8", errors="replace"))
        await self.stack.start_worker()
        run = await self.shop.prefect.start("check-panel", {"panel": "main"})

        async def said() -> bool:
            return f"dciflow restored {side}" in log.read_text(encoding="utf-8", errors="replace")[seen:]

        await until(said)
        await asyncio.sleep(5)
        state = (await self.shop.prefect.http.get(f"/flow_runs/{run}")).json()["state"]["type"]
        assert state == "SCHEDULED"
        return run


@pytest.fixture(scope="module")
def addresses() -> Iterator[tuple[str, str]]:
    """Where Prefect and the ledger have databases of their own: dumps are of whole databases."""
    require_tools()
    with new_database() as prefect, new_database() as ledger:
        yield prefect, ledger


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def night(addresses: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Night]:
    """Everything, before the night."""
    home: Path = tmp_path_factory.mktemp("restored")
    prefect, ledger = addresses
    settings = {"PREFECT_SERVER_DATABASE_CONNECTION_URL": prefect, "DCIFLOW_LEDGER_URL": ledger}
    async with (
        maria_database() as whmcs,
        running_stack(home, print, speed=SPEED, keep=lambda: True, settings=settings) as stack,
        whmcs_ordering(stack, api := PrefectApi(stack.api), database=whmcs) as shop,
        httpx.AsyncClient(base_url=stack.simulator, timeout=30) as simulator,
    ):
        yield Night(
            shop, simulator, PostgresDump(ledger, home / "ledger.dump"), PostgresDump(prefect, home / "prefect.dump"),
            MariaDump(whmcs, home / "whmcs.sql"), {},
        )  # fmt: skip
        await api.aclose()


async def test_three_sides_are_restored_one_after_the_other_and_nobody_loses_anything(night: Night) -> None:
    await _before_and_at_the_dump(night)
    await _since(night)
    await _the_ledger_is_restored(night)
    await _prefect_is_restored(night)
    await _whmcs_is_restored(night)
    assert await night.incidents() == []


async def _before_and_at_the_dump(night: Night) -> None:
    for name in ("anna", "bob", "dora"):
        night.clients[name] = await ordered(night.shop, name)
    for name, order in (("anna", {"wipe_delay_hours": 72}), ("dora", {})):
        await night.runs("activate", night.parameters(name, **order))
        server = await night.server(name)
        assert server is not None
        await night.by_hand("write_tenant_data", server, text=PHOTOGRAPHS)
    await night.status("anna", "Terminated")
    await night.shop.prefect.start("terminate", night.of("anna"))
    doras = await night.server("dora")
    assert doras is not None
    await night.by_hand("set_owner", doras, email="somebody@example.com")
    await night.runs("suspend", night.of("dora"), "FAILED")
    (await night.simulator.post("/control/hang-next", json={"type": "os_install"})).raise_for_status()
    await night.shop.prefect.start("activate", night.parameters("bob", os_install_timeout_minutes=1440))

    async def installs() -> bool:
        bobs = await night.server("bob")
        return bobs is not None and bobs["operation"]["type"] == "os_install"

    await until(installs)
    for dump in (night.ledger, night.prefect, night.whmcs):
        await dump.take()


async def _since(night: Night) -> None:
    anna = night.clients["anna"].service
    await night.stack.command("bring-back", str(anna), "--why", "she paid")
    await night.status("anna", "Active")
    bobs, doras = await night.server("bob"), await night.server("somebody")
    assert bobs is not None
    assert doras is not None
    await night.by_hand("end_operation", bobs, status="finished")
    await night.clients["bob"].eventually("Active")
    await night.by_hand("write_tenant_data", bobs, text=PHOTOGRAPHS)
    await night.by_hand("set_owner", doras, email="dora@example.com")
    assert "ACTIVE" in await night.decide("release", "dora")
    night.clients["carl"] = await ordered(night.shop, "carl")
    await night.runs("activate", night.parameters("carl"))
    carls = await night.server("carl")
    assert carls is not None
    await night.by_hand("write_tenant_data", carls, text=PHOTOGRAPHS)
    await night.status("carl", "Terminated")
    (await night.simulator.post("/control/fail-next", json={"type": "diagnostics"})).raise_for_status()
    await night.runs("terminate", night.of("carl"), "FAILED")
    assert await night.held() == {night.clients["carl"].service: "wipe-unproven"}
    await night.counted(1)


async def _the_ledger_is_restored(night: Night) -> None:
    wiped, installed = await night.wiped(), await night.installed()
    await night.stack.stop("worker")
    await night.ledger.restore()
    run = await night.waits("ledger")
    said = await night.stack.command("restored", "ledger", "--yes")
    assert (await night.shop.prefect.wait(run)).state == "COMPLETED"
    anna, bob, dora = (night.clients[name].service for name in ("anna", "bob", "dora"))
    assert await night.held() == {anna: "restored", bob: "restored", dora: "owner-changed"}
    aside = json.loads(await night.stack.command("server", "list", "--json"))
    assert [row["panel"] for row in aside if row["set_aside_at"]] == ["main"] * len(aside) != []
    assert "set-aside" in said
    for name in ("anna", "bob", "dora"):
        assert "ACTIVE" in await night.decide("release", name)
    assert (await night.wiped(), await night.installed()) == (wiped, installed)


async def _prefect_is_restored(night: Night) -> None:
    wiped, installed = await night.wiped(), await night.installed()
    await night.stack.stop("worker")
    await night.stack.stop("prefect-server")
    await night.prefect.restore()
    await night.stack.start_prefect()
    await night.stack.prefect_answers()
    run = await night.waits("prefect")
    await night.stack.command("restored", "prefect", "--yes")
    assert (await night.shop.prefect.wait(run)).state == "COMPLETED"
    for flow, name in (("terminate", "anna"), ("activate", "bob")):
        (of_before,) = await night.shop.prefect.runs(flow, night.clients[name].service)
        assert (await night.shop.prefect.wait(of_before)).state == "CANCELLED"
    assert await night.held() == {}
    assert (await night.wiped(), await night.installed()) == (wiped, installed)


async def _whmcs_is_restored(night: Night) -> None:
    wiped = await night.wiped()
    await night.whmcs.restore()
    assert await night.clients["anna"].status() == "Terminated"
    await night.stack.command("restored", "whmcs", "--yes")
    anna = night.clients["anna"].service
    assert (await night.held())[anna] == "restored"
    await night.runs("terminate", night.of("anna"), "FAILED")
    await night.status("anna", "Active")
    assert "ACTIVE" in await night.decide("release", "anna")
    server = await night.server("anna")
    assert server is not None
    assert await night.wiped() == wiped
