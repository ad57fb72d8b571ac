"""The buttons that clients and staff press, at any moment, and at the moment of a lifecycle."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, rule

from ledger import server_notes
from ledger.errors import IllegalMove
from ledger.service_identity import ServiceIdentity
from ledger.states import State
from simulator.whmcs.records import ServiceRecord
from tests.harness import PANEL
from tests.machine.errands import Press
from tests.machine.faults import FAULTS, SERVERS, Fault
from tests.sealed import key_pair

DEBIAN = "Debian-12-x86_64"
NAME = "mail.example.com"
ANOTHERS = "another server's address"

Errand = tuple[str, dict[str, Any]]

OWN: list[Errand] = [
    ("power", {"command": "on"}),
    ("power", {"command": "off"}),
    ("power", {"command": "reboot"}),
    ("power", {"command": "look"}),
    ("reinstall", {"os_template": DEBIAN}),
    ("sign-in", {"public_key": key_pair()[1]}),
    ("set-ptr", {"name": NAME}),
    ("set-ptr", {"name": NAME, "address": ANOTHERS}),
    ("change-addresses", {"ipv4_count": 2}),
    ("change-addresses", {"ipv4_count": 1}),
    ("change-order", {"ipv4_count": 2}),
    ("rescue", {"command": "start"}),
    ("rescue", {"command": "leave"}),
    ("rename", {"hostname": NAME}),
]
"""The errands with their own parameters; what the page shows is put in when the button is pressed."""
LATE = 1800
"""Seconds after which what was pressed is not done any more."""

bought: "Bundle[int]" = Bundle("bought")
PRESSES = st.sampled_from(OWN)
_by = st.sampled_from(["client", "client", "stranger", "admin"])
_waits = st.sampled_from([11, 11, 11, 0, LATE])
TAKEN = st.sampled_from(["give_away", "take_off", "swap"])
OTHER_FLOWS = st.sampled_from(["one", "other", "suspend", "unsuspend", "terminate", "activate"])


class PressingClients:
    """What clients and staff press, for the machine."""

    setup: Any
    orders: Any
    _run: Any
    _order: Any
    _touch: Any

    def _press(self, errand: Errand, service_id: int, by: str) -> Any:
        """A run of an errand: a "client" is whoever WHMCS shows the service's page to, a "stranger" somebody else."""
        flow, own = errand
        row = self.setup.staff.row(service_id)
        numbers = [client.id for client in self.setup.clients]
        owner = numbers[0] if row is None else row.client_id
        client = next(number for number in numbers if (number == owner) is not (by == "stranger"))
        order = {} if row is None else {"order_id": row.order_id, "registered": row.registered}
        run = self.setup.new_run(
            flow,
            service_id,
            requested_by="admin" if by == "admin" else "client",
            identity=ServiceIdentity(client_id=client, **order),
            asked_at=self.setup.harness.clock.now(),
            **self._asked(service_id, flow, own, row),
        )
        self.setup.errands.pressed[run.id] = Press(by, None if by == "admin" else client)
        return run

    def _asked(self, service_id: int, flow: str, own: dict[str, Any], row: ServiceRecord | None) -> dict[str, Any]:
        if flow == "change-order":
            return {"order": self._order(service_id).model_copy(update=own)}
        return {**own, **self._shown(flow, own, row)}

    def _shown(self, flow: str, own: dict[str, Any], row: ServiceRecord | None) -> dict[str, Any]:
        """What whoever presses has read on the service's page and typed, which replaces what stands for it."""
        domain, main, addresses = ("", "", "") if row is None else (row.domain, row.dedicated_ip, row.assigned_ips)
        if flow == "reinstall":
            return {"hostname_typed": domain}
        if flow == "change-addresses":
            return {"give_back": " ".join(addresses.split()[own["ipv4_count"] :])}
        if flow == "set-ptr" and own.get("address") == ANOTHERS:
            servers = self.setup.harness.panel.servers.values()
            others = [one.address for server in servers for one in server.addresses if one.address != main]
            return {"address": next(iter(others), "")}
        return {"address": main} if flow == "set-ptr" else {}

    def _in_use(self, service: int) -> int:
        """The service if its client has its server, else one whose client has: most presses on others are refused."""
        for number in (service, *self.orders):
            known = self.setup.service(number)
            if known is not None and known.state is State.ACTIVE:
                return number
        return service

    @rule(service=bought, errand=PRESSES, by=st.sampled_from(["client", "client", "admin"]))
    def press_in_peace(self, service: int, errand: Errand, by: str) -> None:
        """A button is pressed, and nothing is in its way."""
        self.setup.wait(self.setup.harness.clock.sleep(11))
        self.setup.execute(self._press(errand, self._in_use(service), by))

    @rule(service=bought, errand=PRESSES, by=_by, waits=_waits, faults=st.just([]) | FAULTS)
    def press(self, service: int, errand: Errand, by: str, waits: int, faults: list[Fault]) -> None:
        """A button is pressed, by its client mostly; a stranger's press has their own name and another's service."""
        if waits != LATE:
            self.setup.wait(self.setup.harness.clock.sleep(waits))
        run = self._press(errand, service, by)
        if waits == LATE:
            self.setup.wait(self.setup.harness.clock.sleep(waits))
        before = len(self.setup.errands.calls)
        self.setup.execute(run, faults)
        if waits == LATE:
            assert self.setup.errands.calls[before:] == [], "what was pressed long ago was done"

    @rule(service=bought, errand=PRESSES, by=_by, flow=OTHER_FLOWS, first=st.booleans())
    def press_at_once(self, service: int, errand: Errand, by: str, flow: str, first: bool) -> None:
        """A button is pressed at the moment at which WHMCS asks for something else, which goes over it."""
        self.setup.wait(self.setup.harness.clock.sleep(11))
        both = [self._press(errand, service, by), self._run(flow, service)]
        self.setup.together(both if first else both[::-1])

    @rule(service=bought, errand=PRESSES, by=_by, nth=st.integers(1, 4))
    def press_and_be_gone_over(self, service: int, errand: Errand, by: str, nth: int) -> None:
        """Another run takes the service over right before the errand looks at the server the nth time."""
        self.setup.wait(self.setup.harness.clock.sleep(11))
        service = self._in_use(service)
        run, peek = self._press(errand, service, by), self.setup.peek
        self.setup.harness.faults.admin_acts_before("server_list", nth, lambda: peek.take_over(service))
        self.setup.execute(run)

    @rule(service=bought, errand=PRESSES, by=_by, act=TAKEN)
    def press_when_it_is_taken(self, service: int, errand: Errand, by: str, act: str) -> None:
        """An administrator changes the service's server before a button is pressed."""
        self.setup.wait(self.setup.harness.clock.sleep(11))
        service = self._in_use(service)
        self._touch(service, act)
        self.setup.execute(self._press(errand, service, by))

    @rule(service=bought, errands=st.lists(PRESSES, min_size=2, max_size=3), by=_by)
    def press_often(self, service: int, errands: list[Errand], by: str) -> None:
        """Several buttons at once."""
        self.setup.together([self._press(errand, service, by) for errand in errands])

    @rule(server=st.sampled_from(SERVERS), service=bought)
    def reserve(self, server: int, service: int) -> None:
        """Staff keep a server for a service: whoever has it keeps it, and nobody else gets it from now on."""
        self.setup.wait(self._note(server_notes.reserve, server, service_id=service))
        self.setup.wait(self.setup.harness.clock.sleep(1))

    @rule(server=st.sampled_from(SERVERS))
    def end_reserve(self, server: int) -> None:
        """Staff let go of a server that was kept for a service."""
        with suppress(IllegalMove):  # it is not reserved
            self.setup.wait(self._note(server_notes.release, server))

    async def _note(self, what: Callable[..., Awaitable[Any]], server_id: int, **more: int) -> None:
        harness, noted = self.setup.harness, {"who": "shift", "why": "it fits", **more}
        await what(harness.ledger, panel=PANEL, server_id=server_id, now=harness.clock.now(), **noted)
