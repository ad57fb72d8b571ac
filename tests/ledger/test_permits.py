from typing import Any

import pytest

from ledger import claims, decisions, permits, requests
from ledger.database import Ledger
from ledger.errors import IllegalMove, LedgerError, PermitUsed
from ledger.hardware import Hardware
from ledger.states import State
from tests.ledger.scenario import HARDWARE, LedgerScenario


def seen(**differing: Any) -> Hardware:
    """The claimed server as the panel shows it now."""
    return HARDWARE.model_copy(update=differing)


async def test_a_permit_makes_the_service_erasing(ledger: Ledger, story: LedgerScenario) -> None:
    driver = await story.reach(State.RELEASING)
    permit = await story.permit(driver)
    assert (permit.panel, permit.server_id, permit.service_id, permit.generation) == ("main", 101, 1, 1)
    assert (permit.attempt, permit.owner_before, permit.operation_before, permit.used_at) == (1, 31, 900, None)
    assert (await story.service()).state is State.ERASING
    assert await permits.current(ledger, 1, 1) == permit
    assert await permits.current(ledger, 1, 2) is None


async def test_an_unused_permit_is_written_once(ledger: Ledger, story: LedgerScenario) -> None:
    driver = await story.reach(State.RELEASING)
    assert await story.permit(driver) == await story.permit(driver, owner_before=None)


@pytest.mark.parametrize("state", [State.CLAIMED, State.ACTIVE, State.SUSPENDED])
async def test_only_a_releasing_service_is_permitted_to_be_wiped(
    ledger: Ledger, story: LedgerScenario, state: State
) -> None:
    driver = await story.reach(state)
    with pytest.raises(IllegalMove, match=f"is {state} and cannot become ERASING"):
        await story.permit(driver)
    assert await permits.current(ledger, 1, 1) is None


@pytest.mark.parametrize(
    ("differing", "line"),
    [
        ({"server_id": 102}, "has no claim on server 102"),
        ({"owner_seen": 44}, "belongs to panel user 44"),
        ({"hardware": seen(serial="SN-2")}, "differs from the one recorded at activation .serial.:"),
        ({"hardware": seen(macs=("00:16:3e:00:00:99",))}, "differs from the one recorded at activation .macs.:"),
        ({"hardware": Hardware()}, "differs from the one recorded at activation .serial, macs.:"),
        ({"hardware": Hardware(serial=" ", macs=("",), barcode="B")}, "recorded at activation .serial, macs.:"),
    ],
)
@pytest.mark.parametrize("state", [State.RELEASING, State.ERASING])
async def test_a_permit_that_does_not_match_the_claim_is_not_written(
    ledger: Ledger, story: LedgerScenario, state: State, differing: dict[str, object], line: str
) -> None:
    driver = await story.reach(state)
    before = await permits.current(ledger, 1, 1)
    with pytest.raises(LedgerError, match=line):
        await story.permit(driver, **differing)
    assert (await story.service()).state is state
    assert await permits.current(ledger, 1, 1) == before


async def test_what_was_not_recorded_does_not_make_another_server(ledger: Ledger, story: LedgerScenario) -> None:
    driver = await story.reach(State.RELEASING)
    permit = await story.permit(driver, hardware=seen(barcode="B"))
    assert (permit.attempt, permit.hardware.barcode) == (1, "B")


@pytest.mark.parametrize(
    "differing",
    [
        {"serial": "sn-1 "},
        {"macs": ("0016.3E00.0001",)},
        {"macs": ("00:16:3e:00:00:01", "00:16:3e:00:00:02")},
    ],
)
async def test_another_spelling_or_a_further_address_is_the_same_machine(
    ledger: Ledger, story: LedgerScenario, differing: dict[str, Any]
) -> None:
    driver = await story.reach(State.RELEASING)
    assert (await story.permit(driver, hardware=seen(**differing))).attempt == 1


async def test_one_address_less_is_no_permit_to_wipe(ledger: Ledger, story: LedgerScenario) -> None:
    driver = await story.ask()
    two = seen(macs=("00:16:3e:00:00:01", "00:16:3e:00:00:02"))
    await claims.take(ledger, driver, server_id=101, hardware=two, now=story.now)
    await story.begin(driver)
    with pytest.raises(LedgerError, match=r"differs from the one recorded at activation \(macs\)"):
        await story.permit(driver, hardware=seen())


@pytest.mark.parametrize(
    "recorded",
    [
        Hardware(), Hardware(serial=" ", macs=("",)), Hardware(serial="To Be Filled By O.E.M."),
        Hardware(serial="0123456789", macs=("00:00:00:00:00:00", "02:16:3e:00:00:01")),
    ],
)  # fmt: skip
async def test_a_server_that_was_claimed_by_nothing_is_not_wiped(
    ledger: Ledger, story: LedgerScenario, recorded: Hardware
) -> None:
    driver = await story.ask()
    await claims.take(ledger, driver, server_id=101, hardware=recorded, now=story.now)
    await story.begin(driver)
    with pytest.raises(LedgerError, match="Nothing identifies server 101"):
        await story.permit(driver, hardware=recorded)
    assert (await story.service()).state is State.RELEASING


async def test_a_permit_is_used_once(ledger: Ledger, story: LedgerScenario) -> None:
    driver = await story.reach(State.ERASING)
    permit = await story.permit(driver)
    assert (await permits.use(ledger, driver, story.now, permit.id)).used_at == story.now
    with pytest.raises(PermitUsed, match="was used before"):
        await permits.use(ledger, driver, story.now, permit.id)
    with pytest.raises(PermitUsed, match="look for what it started before another"):
        await story.permit(driver)


async def test_a_held_service_uses_no_permit(ledger: Ledger, story: LedgerScenario) -> None:
    driver = await story.reach(State.ERASING)
    permit = await story.permit(driver)
    driver = await story.hold(driver)
    with pytest.raises(IllegalMove, match="is HELD, not ERASING"):
        await permits.use(ledger, driver, story.now, permit.id)


async def test_another_services_permit_is_not_used(ledger: Ledger, story: LedgerScenario) -> None:
    other = await story.permit(await story.reach(State.ERASING, 2))
    driver = await story.reach(State.ERASING, 1)
    for verb in (permits.use, permits.void, permits.unproven):
        with pytest.raises(LedgerError, match="is not of service 1"):
            await verb(ledger, driver, story.now, other.id)
    with pytest.raises(LedgerError, match="is not of service 1"):
        await permits.use(ledger, driver, story.now, 10**6)
    assert await permits.current(ledger, 2, 1) == other


async def test_a_void_permit_gives_way_to_the_next(ledger: Ledger, story: LedgerScenario) -> None:
    driver = await story.reach(State.ERASING)
    first = await story.permit(driver)
    await permits.use(ledger, driver, story.now, first.id)
    for _ in range(2):
        assert (await permits.void(ledger, driver, story.now, first.id)).outcome == "void"
    second = await story.permit(driver)
    assert (second.attempt, second.used_at) == (2, None)
    with pytest.raises(LedgerError, match="is void: it permits nothing"):
        await permits.use(ledger, driver, story.now, first.id)
    assert await permits.current(ledger, 1, 1) == second


async def test_the_operation_is_recorded_once(ledger: Ledger, story: LedgerScenario) -> None:
    driver = await story.reach(State.ERASING)
    permit = await story.permit(driver)
    with pytest.raises(LedgerError, match="was not used"):
        await permits.record_operation(ledger, driver, story.now, permit.id, 901)
    await permits.use(ledger, driver, story.now, permit.id)
    for _ in range(2):
        assert (await permits.record_operation(ledger, driver, story.now, permit.id, 901)).operation_id == 901
    with pytest.raises(LedgerError, match="started operation 901, not 902"):
        await permits.record_operation(ledger, driver, story.now, permit.id, 902)
    with pytest.raises(LedgerError, match="started operation 901: it is not void"):
        await permits.void(ledger, driver, story.now, permit.id)


async def test_an_unused_permit_has_no_wipe_to_prove(ledger: Ledger, story: LedgerScenario) -> None:
    driver = await story.reach(State.ERASING)
    with pytest.raises(LedgerError, match="Void it instead"):
        await permits.unproven(ledger, driver, story.now, (await story.permit(driver)).id)


async def test_an_unproven_wipe_waits_for_a_person(ledger: Ledger, story: LedgerScenario) -> None:
    driver = await story.reach(State.ERASING)
    permit = await story.permit(driver)
    await permits.use(ledger, driver, story.now, permit.id)
    for _ in range(2):
        assert (await permits.unproven(ledger, driver, story.now, permit.id)).outcome == "unproven"
    service = await story.service()
    assert (service.state, service.held_reason, service.held_from) == (State.HELD, "wipe-unproven", State.ERASING)
    assert service.held_evidence == f"permit {permit.id}, server 101, operation unknown"
    with pytest.raises(LedgerError, match="is unproven and cannot be void"):
        await permits.void(ledger, driver, story.now, permit.id)
    with pytest.raises(IllegalMove, match="HELD"):
        await story.permit(driver)


async def test_a_person_allows_another_wipe(ledger: Ledger, story: LedgerScenario) -> None:
    driver = await story.reach(State.ERASING)
    permit = await story.permit(driver)
    await permits.use(ledger, driver, story.now, permit.id)
    await permits.unproven(ledger, driver, story.now, permit.id)
    await requests.hold_and_close(ledger, driver, reason="wipe-unproven", evidence="-", now=story.now)
    await decisions.leave_hold(ledger, 1, to=State.ERASING, who="ann", why="disk swapped", now=story.later(hours=1))
    driver = await story.ask(run="run-2", action="terminate")
    assert (await story.permit(driver)).attempt == 2
