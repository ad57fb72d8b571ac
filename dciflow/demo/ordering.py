"""Where the demo's clients order: WHMCS with our module where PHP is here, else Prefect's API as the module uses it."""

import asyncio
import time
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import httpx
from pydantic import JsonValue

from dciflow.demo.prefect_api import PrefectApi, RunEnd
from dciflow.demo.stack import Stack
from dciflow.registration import PROJECT
from runtime.errors import StepRefused
from simulator.panel.profile import Profile
from simulator.whmcs.model import IDENTIFIER, SECRET
from simulator.whmcs_php.control import Command
from simulator.whmcs_php.host import FakeWhmcs, fake_whmcs, missing

Action = Literal["activate", "suspend", "unsuspend", "terminate"]

COMMANDS: dict[Action, Command] = {
    "activate": "CreateAccount",
    "suspend": "SuspendAccount",
    "unsuspend": "UnsuspendAccount",
    "terminate": "TerminateAccount",
}

ADDON = "dcimanager6flows"
OS_TEMPLATE, IP_POOL = "Debian-12-x86_64", "public-v4"
CLIENTS_MAY = ["on", "ports", "0", "on", "Debian-12-x86_64, Ubuntu-24.04-x86_64", "on", "on"]
"""The module settings from the tenth on: power, how a suspension is, reinstallation and its OSs, rDNS, the panel."""
TIMEOUT_SETTING = "configoption5"
"""OS Installation timeout (minute): the fifth of the module settings."""

SHOWN_SECONDS = 20
"""WHMCS is told of a run's end right after it; its own cron, which would notice later, does not run in the demo."""


@dataclass
class Wants:
    """What a client orders. The ids are 0 until it is bought."""

    name: str
    configuration: str
    wait_for_os: bool = True
    timeout_minutes: int = 60
    service_id: int = 0
    client_id: int = 0
    product_id: int = 0

    @property
    def hostname(self) -> str:
        """The server's name."""
        return f"{self.name.lower()}.example.com"

    @property
    def email(self) -> str:
        """The client's address."""
        return f"{self.name.lower()}+servers@example.com"


class Ordering(Protocol):
    """Takes orders and has them carried out."""

    prefect: PrefectApi

    async def buy(self, wants: Wants) -> None:
        """Order: the service is Pending, and its numbers are in `wants`."""

    async def ask(self, wants: Wants, action: Action) -> RunEnd:
        """Ask for an action as WHMCS does, and wait for its run's end."""

    async def shows(self, wants: Wants, expected: Collection[str]) -> str | None:
        """Status and number of mails as the shop shows them, as soon as they are among the expected; None: it shows
        none."""

    async def address(self, wants: Wants) -> str:
        """The server's main address, as the client sees it."""

    async def lose_addresses(self, wants: Wants) -> None:
        """The shop forgets the server's addresses, as if it had never been told them."""


class ApiOrdering:
    """The simulated WHMCS, whose orders reach Prefect's API without PHP."""

    def __init__(self, stack: Stack, prefect: PrefectApi, simulator: httpx.AsyncClient) -> None:
        self.prefect = prefect
        self._simulator = simulator

    async def buy(self, wants: Wants) -> None:
        body = {
            "email": wants.email,
            "firstname": wants.name,
            "lastname": "Example",
            "product": f"Dedicated {wants.configuration}",
            "settings": {"configuration": wants.configuration, "os_template": OS_TEMPLATE, "ip_pool": IP_POOL},
            "hostname": wants.hostname,
        }
        answer = (await self._simulator.post("/control/order", json=body)).raise_for_status().json()
        wants.service_id, wants.client_id = answer["service_id"], answer["client_id"]

    async def ask(self, wants: Wants, action: Action) -> RunEnd:
        parameters: dict[str, JsonValue] = {"service_id": wants.service_id, "panel": "main"}
        if action == "activate":
            order: dict[str, JsonValue] = {
                "client_id": wants.client_id,
                "configuration": wants.configuration,
                "os_template": OS_TEMPLATE,
                "ip_pool": IP_POOL,
                "ipv4_count": 1,
                "location_id": None,
                "wait_for_os": wants.wait_for_os,
                "os_install_timeout_minutes": wants.timeout_minutes,
                "hostname": wants.hostname,
            }
            parameters |= {"requested_by": "client", "order": order}
        return await self.prefect.run(action, parameters)

    async def shows(self, wants: Wants, expected: Collection[str]) -> str | None:
        return None

    async def address(self, wants: Wants) -> str:
        state = (await self._simulator.get("/control/state")).raise_for_status().json()
        return str(next(s["dedicated_ip"] for s in state["services"] if s["id"] == wants.service_id))

    async def lose_addresses(self, wants: Wants) -> None:
        form = {"identifier": IDENTIFIER, "secret": SECRET, "action": "UpdateClientProduct", "responsetype": "json"}
        form |= {"serviceid": str(wants.service_id), "unset[0]": "dedicatedip", "unset[1]": "assignedips"}
        (await self._simulator.post("/whmcs/includes/api.php", data=form)).raise_for_status()


class WhmcsOrdering:
    """The simulated WHMCS in PHP, with our module in it."""

    def __init__(self, stack: Stack, prefect: PrefectApi, whmcs: FakeWhmcs, server: int) -> None:
        self.stack = stack
        self.prefect = prefect
        self.whmcs = whmcs
        self.server = server

    async def buy(self, wants: Wants) -> None:
        wants.client_id = await self.whmcs.add_client(wants.email, wants.name)
        dont_wait = "" if wants.wait_for_os else "on"
        ordered = [wants.configuration, OS_TEMPLATE, dont_wait, IP_POOL, str(wants.timeout_minutes)]
        settings = [*ordered, "", "", "", "0", *CLIENTS_MAY]
        wants.product_id = await self.whmcs.add_product(f"Dedicated {wants.configuration}", settings)
        wants.service_id = await self.whmcs.order(wants.client_id, wants.product_id, wants.hostname, server=self.server)

    async def ask(self, wants: Wants, action: Action) -> RunEnd:
        started = time.monotonic()
        await self.whmcs.edit("tblproducts", wants.product_id, **{TIMEOUT_SETTING: str(wants.timeout_minutes)})
        queued = (await self.whmcs.state()).waiting(wants.service_id)
        before = set(await self.prefect.runs(action, wants.service_id))
        if queued:  # an earlier one failed: staff press Retry at its row of the Module Queue
            said = await self.whmcs.retry(queued[-1].id)
        else:
            said = await self.whmcs.command(wants.service_id, COMMANDS[action], "automation")
        new = [run for run in await self.prefect.runs(action, wants.service_id) if run not in before]
        if not new:
            raise StepRefused(f"WHMCS started no run of {action} for service {wants.service_id}: {said}")
        end = await self.prefect.wait(new[0])
        return end.model_copy(update={"seconds": time.monotonic() - started})

    async def shows(self, wants: Wants, expected: Collection[str]) -> str | None:
        for _ in range(SHOWN_SECONDS * 2):
            if await self._shown(wants) in expected:
                break
            await asyncio.sleep(0.5)
        return await self._shown(wants)

    async def _shown(self, wants: Wants) -> str:
        state = await self.whmcs.state()
        mails, queued = len(state.client_mails(wants.service_id)), len(state.waiting(wants.service_id))
        parts = [state.service(wants.service_id).domainstatus]
        parts += [f"{mails} mail{'s' * (mails > 1)}"] * bool(mails) + [f"{queued} in the Module Queue"] * bool(queued)
        return ", ".join(parts)

    async def address(self, wants: Wants) -> str:
        return (await self.whmcs.state()).service(wants.service_id).dedicatedip

    async def lose_addresses(self, wants: Wants) -> None:
        await self.whmcs.edit("tblhosting", wants.service_id, dedicatedip="", assignedips="")


async def without_php() -> list[str]:
    """The Debian packages that are not here and that orders through PHP need."""
    return await missing()


@asynccontextmanager
async def whmcs_ordering(
    stack: Stack,
    prefect: PrefectApi,
    *,
    database: str | None = None,
    module: Path = PROJECT / "whmcs-module",
    api: str | None = None,
    auth: str = "",
) -> AsyncIterator[WhmcsOrdering]:
    """A WHMCS set up as docs/install.md says: addon, server record, its panel stored and looked at by Test Connection.

    database, module: as of `fake_whmcs`; no database keeps it in a file of the stack. api, auth: where the module
    finds Prefect and what it says there; by default the stack's own address.
    Raises StepRefused: the module could not be set up.
    """
    profile = Profile.demo()
    address = httpx.URL(stack.simulator)
    home = stack.home / "whmcs"
    async with fake_whmcs(module=module, database=database, home=home) as whmcs:
        await stack.command(
            "whmcs", "set", "--url", whmcs.url, "--identifier", IDENTIFIER, secrets={"DCIFLOW_WHMCS_SECRET": SECRET}
        )
        answer = await whmcs.activate(ADDON)
        if answer.status != "success":
            raise StepRefused(f"The addon could not be activated: {answer.description}")
        await whmcs.configure(ADDON, api_url=api or stack.api, auth=auth, ui_url=f"{stack.prefect}/v2")
        server = await whmcs.add_server(
            "main", address.host, profile.admin_email, profile.admin_password, port=address.port, secure=False
        )
        connection = await whmcs.test_connection(server)
        if not connection.success:
            raise StepRefused(f"Test Connection failed: {connection.error}")
        yield WhmcsOrdering(stack, prefect, whmcs, server)
