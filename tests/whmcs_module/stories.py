"""The scene of the module's stories: a shop with the real module in it, and a Prefect that does as it is told."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulator.whmcs_php.control import Command
from simulator.whmcs_php.host import FakeWhmcs
from simulator.whmcs_php.shown import ActivityShown, QueueRow, ServiceShown
from tests.whmcs_module.fake_prefect import FakePrefect, FakeRun

ADDON = "dcimanager6flows"
OVERLAY = Path(__file__).parents[2] / "whmcs-module"
SETTINGS = ["Xeon E-2388G", "Debian-12-x86_64", "", "public-v4", "60", "", ""]
"""The product's settings in the manual's order."""
LATER = "power suspension_mode grace reinstall reinstall_os ptr sign_in rescue rename ssh_key".split()
"""The settings from the tenth on, as tests name them; Order.php has their places."""
PANEL_PASSWORD = 'canary-panel/"& ü'
SERVICE_PASSWORD = "canary+service/'<"
AUTH = "whmcs:canary-auth"
CANARY = "canary"
TOKEN = "simulated-csrf-token"
TABLES = ("request", "service", "panel", "setting", "errand", "traffic")
FLOW: dict[Command, str] = {
    "CreateAccount": "activate",
    "SuspendAccount": "suspend",
    "UnsuspendAccount": "unsuspend",
    "TerminateAccount": "terminate",
}
BEFORE: dict[Command, str] = {
    "CreateAccount": "Pending",
    "SuspendAccount": "Active",
    "UnsuspendAccount": "Suspended",
    "TerminateAccount": "Active",
}
"""The status in which WHMCS runs the command."""
OVERDUE = "2020-01-31"
"""The next due date of a service that WHMCS suspends."""


@dataclass
class ModuleHarness:
    """What a story plays on. panels: WHMCS's server records. stale: how old a request must be for the cron to look."""

    whmcs: FakeWhmcs
    prefect: FakePrefect
    client: int
    panels: list[int]
    product: int

    async def buy(self, hostname: str = "web1.example.com", *, panel: int = 0, product: int | None = None) -> int:
        """A client orders: a Pending service."""
        return await self.whmcs.order(
            self.client,
            product or self.product,
            hostname,
            server=self.panels[panel],
            password=SERVICE_PASSWORD,
        )

    async def ready_for(self, command: Command) -> int:
        """A service in the state in which WHMCS runs the command."""
        service = await self.buy()
        await self.whmcs.edit("tblhosting", service, domainstatus=BEFORE[command])
        if command == "SuspendAccount":
            await self.whmcs.edit("tblhosting", service, nextduedate=OVERDUE)
        return service

    async def service(self, service: int) -> ServiceShown:
        return (await self.whmcs.state()).service(service)

    async def status(self, service: int) -> str:
        return (await self.service(service)).domainstatus

    async def mails(self, service: int) -> int:
        return len((await self.whmcs.state()).client_mails(service))

    async def waiting(self, service: int) -> list[QueueRow]:
        return (await self.whmcs.state()).waiting(service)

    async def activities(self) -> list[ActivityShown]:
        return (await self.whmcs.state()).activities

    async def sold(self, settings: list[str]) -> int:
        """A service with its server, of a product with these settings."""
        self.product = await self.whmcs.add_product("Xeon", settings)
        return await self.activated()

    async def activated(self) -> int:
        """A service whose activation has run to its end."""
        service = await self.buy()
        assert await self.whmcs.command(service, "CreateAccount") == "success"
        await self.finish(service, self.prefect.of(service)[-1])
        assert await self.status(service) == "Active"
        return service

    async def finish(self, service: int, run: FakeRun) -> None:
        """What an activation does at its end: write-back, COMPLETED, and the call that closes the request."""
        await self.write_back(service)
        run.becomes("COMPLETED", step="ready", server=7, state="ACTIVE")
        assert await self.whmcs.custom(service, "sync") == "success"

    async def write_back(self, service: int) -> None:
        """The flow's last step, through the API's own call."""
        await self.whmcs.control(
            "localApi",
            action="UpdateClientProduct",
            values={
                "serviceid": service,
                "dedicatedip": "192.0.2.10",
                "serviceusername": "root",
                "servicepassword": SERVICE_PASSWORD,
                "status": "Active",
            },
        )

    async def later(self, minutes: int = 30) -> None:
        """Time passes for the module's rows: all its clocks are texts in its tables."""
        for column in ("created_at", "updated_at", "closed_at", "asked_until"):
            await self.whmcs.sql(
                f"UPDATE mod_dcimanager6_request SET {column} = "  # noqa: S608 - names of the line above
                f"DATE_FORMAT(DATE_SUB({column}, INTERVAL ? MINUTE), '%Y-%m-%d %H:%i:%s')",
                minutes,
            )


PATIENCE = "WAIT_SECONDS = 8.0;"
"""How long a command waits for its run: Command.php's own line."""


def settings_with(**given: str) -> list[str]:
    """The product's settings, with these of the later ones, and without a wipe delay."""
    assert not given.keys() - set(LATER)
    return [*SETTINGS[:6], "", "", "0", *(given.get(name, "") for name in LATER)]


def hurried(folder: Path, seconds: float = 0.5) -> Path:
    """The module with its commands' wait cut to half a second, and nothing else changed: most runs go on after it.

    Raises AssertionError: the line that is to be changed is not there any more.
    """
    copy = folder / "whmcs"
    shutil.copytree(OVERLAY, copy)
    file = copy / "modules/addons/dcimanager6flows/lib/Request/Command.php"
    text = file.read_text()
    assert text.count(PATIENCE) == 1
    file.write_text(text.replace(PATIENCE, f"WAIT_SECONDS = {seconds:.1f};"))
    return copy


async def order_of(scene: ModuleHarness, service: int) -> Any:
    """The order that the module gives to Prefect when it activates the service."""
    await scene.whmcs.command(service, "CreateAccount")
    return scene.prefect.only(service).parameters["order"]
