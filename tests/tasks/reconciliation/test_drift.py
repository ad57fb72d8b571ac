from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import product

import pytest

from dcimanager.server_row import Power, Server
from ledger.hardware import Hardware
from ledger.orders import Order
from ledger.snapshots import Claim, Request, Service
from ledger.states import State
from tasks.reconciliation.differences import Difference, Drift, Limits, Repair
from tasks.reconciliation.drift import Case, classify
from whmcs.services import WhmcsService

NOW = datetime(2027, 1, 10, tzinfo=UTC)
LIMITS = Limits()
CLIENT, STRANGER = "anna@example.com", "stranger@example.com"
ADDRESS, OTHER = "192.0.2.2", "192.0.2.9"

STATUSES = (None, "Pending", "Active", "Completed", "Suspended", "Terminated", "Cancelled", "Fraud", "Something new")
CLAIMED = frozenset(State) - {State.NEW, State.RELEASED}
PORTS = ("on", "off", "mixed", "none")
OWNERS = (CLIENT, None, STRANGER)
RUNS = (None, "alive", "silent", "long", "just over")


@dataclass(frozen=True)
class SmallWorld:
    """One service on three sides, as far as reconciliation sees and changes it."""

    status: str | None
    shown: str
    """The address in WHMCS."""
    state: State | None
    held_since: timedelta
    has_server: bool
    """Whether the panel lists the server."""
    ports: str
    owner: str | None
    run: str | None

    @property
    def is_claimed(self) -> bool:
        return self.state in CLAIMED


def worlds() -> Iterator[SmallWorld]:
    """Every combination of WHMCS's status, the ledger's state and the panel's."""
    ages = (timedelta(minutes=1), timedelta(hours=30))
    for status, shown, state, age, run in product(STATUSES, ("", ADDRESS, OTHER), (None, *State), ages, RUNS):
        if status is None and (state is None or shown):
            continue
        if run is not None and state is None:
            continue
        yield SmallWorld(status, shown, state, age, False, "none", None, run)
        for ports, owner in product(PORTS, OWNERS):
            yield SmallWorld(status, shown, state, age, True, ports, owner, run)


ALL = tuple(worlds())


def seen(world: SmallWorld) -> Case:
    """The world as the comparison reads it."""
    claim = Claim(
        panel="main", server_id=7, service_id=1, generation=1, owner_id=25, hardware=Hardware(serial="S"),
        claimed_at=NOW,
    )  # fmt: skip
    return Case(
        whmcs=None if world.status is None else _billed(world.status, world.shown),
        ledger=None if world.state is None else _service(world, claim if world.is_claimed else None),
        server=_server(world.ports, world.owner)
        if world.has_server and (world.is_claimed or world.state is None)
        else None,
        request=None if world.run is None else _request(world.run),
        owner_email=CLIENT if world.is_claimed else None,
    )


@cache
def _billed(status: str, shown: str) -> WhmcsService:
    return WhmcsService(service_id=1, client_id=3, product_id=2, status=status, dedicated_ip=shown)


def _service(world: SmallWorld, claim: Claim | None) -> Service:
    assert world.state is not None
    held = world.state is State.HELD
    return Service(
        service_id=1, panel="main", client_id=3, state=world.state, generation=1, epoch=4, order=None,
        held_reason="owner-changed" if held else None, held_evidence=None, held_from=State.ACTIVE if held else None,
        created_at=NOW, updated_at=NOW - world.held_since, claim=claim,
    )  # fmt: skip


@cache
def _server(listed_ports: str, owner: str | None) -> Server:
    known = {"on": (True, True), "off": (False, False), "mixed": (True, False), "none": ()}
    ups = known.get(listed_ports, (None, None))
    ports = [{"id": n, "switch_id": 1, "admin_up": up, "is_bmc": False} for n, up in enumerate(ups)]
    bmc = {"id": 9, "switch_id": 1, "admin_up": listed_ports != "on", "is_bmc": True}
    addresses = [{"id": 1, "address": ADDRESS}]
    return Server.model_validate({"id": 7, "owner_email": owner, "switch_connection": [*ports, bmc], "ip": addresses})


@cache
def _request(run: str) -> Request:
    opened = NOW - (timedelta(hours=30) if run == "long" else timedelta(minutes=20))
    heard = NOW - (timedelta(minutes=15) if run == "silent" else timedelta(seconds=10))
    return Request(
        id="r", service_id=1, panel="main", action="suspend", flow_run_id="f", requested_by="cron", epoch=4,
        opened_at=opened, heartbeat_at=heard, closed_at=NOW if run == "just over" else None, outcome=None, message=None,
    )  # fmt: skip


@cache
def difference_of(world: SmallWorld) -> Difference | None:
    """What the comparison says of it."""
    return classify(seen(world), NOW, LIMITS)


@cache
def repaired(world: SmallWorld) -> SmallWorld:
    """The world after the safe repair, as tasks/reconciliation/repairs.py does it: identity first, then one thing."""
    difference = difference_of(world)
    if difference is None or difference.repair is Repair.NONE:
        return world
    if not world.has_server or world.owner != CLIENT:
        return replace(world, state=State.HELD, held_since=timedelta(0))
    match difference.repair:
        case Repair.PORTS_ON:
            return replace(world, ports="on")
        case Repair.ANNOUNCE:
            return replace(world, status="Active", shown=ADDRESS)
        case Repair.WRITE_ADDRESSES:
            return replace(world, shown=ADDRESS)
        case Repair.HOLD:
            return world
        case _:
            raise AssertionError(difference.repair)


def test_every_combination_has_one_class_or_agrees_and_says_what_it_is() -> None:
    assert len(ALL) > 20_000
    for world in ALL:
        difference = difference_of(world)
        if difference is not None:
            assert difference.drift in Drift
            assert difference.what
            assert (difference.service_id is None) is (world.status is None and world.state is None)


def test_the_safe_repair_applied_twice_changes_nothing_the_second_time() -> None:
    for world in ALL:
        once = world
        for _ in range(3):  # a service may have three differences, of which one shows at a time
            once = repaired(once)
        assert repaired(once) == once, world


def test_what_was_repaired_is_not_that_difference_any_more() -> None:
    for world in ALL:
        before, after = difference_of(world), difference_of(repaired(world))
        if before is not None and before.repair is not Repair.NONE:
            assert after is None or after.drift is not before.drift, world


def test_no_repair_frees_claims_suspends_or_ends_anything() -> None:
    for world in ALL:
        after = repaired(world)
        assert after.is_claimed is world.is_claimed, world
        assert after.owner == world.owner, world
        assert after.state in (world.state, State.HELD), world
        assert after.ports in (world.ports, "on"), world
        assert after.status == world.status or (world.status, after.status) == ("Pending", "Active"), world


def test_nothing_is_repaired_for_a_service_that_a_run_works_on_or_that_whmcs_ended_or_cannot_show() -> None:
    for world in ALL:
        difference = difference_of(world)
        if difference is None or difference.repair in (Repair.NONE, Repair.HOLD):
            continue
        assert world.run is None, world
        assert world.status in ("Pending", "Active", "Completed", "Suspended"), world
        assert world.owner == CLIENT, world
        assert world.has_server, world


def test_ports_are_switched_on_only_where_whmcs_and_the_ledger_both_say_active() -> None:
    for world in ALL:
        difference = difference_of(world)
        if difference is not None and difference.repair is Repair.PORTS_ON:
            assert world.status in ("Active", "Completed"), world
            assert world.state is State.ACTIVE, world
            assert world.ports in ("off", "mixed"), world


def test_a_service_that_ended_in_whmcs_with_a_server_is_never_passed_over_in_silence() -> None:
    for world in ALL:
        quiet = world.run in ("alive", "just over") or (world.state is State.HELD and world.held_since < LIMITS.held)
        if world.status in ("Terminated", "Cancelled", "Fraud") and world.is_claimed and not quiet:
            assert difference_of(world) is not None, world


def test_every_class_but_those_of_other_services_servers_and_whole_panels_has_a_combination() -> None:
    found = {difference.drift for world in ALL if (difference := difference_of(world)) is not None}
    assert found == set(Drift) - {
        Drift.CLIENT_CHANGED,
        Drift.LEFTOVER_STAYS,
        Drift.TWO_SERVICES,
        Drift.HARDWARE_CHANGED,
        Drift.SHARED_PORT,
        *(Drift.POWER_ON, Drift.RESCUE_FORGOTTEN),
        Drift.UNCLAIMED_SERVER,
        Drift.DIRTY_FREE_SERVER,
        Drift.DIALECT_UNPROVED,
        Drift.ODD_ROW,
        Drift.SET_ASIDE,
        Drift.REHEARSAL_UNFINISHED,
    }


def test_a_service_of_another_client_is_only_ever_held_whatever_else_does_not_agree() -> None:
    for world in ALL:
        before = difference_of(world)
        after = classify(replace(seen(world), whose_differs="client of WHMCS not as recorded"), NOW, LIMITS)
        if before is not None and before.repair not in (Repair.NONE, Repair.HOLD):
            assert after is not None and (after.drift, after.repair) == (Drift.CLIENT_CHANGED, Repair.HOLD), world
        elif after is not None:
            assert after.repair in (Repair.NONE, Repair.HOLD), world


AGREE = None
TABLE: dict[str, tuple[Drift | None, Drift | None, Drift | None]] = {
    # in WHMCS       ACTIVE in the ledger, SUSPENDED in the ledger, RELEASED in the ledger
    "Pending": (Drift.NOT_WRITTEN_BACK, Drift.STATUS_DIFFERS, AGREE),
    "Active": (AGREE, Drift.PORTS_OFF, Drift.ACTIVE_WITHOUT_SERVER),
    "Suspended": (Drift.PORTS_ON, AGREE, Drift.ACTIVE_WITHOUT_SERVER),
    "Terminated": (Drift.ENDED_OWNS_SERVER, Drift.ENDED_OWNS_SERVER, AGREE),
    "Cancelled": (Drift.ENDED_OWNS_SERVER, Drift.ENDED_OWNS_SERVER, AGREE),
    "Fraud": (Drift.ENDED_OWNS_SERVER, Drift.ENDED_OWNS_SERVER, AGREE),
    "Completed": (AGREE, Drift.PORTS_OFF, Drift.ACTIVE_WITHOUT_SERVER),
    "Something new": (AGREE, AGREE, AGREE),
}


@pytest.mark.parametrize("status", TABLE)
def test_a_server_that_does_what_the_ledger_says_is_compared_with_whmcs(status: str) -> None:
    states = {State.ACTIVE: "on", State.SUSPENDED: "off", State.RELEASED: "none"}
    for (state, ports), expected in zip(states.items(), TABLE[status], strict=True):
        world = SmallWorld(status, ADDRESS, state, timedelta(days=3), True, ports, CLIENT, None)
        difference = difference_of(world)
        assert (None if difference is None else difference.drift) is expected, state


@pytest.mark.parametrize(
    ("graver", "case"),
    [
        (Drift.TWO_SERVICES, {"shared_with": 2}),
        (Drift.HARDWARE_CHANGED, {"hardware_differs": "serial"}),
        (Drift.OWNER_CHANGED, {"owner_email": STRANGER}),
        (Drift.SHARED_PORT, {"ports_shared_with": 2}),
    ],
)
def test_a_doubt_about_whose_server_it_is_counts_more_than_its_ports(graver: Drift, case: dict[str, object]) -> None:
    world = SmallWorld("Active", ADDRESS, State.ACTIVE, timedelta(days=3), True, "off", CLIENT, None)
    found = classify(replace(seen(world), **case), NOW, LIMITS)  # type: ignore[arg-type]
    assert found is not None
    assert found.drift is graver


def test_a_suspended_service_whose_ports_words_nobody_knows_is_told_and_an_active_one_is_not_repaired() -> None:
    suspended = SmallWorld("Suspended", ADDRESS, State.SUSPENDED, timedelta(days=3), True, "unclear", CLIENT, None)
    found = difference_of(suspended)
    assert found is not None
    assert (found.drift, found.repair) == (Drift.PORTS_ON, Repair.NONE)
    assert "2 ports with a word that is not in the table (docs/dialect.md)" in found.what
    assert difference_of(replace(suspended, status="Active", state=State.ACTIVE)) is None


@pytest.mark.parametrize("power", list(Power))
@pytest.mark.parametrize("mode", [None, "ports", "ports-and-power"])
def test_only_a_suspended_server_that_was_to_be_off_and_is_on_is_told_and_never_switched(
    power: Power, mode: str | None
) -> None:
    case = seen(SmallWorld("Suspended", ADDRESS, State.SUSPENDED, timedelta(days=3), True, "off", CLIENT, None))
    assert case.ledger is not None and case.server is not None
    asked = {"client_id": 3, "os_template": "Debian", "ip_pool": "public", "suspension_mode": mode}
    order = None if mode is None else Order.model_validate(asked)
    told = replace(
        case,
        ledger=case.ledger.model_copy(update={"order": order}),
        server=case.server.model_copy(update={"power": power}),
    )
    found = classify(told, NOW, LIMITS)
    expected = (mode, power) == ("ports-and-power", Power.ON)
    assert (found and (found.drift, found.repair)) == ((Drift.POWER_ON, Repair.NONE) if expected else None)


def test_a_panel_whose_lists_carry_no_addresses_makes_no_difference_of_them() -> None:
    world = SmallWorld("Active", OTHER, State.ACTIVE, timedelta(days=3), True, "on", CLIENT, None)
    assert difference_of(world) is not None
    assert classify(replace(seen(world), addresses_told=False), NOW, LIMITS) is None


def test_a_server_whose_row_has_no_address_is_not_taken_for_one_without_any() -> None:
    world = SmallWorld("Active", ADDRESS, State.ACTIVE, timedelta(days=3), True, "on", CLIENT, None)
    case = seen(world)
    assert case.server is not None
    assert classify(replace(case, server=case.server.model_copy(update={"addresses": []})), NOW, LIMITS) is None


def test_a_server_whose_wipe_is_unproven_is_dirty_and_a_clean_one_is_not() -> None:
    server = Server.model_validate({"id": 7, "owner": None})
    found = classify(Case(server=server, unproven=True), NOW, LIMITS)
    assert found is not None
    assert (found.drift, found.server_id, found.service_id) == (Drift.DIRTY_FREE_SERVER, 7, None)
    assert classify(Case(server=server), NOW, LIMITS) is None


def test_no_text_of_a_difference_holds_an_email_or_a_foreign_text() -> None:
    for world in ALL:
        difference = difference_of(
            replace(world, status="<b>x|y</b>`" if world.status == "Something new" else world.status)
        )
        if difference is not None:
            assert "@" not in difference.what
            assert not set("<>|`") & set(difference.what)
