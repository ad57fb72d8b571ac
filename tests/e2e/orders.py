"""Clients of the pretend WHMCS: what one orders, and what can be seen of it."""

import asyncio

from dciflow.shop import WhmcsShop
from simulator.profile import XEON
from simulator.whmcs_control import State
from simulator.whmcs_host import PretendWhmcs


class Story:
    """One client's service, and what can be seen of it."""

    def __init__(self, shop: WhmcsShop, client: int, service: int) -> None:
        self.shop = shop
        self.client = client
        self.service = service

    @property
    def whmcs(self) -> PretendWhmcs:
        return self.shop.whmcs

    async def status(self) -> str:
        return (await self.whmcs.state()).service(self.service).domainstatus

    async def eventually(self, status: str) -> State:
        """All that WHMCS has, once the service has this status."""
        for _ in range(160):
            state = await self.whmcs.state()
            if state.service(self.service).domainstatus == status:
                return state
            await asyncio.sleep(0.5)
        raise AssertionError(f"the service stays {state.service(self.service).domainstatus}, not {status}")

    async def mailed(self) -> State:
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
    shop: WhmcsShop, name: str, *, dont_wait: str = "", hostname: str = "", server: int | None = None
) -> Story:
    """A client has paid for a server."""
    client = await shop.whmcs.add_client(f"{name}@example.com", name)
    settings = [XEON, "Debian-12-x86_64", dont_wait, "public-v4", "60", "", ""]
    product = await shop.whmcs.add_product(f"Xeon for {name}", settings)
    service = await shop.whmcs.order(client, product, hostname or f"{name}.example.com", server=server or shop.server)
    return Story(shop, client, service)


async def scheduled(shop: WhmcsShop, flow: str) -> None:
    """Run a flow that has a schedule now, to its end."""
    deployment = await shop.prefect.deployment(f"{flow}/scheduled")
    assert (await shop.prefect.wait(await shop.prefect.create(deployment, flow, {}))).state == "COMPLETED"
