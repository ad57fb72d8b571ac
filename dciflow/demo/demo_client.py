"""The demo's clients: what they ask WHMCS for, and the table of what came of it."""

from dataclasses import dataclass, field

import httpx
from pydantic import BaseModel, ConfigDict, JsonValue

from dciflow import cli_support
from dciflow.demo.ordering import Action, Ordering, Wants
from dciflow.demo.prefect_api import RunEnd
from dciflow.demo.stack import Stack


def say(text: str) -> None:
    """Print a line of progress."""
    cli_support.say(f"· {text}")


STATUS: dict[Action, str] = {
    "activate": "Active",
    "suspend": "Suspended",
    "unsuspend": "Active",
    "terminate": "Terminated",
}
"""The service's status in WHMCS after each action."""


class DemoRow(BaseModel):
    """One line of the table: what was asked, what was expected and what came."""

    model_config = ConfigDict(frozen=True)

    service_id: int
    action: str
    expected: str
    saying: str
    """A part of its message: a run that fails for another reason is not as expected."""
    end: RunEnd
    shows: tuple[str, ...]
    """What WHMCS should show afterwards, one of these."""
    shown: str | None
    """What it shows; None where no WHMCS of ours is asked."""

    @property
    def as_expected(self) -> bool:
        """Whether it came as expected."""
        ended = self.end.state == self.expected and self.saying in self.end.message
        return ended and (self.shown is None or self.shown in self.shows)


class Unexpected(Exception):
    """An outcome was not the expected one: the client's story ends here."""


@dataclass
class DemoClient:
    """One client with one service."""

    shop: Ordering
    simulator: httpx.AsyncClient
    wants: Wants
    rows: list[DemoRow] = field(default_factory=list)
    mails: int = 1
    """So many mails with a password the client has got: one with the server, one with each reinstallation."""
    server: int = 0
    """Its server's number on the panel, once it is used."""

    async def ask(
        self, action: Action, expected: str = "COMPLETED", *, saying: str = "", shows: tuple[str, ...] | None = None
    ) -> None:
        """Ask for an action as WHMCS does, and wait for its end."""
        end = await self.shop.ask(self.wants, action)
        await self.note(action, expected, end, saying=saying, shows=shows or self.shown_as(STATUS[action]))

    def shown_as(self, status: str) -> tuple[str, ...]:
        """How WHMCS shows the service when it has that status."""
        return (f"{status}, {self.mails} mail{'s' * (self.mails > 1)}",)

    async def watched(self) -> None:
        """Wait for the run that follows the installation."""
        run_id = await self.shop.prefect.find("watch-os-install", self.wants.service_id, within_seconds=60)
        end = await self.shop.prefect.wait(run_id)
        await self.note("watch-os-install", "COMPLETED", end, shows=self.shown_as("Active"))

    async def uses_the_server(self) -> None:
        """Leave something on the disk that the deletion has to clear."""
        address = await self.shop.address(self.wants)
        state = (await self.simulator.get("/control/state")).raise_for_status().json()
        self.server = next(int(s["id"]) for s in state["servers"] if address in s["addresses"])
        await self.by_hand("write_tenant_data", text=f"{self.wants.name}'s photographs")

    async def by_hand(self, action: str, **more: JsonValue) -> None:
        """Somebody does something to the client's server in the panel's own pages."""
        body = {"action": action, "server": self.server, **more}
        (await self.simulator.post("/control/by-hand", json=body)).raise_for_status()

    async def server_now(self) -> dict[str, JsonValue]:
        """The client's server as it is on the panel."""
        state = (await self.simulator.get("/control/state")).raise_for_status().json()
        server: dict[str, JsonValue] = next(s for s in state["servers"] if s["id"] == self.server)
        return server

    async def note(self, action: str, expected: str, end: RunEnd, *, saying: str = "", shows: tuple[str, ...]) -> None:
        """Put what came into the table. Raises Unexpected: it is not what was expected."""
        shown = await self.shop.shows(self.wants, shows)
        row = DemoRow(
            service_id=self.wants.service_id,
            action=action,
            expected=expected,
            saying=saying,
            end=end,
            shows=shows,
            shown=shown,
        )
        self.rows.append(row)
        text = f"service {row.service_id}: {action} {end.state} in {end.seconds:.1f} s"
        text += f"; WHMCS shows {shown}" if shown else ""
        say(text if row.as_expected else f"{text} (expected {expected}; {' or '.join(shows)}): {end.message}")
        if not row.as_expected:
            raise Unexpected


def print_table(stack: Stack, rows: list[DemoRow]) -> None:
    """Print all rows as one table."""
    cli_support.show_table(
        ["Service", "Action", "Outcome", "Seconds", "WHMCS shows", "Flow run"],
        (
            (
                row.service_id,
                row.action,
                row.end.state if row.as_expected else f"{row.end.state}, expected {row.expected}",
                f"{row.end.seconds:.1f}",
                row.shown or "-",
                f"{stack.prefect}/v2/runs/flow-run/{row.end.run_id}" if row.end.run_id else "-",
            )
            for row in rows
        ),
    )
