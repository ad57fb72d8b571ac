"""Clients of the simulated WHMCS: what one orders, and what can be seen of it."""

import asyncio
import re

import httpx

from dciflow.demo.ordering import ADDON, WhmcsOrdering
from simulator.panel.profile import XEON
from simulator.whmcs_php.host import FakeWhmcs
from simulator.whmcs_php.shown import WhmcsState


class OrderStory:
    """One client's service, and what can be seen of it."""

    def __init__(self, shop: WhmcsOrdering, client: int, service: int) -> None:
        self.shop = shop
        self.client = client
        self.service = service

    @property
    def whmcs(self) -> FakeWhmcs:
        return self.shop.whmcs

    async def status(self) -> str:
        return (await self.whmcs.state()).service(self.service).domainstatus

    async def eventually(self, status: str) -> WhmcsState:
        """All that WHMCS has, once the service has this status."""
        for _ in range(160):
            state = await self.whmcs.state()
            if state.service(self.service).domainstatus == status:
                return state
            await asyncio.sleep(0.5)
        raise AssertionError(f"the service stays {state.service(self.service).domainstatus}, not {status}")

    async def mailed(self) -> WhmcsState:
        """All that WHMCS has, once the client got a mail."""
        for _ in range(60):
            state = await self.whmcs.state()
            if state.client_mails(self.service):
                return state
            await asyncio.sleep(0.5)
        raise AssertionError("no mail came")

    async def client_page(self) -> str:
        return (await self.whmcs.client_page(self.service, self.client)).html

    async def admin_page(self) -> str:
        return " ".join((await self.whmcs.admin_page(self.service)).fields.values())

    async def offered(self) -> set[str]:
        """What the drop-downs of its product's settings offer."""
        (row,) = await self.whmcs.sql("SELECT packageid FROM tblhosting WHERE id = ?", self.service)
        return {name for field in await self.whmcs.product_form(int(row["packageid"])) for name in field.options}

    async def give_back(self) -> None:
        """Leave the server to the next story."""
        said = await self.whmcs.command(self.service, "TerminateAccount", "admin")
        assert said == "success", said
        (run,) = await self.shop.prefect.runs("terminate", self.service)
        assert (await self.shop.prefect.wait(run)).state == "COMPLETED"


async def ordered(
    shop: WhmcsOrdering, name: str, *, dont_wait: str = "", hostname: str = "", server: int | None = None
) -> OrderStory:
    """A client has paid for a server."""
    client = await shop.whmcs.add_client(f"{name}@example.com", name)
    settings = [XEON, "Debian-12-x86_64", dont_wait, "public-v4", "60", "", ""]
    product = await shop.whmcs.add_product(f"Xeon for {name}", settings)
    service = await shop.whmcs.order(client, product, hostname or f"{name}.example.com", server=server or shop.server)
    return OrderStory(shop, client, service)


async def scheduled(shop: WhmcsOrdering, flow: str) -> None:
    """Run a flow that has a schedule now, to its end."""
    deployment = await shop.prefect.deployment(f"{flow}/scheduled")
    assert (await shop.prefect.wait(await shop.prefect.create(deployment, flow, {}))).state == "COMPLETED"


async def decided_on_the_page(shop: WhmcsOrdering) -> int:
    """A service is HELD, staff let it go on from the addon's page, and its client gives it back; its number."""
    story = await ordered(shop, "held", dont_wait="on")
    assert await shop.whmcs.command(story.service, "CreateAccount", "payment") == "success"
    state = await story.mailed()
    address = state.service(story.service).dedicatedip
    async with httpx.AsyncClient(base_url=shop.stack.simulator) as simulator:
        servers = (await simulator.get("/control/state")).json()["servers"]
        server = next(server for server in servers if address in server["addresses"])
        owner = {"action": "set_owner", "server": server["id"]}
        (await simulator.post("/control/by-hand", json={**owner, "email": "other@example.com"})).raise_for_status()
        assert "HELD (owner-changed)" in await shop.whmcs.command(story.service, "SuspendAccount", "automation")
        (await simulator.post("/control/by-hand", json={**owner, "email": server["owner"]})).raise_for_status()

    await scheduled(shop, "reconcile")
    page = await shop.whmcs.addon_page(ADDON)
    assert "owner-changed" in page
    hidden = dict(re.findall(r'name="(\w+)" value="([^"]*)"', page[page.index('value="decide"') :]))
    why = "the owner was set right again"
    decision = {**hidden, "token": "simulated-csrf-token", "task": "decide", "decision": "retry", "why": why}
    assert "is being carried out" in await shop.whmcs.addon_page(ADDON, post=decision)
    for _ in range(60):
        if len(runs := await shop.prefect.runs("suspend", story.service)) > 1:
            break
        await asyncio.sleep(0.5)
    assert (await shop.prefect.wait(runs[0])).state == "COMPLETED"
    await story.give_back()
    return story.service
