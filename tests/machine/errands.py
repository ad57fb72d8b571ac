"""What clients and staff press after the sale, and whose the server was at each call that came of it.

A further errand is an entry of ERRANDS, and a row of OWN in `presses.py`. Each change that one asks for is judged at
the moment at which the panel handles it.
"""

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from prefect import Flow

from flows.change_addresses import change_addresses
from flows.change_order import change_order
from flows.power import power
from flows.reinstall import reinstall
from flows.rename import rename
from flows.rescue import rescue
from flows.set_ptr import set_ptr
from flows.sign_in import sign_in
from ledger.snapshots import Driver, Service
from runtime.driver import ERRANDS as ACTIONS
from runtime.driver import Drive, current_drive
from simulator.panel.model import PanelModel, RecordedRequest
from simulator.panel.models import SimServer
from simulator.whmcs.records import ClientRecord
from tests.machine.expected_state import ExpectedState, Peek, Promise

ERRANDS: "dict[str, Flow[..., None]]" = {
    flow.name: flow for flow in (power, rescue, reinstall, sign_in, set_ptr, rename, change_addresses, change_order)
}
PRESSED = frozenset({*ACTIONS, reinstall.name})
"""What begins with a button; a reinstallation is a lifecycle."""
ADDRESSING = frozenset({change_addresses.name, change_order.name})
"""What gives a delivered server further addresses, or takes some back."""
ONCE = frozenset({"power_reset", "rescue_start", "rescue_leave"})
"""What no run may send twice, because nobody can see afterwards whether it was done."""
LOOKS = 3
"""The calls of a panel that follow a look at the ledger: the server, perhaps its owner, and the change."""


@dataclass(frozen=True)
class Press:
    """One button: by whom, which client WHMCS says presses it, and for which run."""

    by: str
    client_id: int | None


@dataclass(frozen=True)
class PressedCall:
    """A change that an errand asked the panel for, with who had pressed and whose the server was then."""

    run_id: str
    endpoint: str
    server_id: int
    press: Press
    owner: str | None


_calls: Counter[Driver] = Counter()
_looked: dict[Driver, int] = {}
"""After how many of its calls each run saw last that it drives its service."""
_fresh = Drive.fresh


async def fresh_noted(drive: Drive) -> Service:
    """`Drive.fresh`, which is noted."""
    service = await _fresh(drive)
    _looked[drive.driver] = _calls[drive.driver]
    return service


class ErrandJudge:
    """Keeps who pressed what, and says what is wrong with a call that came of it."""

    def __init__(self, panel: PanelModel, peek: Peek, expected: ExpectedState, run_id: Callable[[], str]) -> None:
        self._panel = panel
        self._peek = peek
        self._expected = expected
        self._run_id = run_id
        self._sent: Counter[tuple[str, str]] = Counter()
        self.clients: dict[int, ClientRecord] = {}
        self.pressed: dict[str, Press] = {}
        """The button of each run."""
        self.calls: list[PressedCall] = []

    def heard(self) -> None:
        """Count a call of whatever kind that a run makes."""
        with suppress(LookupError):
            _calls[current_drive().driver] += 1

    def is_excused(self) -> bool:
        """Whether an errand looked at the ledger right before another run took its service over (docs/limits.md)."""
        drive = current_drive()
        return drive.action in PRESSED and self._is_superseded(drive.driver)

    def wrong(self, call: RecordedRequest, promise: Promise, server: SimServer) -> str | None:
        """What is wrong with a change that an errand asks for; None: nothing, or it is no errand's."""
        drive = current_drive()
        if drive.action not in PRESSED:
            return None
        run_id, endpoint = self._run_id(), call.endpoint or ""
        press, owner = self.pressed[run_id], self._panel.owner_of(server.id)
        if endpoint == "key_create" and call.path.split("/")[-2] != str(promise.owner_id):
            return f"{run_id} asks for the key of another user than the one that server {server.id} was given to"
        self.calls.append(PressedCall(run_id, endpoint, server.id, press, owner))
        since = _calls[drive.driver] - _looked.get(drive.driver, -LOOKS)
        if since > LOOKS and self._is_superseded(drive.driver):
            return f"{run_id} goes on after another run drives service {promise.service_id}"
        if call.lost or (call.status is not None and call.status < 300):
            self._sent[run_id, endpoint] += 1
        if endpoint in ONCE and self._sent[run_id, endpoint] > 1:
            return f"{run_id} sends it a second time"
        if press.client_id is None or self.is_excused():
            return None
        whose = self._expected.whose.get((promise.service_id, promise.generation))
        is_theirs = whose is not None and whose.client_id == press.client_id
        if not is_theirs or owner != self.clients[press.client_id].email:
            return f"client {press.client_id} pressed it, and server {server.id} is of {whose} and owned by {owner}"
        return None

    def _is_superseded(self, driver: Driver) -> bool:
        return self._peek.epoch(driver.service_id) != driver.epoch
