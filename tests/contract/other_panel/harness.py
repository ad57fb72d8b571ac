"""The world of a lifecycle with the other panel in the simulated one's place; WHMCS, ledger and clock are the same."""

from pathlib import Path
from typing import Any

import httpx
from pydantic import SecretStr

from dcimanager.access import PanelAccess
from dcimanager.endpoints import load_dialect
from dcimanager.panel import Panel
from ledger.database import Ledger
from ledger.orders import Order
from runtime.clock import seconds, sleep
from runtime.run_log import log_panel_call
from simulator.whmcs.records import ModuleSettings
from tests.contract.other_panel.app import OtherPanel
from tests.contract.other_panel.state import Machine
from tests.contract.other_panel.stock import ADMIN, ADMIN_PASSWORD, EPYC, IMAGE
from tests.harness import PANEL, Harness, Wire

HAND_WRITTEN = Path(__file__).with_name("endpoints.toml")
ACCESS = PanelAccess(
    name=PANEL, url="https://other.example", username=ADMIN, password=SecretStr(ADMIN_PASSWORD)
)  # fmt: skip


class OtherHarness(Harness):
    """`other` is the panel; `endpoints` the file that corrects the table for it, written by hand or by `learn`."""

    def __init__(self, ledger: Ledger, endpoints: Path = HAND_WRITTEN) -> None:
        super().__init__(ledger)
        self.other = OtherPanel(self.clock.simulated)
        self.dialect = load_dialect(endpoints)
        self.product = self.whmcs.add_product("EPYC", ModuleSettings(EPYC, IMAGE, "clients"))

    def open_panel(self, through: Wire) -> Panel:
        """A client of the other panel, in its own dialect."""
        transport = through(httpx.ASGITransport(app=self.other.app), "panel")
        return Panel(ACCESS, self.dialect, http=transport, on_call=log_panel_call, sleep=sleep, now=seconds)

    def order(self, **changes: Any) -> Order:
        """The product's order, with changes."""
        return super().order(**{"configuration": EPYC, "os_template": IMAGE, "ip_pool": "clients", **changes})

    async def machine(self, service_id: int) -> Machine:
        """The other panel's server that the service claims."""
        claim = (await self.service(service_id)).claim
        assert claim is not None
        return self.other.world.machines[claim.server_id]
