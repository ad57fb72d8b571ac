"""Clients, administrators, accidents and the clock against flows and simulator, in any order.

Windows that README's Limits accept, in which no hand acts here:
* between a look at a server and the call that follows it: hands act right before a look;
* an installation by hand between a lost answer and the next run passes for ours: nobody installs in an activation;
* a person who gives a server away does not do it while something runs on it.
"""

import sys
from typing import Any, ClassVar

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
from ledger.lifecycle import State
from ledger.snapshots import Service
from tests.machine.accidents import ACCIDENTS, SERVERS, Accident, DiesBefore
from tests.machine.hands import ACTS
from tests.machine.scene import House, Run, Scene
from tests.machine.truths import wrongs

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
"""What usually comes next, by where a service stands: one or the other."""

FLOWS = st.sampled_from(["one", "other", "one", "other", "activate", "suspend", "unsuspend", "terminate"])
FATEFUL = ["owner_set", "address_add", "os_install", "owner_clear", "diagnostics"]
AFTER_A_DEATH = st.sampled_from([None, "check_disks", "give_away", "take_off", "end_operation", "swap", "add_address"])
TAKEN = st.sampled_from(["give_away", "take_off", "swap", "protect", "check_disks"])
TRIES_AT_THE_END = 5
LONGER_THAN_ANYTHING = 5000
"""Seconds in which operations are over, and after which a dead run is silent for long."""


class Machine(RuleBasedStateMachine):
    """One data centre with three servers, and those who want something of it."""

    house: ClassVar[House]
    bought = Bundle("bought")

    def __init__(self) -> None:
        super().__init__()
        self.scene = Scene(self.house)
        self.orders: dict[int, Any] = {}

    def _buy(self, client: int, addresses: int, wait: bool) -> int:
        stage, owner = self.scene.stage, self.scene.clients[client]
        service_id = stage.buy(client_id=owner.id)
        self.orders[service_id] = stage.order(
            client_id=owner.id, ipv4_count=addresses, wait_for_os=wait, os_install_timeout_minutes=3
        )
        self.scene.memory.statuses[service_id] = "Pending"
        return service_id

    def _run(self, flow: str, service_id: int) -> Run:
        """A new run of a flow, or of one of those that come next."""
        known = self.scene.service(service_id)
        if flow in ("one", "other"):
            flow = NEXT[known.state if known else State.NEW][flow == "other"]
        if flow == "activate" and known is not None and known.state is State.RELEASED:
            self.scene.set_status(service_id, "Pending")  # ordered again
        order = {"order": self.orders[service_id]} if flow == "activate" and known is None else {}
        return self.scene.new_run(flow, service_id, **order)

    def _touch(self, service_id: int, act: str | None) -> None:
        """A hand does something to the service's server, if it has one."""
        known = self.scene.service(service_id)
        if act is not None and known is not None and known.claim is not None:
            self.scene.hands.do(act, known.claim.server_id)

    @initialize(target=bought, client=st.integers(0, 1))
    def a_client_has_a_server(self, client: int) -> int:
        service_id = self._buy(client, 1, wait=True)
        assert self.scene.play(self._run("activate", service_id))
        return service_id

    @precondition(lambda self: len(self.orders) < MOST_SERVICES)
    @rule(target=bought, client=st.integers(0, 1), addresses=st.integers(1, 2), wait=st.booleans())
    def buy(self, client: int, addresses: int, wait: bool) -> int:
        return self._buy(client, addresses, wait)

    @rule(service=bought, flow=FLOWS, accidents=ACCIDENTS)
    def ask(self, service: int, flow: str, accidents: list[Accident]) -> None:
        self.scene.play(self._run(flow, service), accidents)

    @rule(service=bought, flow=st.sampled_from(["one", "other"]))
    def ask_in_peace(self, service: int, flow: str) -> None:
        self.scene.play(self._run(flow, service))

    @rule(service=bought, flow=st.sampled_from(["one", "other"]), call=st.sampled_from(FATEFUL), act=AFTER_A_DEATH)
    def die_and_go_on(self, service: int, flow: str, call: str, act: str | None) -> None:
        """A worker dies right before a call that matters, and a hand is quicker than the next worker."""
        self.scene.play(self._run(flow, service), [DiesBefore(call, 1)])
        self._touch(service, act)
        self.wait(1000)
        self.scene.play(self._run("one", service))

    @precondition(lambda self: self.scene.peek.open_runs())
    @rule(act=st.none() | st.sampled_from(sorted(ACTS)), waits=st.booleans())
    def go_on_after_a_death(self, act: str | None, waits: bool) -> None:
        """The dead run is run again, or another one comes after its silence; a hand may have been quicker."""
        service = next(iter(self.scene.peek.open_runs().values()))
        self._touch(service, act)
        if waits:
            self.wait(100)
        self.scene.play(self._run("one", service) if waits else self.scene.last[service])

    @rule(service=bought, act=TAKEN, flow=st.sampled_from(["one", "other"]))
    def ask_when_it_is_taken(self, service: int, act: str, flow: str) -> None:
        """A hand was at the service's server before WHMCS asks for something."""
        self._touch(service, act)
        self.scene.play(self._run(flow, service))

    @precondition(lambda self: len(self.orders) + 2 <= MOST_SERVICES)
    @rule(targets=(bought,), client=st.integers(0, 1))
    def rush(self, client: int) -> MultipleResults[int]:
        """Two orders at once, perhaps for the last server."""
        both = [self._buy(client, 1, wait=True), self._buy(0, 1, wait=True)]
        self.scene.together([self._run("activate", service) for service in both])
        return multiple(*both)

    @rule(asked=st.lists(st.tuples(bought, FLOWS), min_size=2, max_size=3))
    def ask_at_once(self, asked: list[tuple[int, str]]) -> None:
        self.scene.together([self._run(flow, service) for service, flow in asked])

    @rule(service=bought, status=st.sampled_from(["Cancelled", "Pending", "Suspended", "Fraud"]))
    def change_in_whmcs(self, service: int, status: str) -> None:
        self.scene.set_status(service, status)

    @rule(act=st.sampled_from(sorted(ACTS)), server=st.sampled_from(SERVERS))
    def by_hand(self, act: str, server: int) -> None:
        self.scene.hands.do(act, server)

    @rule(service=bought)
    def use(self, service: int) -> None:
        self._touch(service, "use")

    @rule(seconds=st.sampled_from([10, 100, 1000, 5000]))
    def wait(self, seconds: int) -> None:
        self.scene.wait(self.scene.stage.clock.sleep(seconds))

    @precondition(lambda self: self._held())
    @rule(to=st.sampled_from(["back", "releasing"]), puts_right=st.booleans())
    def decide(self, to: str, puts_right: bool) -> None:
        """A person lets a service go on, having put things right or not."""
        known = self._held()[0]
        if puts_right:
            self._put_right(known)
        self._let_go(known, known.held_from or State.NEW if to == "back" else State.RELEASING)

    def _held(self) -> list[Service]:
        return self.scene.wait(services.held(self.scene.ledger))

    def _put_right(self, held: Service) -> None:
        """What docs/operate.md says for the reason."""
        if held.claim is not None and held.held_reason == "owner-changed":
            self.scene.hands.do("give_back", held.claim.server_id)
        if held.claim is not None and held.held_reason == "hardware-changed":
            self.scene.hands.do("swap_back", held.claim.server_id)

    def _let_go(self, held: Service, to: State) -> None:
        stage = self.scene.stage
        try:
            self.scene.wait(
                decisions.leave_hold(
                    stage.ledger, held.service_id, to=to, who="shift", why="looked at it", now=stage.clock.now()
                )
            )
        except LedgerError as refused:
            assert to is State.RELEASING, refused

    @invariant()
    def all_is_well(self) -> None:
        found = list(wrongs(self.scene))
        assert not found, "\n".join(found)

    def teardown(self) -> None:
        try:
            if sys.exc_info()[0] is None:
                self._nothing_is_stuck()
        finally:
            self.scene.close()

    def _nothing_is_stuck(self) -> None:
        """With everybody's hands off and a person who decides, every server comes back, clean."""
        scene = self.scene
        scene.stage.panel.operations.scripts.clear()
        scene.wait(scene.stage.clock.sleep(LONGER_THAN_ANYTHING))
        for server_id in list(scene.stage.panel.servers):
            scene.hands.do("unprotect", server_id)
            scene.hands.do("end_operation", server_id)  # what still runs by now hangs
        for service_id in self.orders:
            self._delete(service_id)
        self.all_is_well()

    def _delete(self, service_id: int) -> None:
        line = "the ledger does not know it"
        for _ in range(TRIES_AT_THE_END):
            service = self.scene.service(service_id)
            if service is None or (service.claim is None and service.state is not State.HELD):
                return
            if service.state is State.HELD and service.held_from is not None:
                line = f"{service.held_reason}: {service.held_evidence}"
                self._put_right(service)
                self._let_go(service, service.held_from)
            if self.scene.play(self._run("terminate", service_id)):
                return self._is_clean(service)
        service = self.scene.service(service_id)
        assert service is not None
        gone = service.state is State.HELD and service.held_reason == "server-vanished"
        assert gone, f"service {service_id} is stuck: {service.state} {line}"
        stage = self.scene.stage
        self.scene.wait(
            decisions.forget_server(stage.ledger, service_id, who="shift", why="it is gone", now=stage.clock.now())
        )

    def _is_clean(self, before: Service) -> None:
        after = self.scene.service(before.service_id)
        assert after is not None
        assert after.claim is None, f"service {after.service_id} was deleted and keeps its server"
        if before.claim is None or before.claim.owner_id is None:
            return
        server = self.scene.stage.panel.server(before.claim.server_id)
        left = [] if server.id in self.scene.memory.addressed else server.addresses
        if after.state is not State.RELEASED or server.owner_id is not None or not server.disk.is_clear or left:
            raise AssertionError(f"service {after.service_id} is {after.state}, and {server} came back")
