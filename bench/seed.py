"""Activates services before a measurement, by the same steps and calls but without Prefect's engine."""

import asyncio
import time
from datetime import datetime

from pydantic import JsonValue, SecretStr

from bench.data_centre import configuration
from bench.environment import Environment
from dcimanager.panel import Panel
from dcimanager.transport import PanelAccess
from flows.activate import activate
from ledger.orders import Order
from runtime import connections
from runtime.clock import WallClock, set_clock
from runtime.connections import Connections
from simulator.whmcs.model import IDENTIFIER, SECRET
from whmcs.api import WhmcsApi
from whmcs.transport import WhmcsAccess

PANEL = "main"
AT_ONCE = 8
OS_TEMPLATE, IP_POOL = "Debian-12-x86_64", "public-v4"

LONGEST_INSTALLATION = 7 * 24 * 60
"""Minutes: nothing that only waits may time out while it is measured."""


async def buy(environment: Environment, number: int, **wishes: JsonValue) -> dict[str, JsonValue]:
    """Order a service in WHMCS; returns the parameters of its activation."""
    settings = {
        "configuration": configuration(number, environment.profile), "os_template": OS_TEMPLATE, "ip_pool": IP_POOL,
    }  # fmt: skip
    name = f"client-{number}"
    body = {"email": f"{name}@example.com", "firstname": "A", "lastname": "B", "product": "Server", "hostname": name}
    answer = await environment.simulator.post("/control/order", json={**body, "settings": settings})
    ids = answer.raise_for_status().json()
    order = {**settings, **wishes, "client_id": ids["client_id"], "hostname": f"{name}.example.com"}
    return {"service_id": ids["service_id"], "panel": PANEL, "order": order}


async def seed(environment: Environment, count: int, *, wait_for_os: bool) -> list[int]:
    """Activate new services and return their numbers: ACTIVE, or INSTALLING when their OS is not waited for."""
    began, gate = time.monotonic(), asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> int:
        async with gate:
            asked = await buy(
                environment, number, wait_for_os=wait_for_os, os_install_timeout_minutes=LONGEST_INSTALLATION
            )
            service_id = int(str(asked["service_id"]))
            await activate.fn(service_id, PANEL, order=Order.model_validate(asked["order"]))
            return service_id

    connections.use_connections(_connections(environment))
    set_clock(WallClock())
    try:
        services = await asyncio.gather(*(one(number) for number in range(count)))
    finally:
        set_clock(None)
        await connections.close_connections()
    seconds = time.monotonic() - began
    environment.say(f"{count} services activated beforehand in {seconds:.0f} s ({count / seconds:.1f} a second)")
    return services


def _connections(environment: Environment) -> Connections:
    profile, url = environment.profile, environment.stack.simulator
    panel = PanelAccess(name=PANEL, url=url, username=profile.admin_email, password=SecretStr(profile.admin_password))
    whmcs = WhmcsAccess(url=f"{url}/whmcs", identifier=IDENTIFIER, secret=SecretStr(SECRET))

    async def start_nothing(
        deployment: str, parameters: dict[str, JsonValue], key: str, *, at: datetime | None = None
    ) -> str:
        """The watchers are started when it is measured."""
        return "none"

    return Connections(
        ledger=environment.ledger,
        panels={PANEL: Panel(panel)},
        whmcs=WhmcsApi(whmcs),
        start_run=start_nothing,
        emit=lambda *_: None,
    )
