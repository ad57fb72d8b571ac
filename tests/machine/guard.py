"""Judges each change that the panel is asked for at the moment at which it is handled (safety rules 1, 2, 4 and 6)."""

from collections import Counter
from collections.abc import Callable, Collection

from ledger.states import State
from runtime.driver import current_drive
from simulator.panel.model import PanelModel, RecordedRequest
from simulator.panel.models import SimServer
from tests.machine.errands import ADDRESSING, ErrandJudge
from tests.machine.expected_state import Peek, Promise

TAKING_BACK = frozenset({State.RELEASING, State.ERASING})
MAY_ASK = {
    "owner_set": {State.PREPARING},
    "owner_clear": {State.RELEASING},
    "port_off": {State.ACTIVE, State.SUSPENDED},
    "address_add": {State.PREPARING},
    "address_remove": {State.PREPARING, State.INSTALLING, State.RELEASING},
    "os_install": {State.INSTALLING},
    "diagnostics": {State.ERASING},
    "power_off": {State.ACTIVE, State.SUSPENDED},
    "power_reset": {State.ACTIVE, State.SUSPENDED},
    "ptr_set": {State.ACTIVE, State.SUSPENDED, State.RELEASING},
    "key_create": {State.ACTIVE, State.SUSPENDED},
    "rescue_start": {State.ACTIVE, State.SUSPENDED},
    "rescue_leave": {State.ACTIVE, State.SUSPENDED},
    "host_name_set": {State.ACTIVE, State.SUSPENDED},
}
"""The states in which a service may be when its run asks for these."""
MAY_CHANGE = {name: {State.ACTIVE, State.SUSPENDED} for name in ("address_add", "address_remove")}
"""The same of a change of the addresses, which leaves the state as it is."""


class Guard(list[RecordedRequest]):
    """The panel's record of calls, which looks at each one. `on_write` is called after each write."""

    def __init__(self, panel: PanelModel, peek: Peek) -> None:
        super().__init__()
        self._panel = panel
        self._peek = peek
        self._wipes: Counter[int] = Counter()
        self.wrongs: list[str] = []
        self.on_write: Callable[[], None] = lambda: None
        self.unwanted: Callable[[str, Promise], str | None] = lambda endpoint, promise: None
        """Says why WHMCS does not want this of the service any more."""
        self.addressed: Collection[int] = ()
        """The servers whose addresses were changed by hand: what was taken off may be given during an installation."""
        self.errands: ErrandJudge | None = None
        self.handing_over: int | None = None
        """The service whose server a person hands over right now: its owner is replaced, and nothing is wiped."""

    def append(self, call: RecordedRequest) -> None:
        """Remember a call, and what is wrong with it."""
        super().append(call)
        if self.errands is not None:
            self.errands.heard()
        if call.method == "GET" or call.endpoint in ("login", "logout", "user_create"):
            return
        wrong = self._wrong(call)
        if wrong:
            self.wrongs.append(f"{call.endpoint} {call.path}: {wrong}")
        if call.status is not None or call.lost:
            self.on_write()

    def _wrong(self, call: RecordedRequest) -> str | None:
        server = self._server(call)
        if server is None:
            return None  # it was taken out of the panel between the look and the call
        driver = current_drive().driver
        promise = self._peek.promises().get(server.id)
        if promise is None or promise.service_id != driver.service_id:
            return f"service {driver.service_id} does not claim server {server.id}"
        if promise.serial != server.serial:
            return f"server {server.id} is not the machine that service {promise.service_id} was promised"
        if call.endpoint == "owner_set" and promise.service_id == self.handing_over:
            return None
        pressed = None if self.errands is None else self.errands.wrong(call, promise, server)
        if pressed is not None:
            return pressed
        is_change = current_drive().action in ADDRESSING
        may = (MAY_CHANGE if is_change else MAY_ASK).get(call.endpoint or "")
        if self.errands is not None and self.errands.is_excused():
            may = None
        if call.endpoint == "address_add" and server.id in self.addressed:
            may = MAY_ASK["address_remove"] | MAY_CHANGE["address_add"]
        if may is not None and promise.state not in may:
            return f"service {promise.service_id} is {promise.state}"
        if call.endpoint == "owner_set" and self._peek.was_reserved_for_another(server.id):
            return f"server {server.id} was reserved for another service before it was claimed"
        unwanted = self.unwanted(call.endpoint or "", promise)
        if unwanted is not None:
            return unwanted
        if call.endpoint == "diagnostics":
            return self._wrong_wipe(call, promise, server)
        if not self._own(call, promise, server):
            return f"server {server.id} is owned by {server.owner_id}, service {promise.service_id} is {promise.state}"
        return None

    @staticmethod
    def _own(call: RecordedRequest, promise: Promise, server: SimServer) -> bool:
        if call.endpoint == "owner_set":
            arrived = call.status is not None and call.status < 300
            return promise.owner_id is None and (not arrived or (call.body or {}).get("owner") == server.owner_id)
        if promise.state is State.ERASING:
            return server.owner_id is None
        if promise.state is State.RELEASING:
            return server.owner_id in (None, promise.owner_id)
        return server.owner_id == promise.owner_id

    def _wrong_wipe(self, call: RecordedRequest, promise: Promise, server: SimServer) -> str | None:
        if server.owner_id is not None:
            return f"server {server.id} is owned by {server.owner_id}"
        permit = self._peek.permit(server.id, promise.service_id, promise.generation)
        if permit is None or permit["used_at"] is None or permit["outcome"] is not None:
            return f"service {promise.service_id} has no permit that is being used: {permit}"
        if call.lost or (call.status is not None and call.status < 300):
            self._wipes[permit["id"]] += 1
        return "it is the permit's second wipe" if self._wipes[permit["id"]] > 1 else None

    def _server(self, call: RecordedRequest) -> SimServer | None:
        parts = call.path.split("/")
        if "port" in parts:
            found = self._panel.world.ports.get(int(parts[parts.index("port") + 1]))
            return None if found is None else found[0]
        if call.endpoint == "key_create":
            driven = current_drive().driver.service_id
            promised = (server for server, promise in self._peek.promises().items() if promise.service_id == driven)
            return self._panel.servers.get(next(promised, 0))
        if call.endpoint == "ptr_set":
            address = int(parts[parts.index("ip") + 1])
            servers = self._panel.servers.values()
            return next((one for one in servers if address in {row.id for row in one.addresses}), None)
        return self._panel.servers.get(int(parts[parts.index("server") + 1]))
