"""Clients, administrators, faults and the clock against flows and simulator, in any order.

Moments that docs/limits.md accepts as unsafe, in which the machine does nothing by hand:
* between a look at a server and the call that follows it: administrators act right before a look;
* an installation by hand between a lost answer and the next run passes for ours: nobody installs in an activation;
* a person who gives a server away does not do it while something runs on it;
* between a look at WHMCS's row and the call that follows it: clients pay and staff act right before a look.
"""

import sys
from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
)

from ledger import decisions, services
from ledger.errors import LedgerError
from ledger.orders import Order
from ledger.snapshots import Service
from ledger.states import State
from runtime.run_log import EXPECTED
from tasks.held.decisions import DecisionRequest, carry_out
from tests.machine.faults import FAULTS, SERVERS, DiesBefore, Fault
from tests.machine.harness import ALIAS, MachineHarness, MachineLedger, MachineRun
from tests.machine.invariants import wrongs
from tests.machine.manual_actions import ACTS
from tests.machine.presses import PRESSES, Errand, PressingClients
from tests.machine.whmcs_staff import DUE

MOST_SERVICES = 5
NEXT = {
    State.NEW: ("activate", "terminate"),
    State.CLAIMED: ("activate", "terminate"),
    State.PREPARING: ("activate", "terminate"),
    State.INSTALLING: ("watch-os-install", "activate"),
    State.ACTIVE: ("suspend", "terminate"),
    State.SUSPENDED: ("unsuspend", "terminate"),
    State.RELEASING: ("terminate", "terminate"),
    State.ERASING: ("terminate", "terminate"),
    State.RELEASED: ("activate", "activate"),
    State.HELD: ("terminate", "activate"),
}
"""The two flows that usually come next, by the state of the service."""

FLOWS = st.sampled_from(["one", "other", "one", "other", "activate", "suspend", "unsuspend", "terminate"])
FATEFUL = ["owner_set", "address_add", "os_install", "owner_clear", "diagnostics"]
AFTER_A_DEATH = st.sampled_from([None, "check_disks", "give_away", "take_off", "end_operation", "swap", "add_address"])
TAKEN = st.sampled_from(["give_away", "take_off", "swap", "protect", "check_disks"])
TRIES_AT_THE_END = 5
LONGER_THAN_ANYTHING = 5000
"""Seconds after which every operation is over and a dead run is stalled."""


class Machine(PressingClients, RuleBasedStateMachine):
    """One data centre with three servers, its clients and its administrators."""

    shared: ClassVar[MachineLedger]
    bought = Bundle("bought")

    def __init__(self) -> None:
        super().__init__()
        self.setup = MachineHarness(self.shared)
        self.orders: dict[int, Order] = {}

    def _buy(self, client: int, addresses: int, wait: bool) -> int:
        harness, owner = self.setup.harness, self.setup.clients[client]
        service_id = harness.buy(client_id=owner.id)
        self.orders[service_id] = harness.order(
            client_id=owner.id, ipv4_count=addresses, wait_for_os=wait, os_install_timeout_minutes=3
        )
        self.setup.expected.statuses[service_id] = "Pending"
        harness.billed(service_id).next_due = DUE
        return service_id

    def _run(self, flow: str, service_id: int) -> MachineRun:
        """A new run of a flow, or of one of those that come next."""
        known = self.setup.service(service_id)
        if flow in ("one", "other"):
            flow = NEXT[known.state if known else State.NEW][flow == "other"]
        if flow == "activate" and known is not None and known.state is State.RELEASED:
            self.setup.staff.set_status(service_id, "Pending")  # ordered again
        row = self.setup.staff.row(service_id)
        is_new = known is None or (row is not None and row.client_id != known.client_id)
        order = {"order": self._order(service_id)} if flow == "activate" and is_new else {}
        return self.setup.new_run(flow, service_id, **order)

    def _order(self, service_id: int) -> Order:
        """The service's order, in the name of whoever WHMCS has it for by now."""
        row = self.setup.staff.row(service_id)
        ordered = self.orders[service_id]
        return ordered if row is None else ordered.model_copy(update={"client_id": row.client_id})

    def _touch(self, service_id: int, act: str | None) -> None:
        """Do something by hand to the service's server, if it has one."""
        known = self.setup.service(service_id)
        if act is not None and known is not None and known.claim is not None:
            self.setup.manual.do(act, known.claim.server_id)

    @initialize(target=bought, client=st.integers(0, 1), errand=PRESSES)
    def a_client_has_a_server(self, client: int, errand: Errand | None = None) -> int:
        service_id = self._buy(client, 1, wait=True)
        assert self.setup.execute(self._run("activate", service_id))
        if errand is not None:
            self.press_in_peace(service_id, errand, "client")
        return service_id

    @precondition(lambda self: len(self.orders) < MOST_SERVICES)
    @rule(target=bought, client=st.integers(0, 1), addresses=st.integers(1, 2), wait=st.booleans())
    def buy(self, client: int, addresses: int, wait: bool) -> int:
        return self._buy(client, addresses, wait)

    @rule(service=bought, flow=FLOWS, faults=FAULTS)
    def ask(self, service: int, flow: str, faults: list[Fault]) -> None:
        self.setup.execute(self._run(flow, service), faults)

    @rule(service=bought, flow=st.sampled_from(["one", "other"]))
    def ask_in_peace(self, service: int, flow: str) -> None:
        self.setup.execute(self._run(flow, service))

    @rule(service=bought, flow=st.sampled_from(["one", "other"]), call=st.sampled_from(FATEFUL), act=AFTER_A_DEATH)
    def die_and_go_on(self, service: int, flow: str, call: str, act: str | None) -> None:
        """A worker dies right before an important call, and an administrator acts before the next worker does."""
        self.setup.execute(self._run(flow, service), [DiesBefore(call, 1)])
        self._touch(service, act)
        self.wait(1000)
        self.setup.execute(self._run("one", service))

    @precondition(lambda self: self.setup.peek.open_runs())
    @rule(act=st.none() | st.sampled_from(sorted(ACTS)), waits=st.booleans())
    def go_on_after_a_death(self, act: str | None, waits: bool) -> None:
        """The dead run runs again, or another run follows once it is stalled; an administrator may have acted first."""
        service = next(iter(self.setup.peek.open_runs().values()))
        self._touch(service, act)
        if waits:
            self.wait(100)
        self.setup.execute(self._run("one", service) if waits else self.setup.last[service])

    @rule(service=bought, act=TAKEN, flow=st.sampled_from(["one", "other"]))
    def ask_when_it_is_taken(self, service: int, act: str, flow: str) -> None:
        """An administrator changes the service's server before WHMCS asks for something."""
        self._touch(service, act)
        self.setup.execute(self._run(flow, service))

    @precondition(lambda self: len(self.orders) + 2 <= MOST_SERVICES)
    @rule(targets=(bought,), client=st.integers(0, 1))
    def rush(self, client: int) -> MultipleResults[int]:
        """Two orders at once, perhaps for the last server."""
        both = [self._buy(client, 1, wait=True), self._buy(0, 1, wait=True)]
        self.setup.together([self._run("activate", service) for service in both])
        return multiple(*both)

    @rule(asked=st.lists(st.tuples(bought, FLOWS), min_size=2, max_size=3))
    def ask_at_once(self, asked: list[tuple[int, str]]) -> None:
        self.setup.together([self._run(flow, service) for service, flow in asked])

    @rule(service=bought, status=st.sampled_from(["Cancelled", "Pending", "Suspended", "Fraud", "Active", "paid"]))
    def change_in_whmcs(self, service: int, status: str) -> None:
        if status in ("paid", "Active"):
            self.setup.staff.pay(service, active=status == "Active")
        else:
            self.setup.staff.set_status(service, status)

    @rule(service=bought, how=st.sampled_from(["move", "give_out_again", "back_up", "restore"]))
    def whose_it_is_changes(self, service: int, how: str) -> None:
        """Staff move a service, its number is given out again, or WHMCS is dumped or restored."""
        staff = self.setup.staff
        if how in ("back_up", "restore"):
            getattr(staff, how)()
        else:
            getattr(staff, how)(service)

    @rule(service=bought, paid=st.booleans(), nth=st.integers(0, 5), seconds=st.sampled_from([0, 100, 5000]))
    def retry_late(self, service: int, paid: bool, nth: int, seconds: int) -> None:
        """Somebody presses Retry on an old run; the client may have paid since."""
        old = [run for run in self.setup.history if run.service_id == service]
        if old:
            if paid:
                self.setup.staff.pay(service, active=True)
            self.wait(seconds)
            self.setup.execute(old[nth % len(old)])

    @rule(service=bought)
    def ask_under_the_second_name(self, service: int) -> None:
        known = self.setup.service(service)
        if known is None or known.claim is None:
            more = {"order": self._order(service), "panel": ALIAS}
            self.setup.execute(self.setup.new_run("activate", service, **more))

    @rule(act=st.sampled_from(sorted(ACTS)), server=st.sampled_from(SERVERS))
    def by_hand(self, act: str, server: int) -> None:
        self.setup.manual.do(act, server)

    @rule(service=bought)
    def use(self, service: int) -> None:
        self._touch(service, "use")

    @rule(seconds=st.sampled_from([10, 100, 1000, 5000]))
    def wait(self, seconds: int) -> None:
        self.setup.wait(self.setup.harness.clock.sleep(seconds))

    @precondition(lambda self: self._held())
    @rule(to=st.sampled_from(["back", "releasing"]), puts_right=st.booleans())
    def decide(self, to: str, puts_right: bool) -> None:
        """A person lets a service go on, having put things right or not."""
        known = self._held()[0]
        if puts_right:
            self._put_right(known)
        if known.held_reason == "client-changed" and self._hand_over(known):
            return
        self._let_go(known, known.held_from or State.NEW if to == "back" else State.RELEASING)

    def _held(self) -> list[Service]:
        return self.setup.wait(services.held(self.setup.ledger))

    def _put_right(self, held: Service) -> None:
        """What docs/operate.md says for the reason."""
        if held.claim is not None and held.held_reason == "owner-changed":
            self.setup.manual.do("give_back", held.claim.server_id)
        if held.claim is not None and held.held_reason == "hardware-changed":
            self.setup.manual.do("swap_back", held.claim.server_id)
        if held.held_reason in ("client-changed", "wanted-again"):
            self._put_whmcs_right(held)

    def _put_whmcs_right(self, service: Service) -> None:
        whose = self.setup.expected.whose.get((service.service_id, service.generation))
        self.setup.staff.put_right(service.service_id, whose)

    def _hand_over(self, held: Service) -> bool:
        """A person hands the server over to whom WHMCS moved the service to; False: that does not fit."""
        self.setup.wait(self.setup.harness.clock.sleep(1))
        incidents = self.setup.harness.panel.incidents
        before = len(incidents)
        self.setup.guard.handing_over = held.service_id
        verdict = DecisionRequest(choice="hand-over", who="shift", why="it was moved")
        try:
            self.setup.wait(carry_out(held.service_id, verdict))
        except EXPECTED:
            return False
        finally:
            self.setup.guard.handing_over = None
            # What the simulator finds odd is what the person asked for: another owner, with the client's data.
            of_it = ("owner_replaced", "handed_over_unwiped")
            incidents[before:] = [one for one in incidents[before:] if one.kind not in of_it]
        self.setup.handed_over(held)
        return True

    def _let_go(self, held: Service, to: State) -> None:
        harness = self.setup.harness
        try:
            self.setup.wait(
                decisions.leave_hold(
                    harness.ledger, held.service_id, to=to, who="shift", why="looked at it", now=harness.clock.now()
                )
            )
        except LedgerError as refused:
            assert to is State.RELEASING, refused

    @invariant()
    def all_is_well(self) -> None:
        found = list(wrongs(self.setup))
        assert not found, "\n".join(found)

    def teardown(self) -> None:
        try:
            if sys.exc_info()[0] is None:
                self._nothing_is_stuck()
        finally:
            self.setup.close()

    def _nothing_is_stuck(self) -> None:
        """When nobody acts by hand any more and a person decides, every server comes back, clean."""
        setup = self.setup
        setup.harness.panel.operations.scripts.clear()
        setup.wait(setup.harness.clock.sleep(LONGER_THAN_ANYTHING))
        for server_id in list(setup.harness.panel.servers):
            setup.manual.do("unprotect", server_id)
            setup.manual.do("end_operation", server_id)  # what still runs by now hangs
        setup.harness.panel.world.odd_rows.clear()
        for service_id in self.orders:
            self._delete(service_id)
        self.all_is_well()

    def _delete(self, service_id: int) -> None:
        line = "the ledger does not know it"
        for _ in range(TRIES_AT_THE_END):
            service = self.setup.service(service_id)
            if service is None or (service.claim is None and service.state is not State.HELD):
                return
            self._put_whmcs_right(service)
            self.setup.staff.set_status(service_id, "Terminated")
            if service.state is State.HELD and service.held_from is not None:
                line = f"{service.held_reason}: {service.held_evidence}"
                self._put_right(service)
                self._let_go(service, service.held_from)
            if self.setup.execute(self._run("terminate", service_id)):
                return self._is_clean(service)
        service = self.setup.service(service_id)
        assert service is not None
        gone = service.state is State.HELD and service.held_reason == "server-vanished"
        assert gone, f"service {service_id} is stuck: {service.state} {line}"
        harness = self.setup.harness
        self.setup.wait(
            decisions.forget_server(harness.ledger, service_id, who="shift", why="it is gone", now=harness.clock.now())
        )

    def _is_clean(self, before: Service) -> None:
        after = self.setup.service(before.service_id)
        assert after is not None
        assert after.claim is None, f"service {after.service_id} was deleted and keeps its server"
        if before.claim is None or before.claim.owner_id is None:
            return
        server = self.setup.harness.panel.server(before.claim.server_id)
        left = [] if server.id in self.setup.expected.addressed else server.addresses
        if after.state is not State.RELEASED or server.owner_id is not None or not server.disk.is_clear or left:
            raise AssertionError(f"service {after.service_id} is {after.state}, and {server} came back")
