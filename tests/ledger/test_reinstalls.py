from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from ledger import claims, decisions, journal, reinstalls, requests, whmcs_numbers
from ledger.database import Ledger
from ledger.errors import CapReached, IllegalMove, LedgerError, PermitUsed, Protected, Superseded, WhmcsOfBefore
from ledger.hardware import Hardware
from ledger.snapshots import Driver, ReinstallPermit
from ledger.states import State
from ledger.step_names import StepName
from ledger.whmcs_numbers import NumberedRequest
from tests.ledger.scenario import CAPS, HARDWARE, LedgerScenario, hardware_for

OWNER = 31


async def permit(ledger: Ledger, story: LedgerScenario, driver: Driver, **differing: Any) -> ReinstallPermit:
    facts: dict[str, Any] = {
        "server_id": driver.service_id + 100,
        "os_template": "Ubuntu",
        "owner_seen": OWNER,
        "hardware": hardware_for(driver.service_id),
        "operation_before": 900,
        "asked_at": story.now,
        "caps": CAPS,
    }
    return await reinstalls.write(ledger, driver, story.now, **{**facts, **differing})


async def begin(ledger: Ledger, story: LedgerScenario, driver: Driver, permit_id: int) -> ReinstallPermit:
    return await reinstalls.begin(ledger, driver, story.now, permit_id, installations_at_most=10)


async def protect(ledger: Ledger, story: LedgerScenario) -> None:
    await decisions.protect(ledger, 1, who="ann", why="our largest client", now=story.now)


async def count_again(ledger: Ledger, story: LedgerScenario) -> None:
    """Two numbers of WHMCS's module come again for other requests."""
    for token in ("of-before", "since"):
        for number in (1, 2):
            request = NumberedRequest(source="installation:shop", number=number, token=token)
            await whmcs_numbers.note(ledger, request, created=story.now, now=story.now)


REFUSED = [(protect, Protected), (count_again, WhmcsOfBefore)]
"""What comes meanwhile, and what is said then."""


@pytest.mark.parametrize(("meanwhile", "says"), REFUSED)
async def test_over_a_protected_server_or_for_a_restored_whmcs_no_permit_is_written(
    ledger: Ledger,
    story: LedgerScenario,
    meanwhile: Callable[[Ledger, LedgerScenario], Awaitable[None]],
    says: type[LedgerError],
) -> None:
    driver = await story.reach(State.ACTIVE)
    await meanwhile(ledger, story)
    with pytest.raises(says, match="Nothing was touched"):
        await permit(ledger, story, driver)
    assert await reinstalls.current(ledger, 1, 1) is None


@pytest.mark.parametrize(("meanwhile", "says"), REFUSED)
async def test_nor_is_one_used_that_was_written_before(
    ledger: Ledger,
    story: LedgerScenario,
    meanwhile: Callable[[Ledger, LedgerScenario], Awaitable[None]],
    says: type[LedgerError],
) -> None:
    driver = await story.reach(State.ACTIVE)
    written = await permit(ledger, story, driver)
    await meanwhile(ledger, story)
    with pytest.raises(says, match="Nothing was touched"):
        await begin(ledger, story, driver, written.id)
    kept = await reinstalls.current(ledger, 1, 1)
    assert kept is not None
    assert kept.used_at is None
    assert (await story.service()).state is State.ACTIVE
    assert await journal.entries(ledger, 1, 1) == []


async def test_a_permit_changes_nothing_until_it_is_used(ledger: Ledger, story: LedgerScenario) -> None:
    driver = await story.reach(State.ACTIVE)
    written = await permit(ledger, story, driver)
    assert (written.panel, written.server_id, written.attempt, written.os_before) == ("main", 101, 1, "Debian")
    assert (await story.service()).state is State.ACTIVE
    used = await begin(ledger, story, driver, written.id)
    service = await story.service()
    assert used.used_at == story.now
    assert service.state is State.INSTALLING
    assert service.order is not None
    assert service.order.os_template == "Ubuntu"
    entry = await journal.latest(ledger, 1, 1, StepName.DEPLOY_OS)
    assert entry is not None
    assert (entry.attempt, entry.before, entry.result) == (1, {"operation": 900}, None)
    await reinstalls.started(ledger, driver, story.now, written.id, 901)
    entry = await journal.latest(ledger, 1, 1, StepName.DEPLOY_OS)
    assert entry is not None
    assert entry.result == {"operation": 901}


async def test_no_other_function_moves_an_active_service_to_installing(ledger: Ledger, story: LedgerScenario) -> None:
    driver = await story.reach(State.ACTIVE)
    with pytest.raises(IllegalMove, match=r"reinstalls\.begin"):
        await requests.close(ledger, driver, story.now, outcome="done", message=None, to=State.INSTALLING)


async def test_a_permit_is_used_once(ledger: Ledger, story: LedgerScenario) -> None:
    driver = await story.reach(State.ACTIVE)
    written = await permit(ledger, story, driver)
    await begin(ledger, story, driver, written.id)
    with pytest.raises(PermitUsed):
        await begin(ledger, story, driver, written.id)
    with pytest.raises(PermitUsed, match="look for what it started"):
        await permit(ledger, story, driver)


async def test_an_unused_permit_is_written_once_for_the_same_and_anew_for_what_differs(
    ledger: Ledger, story: LedgerScenario
) -> None:
    driver = await story.reach(State.ACTIVE)
    first = await permit(ledger, story, driver)
    assert await permit(ledger, story, driver) == first
    second = await permit(ledger, story, driver, operation_before=901)
    third = await permit(ledger, story, driver, operation_before=901, os_template="Alma")
    assert [first.attempt, second.attempt, third.attempt] == [1, 2, 3]
    with pytest.raises(LedgerError, match="is void"):
        await begin(ledger, story, driver, first.id)


@pytest.mark.parametrize(
    ("differing", "line"),
    [
        ({"server_id": 102}, "has no claim on server 102"),
        ({"owner_seen": 44}, "is not panel user 31's"),
        ({"owner_seen": None}, "is not panel user 31's"),
        ({"hardware": HARDWARE.model_copy(update={"serial": "SN-2"})}, "differs from the one recorded"),
        ({"hardware": Hardware()}, "differs from the one recorded"),
    ],
)
async def test_a_permit_that_does_not_match_the_claim_is_not_written(
    ledger: Ledger, story: LedgerScenario, differing: dict[str, Any], line: str
) -> None:
    driver = await story.reach(State.ACTIVE)
    with pytest.raises(LedgerError, match=line):
        await permit(ledger, story, driver, **differing)
    assert await reinstalls.current(ledger, 1, 1) is None


@pytest.mark.parametrize("state", [State.CLAIMED, State.PREPARING, State.SUSPENDED, State.RELEASING, State.ERASING])
async def test_only_a_service_in_use_is_permitted_to_be_installed_over(
    ledger: Ledger, story: LedgerScenario, state: State
) -> None:
    driver = await story.reach(state)
    with pytest.raises(IllegalMove, match=f"is {state}"):
        await permit(ledger, story, driver)


async def test_a_driver_that_was_superseded_writes_and_uses_nothing(ledger: Ledger, story: LedgerScenario) -> None:
    driver = await story.reach(State.ACTIVE)
    written = await permit(ledger, story, driver)
    await story.ask(run="run-2", takeover=True)
    with pytest.raises(Superseded):
        await begin(ledger, story, driver, written.id)
    with pytest.raises(Superseded):
        await permit(ledger, story, driver)


async def test_what_is_withdrawn_is_as_it_was(ledger: Ledger, story: LedgerScenario) -> None:
    driver = await story.reach(State.ACTIVE)
    written = await permit(ledger, story, driver)
    await begin(ledger, story, driver, written.id)
    for _ in range(2):
        await reinstalls.withdraw(ledger, driver, story.now, written.id)
    service = await story.service()
    assert service.state is State.ACTIVE
    assert service.order is not None
    assert service.order.os_template == "Debian"
    assert await journal.entries(ledger, 1, 1) == []
    assert await reinstalls.current(ledger, 1, 1) is None
    again = await permit(ledger, story, driver)
    assert again.attempt == 2


async def test_what_started_is_not_withdrawn(ledger: Ledger, story: LedgerScenario) -> None:
    driver = await story.reach(State.ACTIVE)
    written = await permit(ledger, story, driver)
    with pytest.raises(LedgerError, match="did not start"):
        await reinstalls.started(ledger, driver, story.now, written.id, 901)
    await begin(ledger, story, driver, written.id)
    await reinstalls.started(ledger, driver, story.now, written.id, 901)
    with pytest.raises(LedgerError, match="started operation 901"):
        await reinstalls.withdraw(ledger, driver, story.now, written.id)
    with pytest.raises(LedgerError, match="did not start operation 902"):
        await reinstalls.started(ledger, driver, story.now, written.id, 902)


async def test_after_an_attempt_that_was_given_up_there_is_another_permit(
    ledger: Ledger, story: LedgerScenario
) -> None:
    driver = await story.reach(State.ACTIVE)
    first = await permit(ledger, story, driver)
    await begin(ledger, story, driver, first.id)
    await reinstalls.started(ledger, driver, story.now, first.id, 901)
    await journal.note(
        ledger, driver, story.now, generation=1, step=StepName.OS_GIVEN_UP, attempt=first.attempt, before=None
    )
    second = await permit(ledger, story, driver, operation_before=901)
    assert (second.attempt, second.state_before) == (2, State.INSTALLING)
    await begin(ledger, story, driver, second.id)
    await reinstalls.withdraw(ledger, driver, story.now, second.id)
    assert (await story.service()).state is State.INSTALLING


async def test_services_of_a_day_are_counted_and_each_of_them_once(ledger: Ledger, story: LedgerScenario) -> None:
    caps = CAPS.model_copy(update={"reinstalls_per_day": 2})
    drivers = [await story.reach(State.ACTIVE, number, run=f"run-{number}") for number in (1, 2, 3)]
    await permit(ledger, story, drivers[0], caps=caps)
    await permit(ledger, story, drivers[1], caps=caps)
    with pytest.raises(CapReached, match="2 services reinstalled in 24 hours on panel main"):
        await permit(ledger, story, drivers[2], caps=caps)
    await permit(ledger, story, drivers[0], caps=caps, os_template="Alma")
    story.later(hours=25)
    await permit(ledger, story, drivers[2], caps=caps)


async def test_what_was_withdrawn_is_not_counted(ledger: Ledger, story: LedgerScenario) -> None:
    caps = CAPS.model_copy(update={"reinstalls_per_day": 1})
    one, other = [await story.reach(State.ACTIVE, number, run=f"run-{number}") for number in (1, 2)]
    written = await permit(ledger, story, one, caps=caps)
    await reinstalls.withdraw(ledger, one, story.now, written.id)
    await permit(ledger, story, other, caps=caps)


async def test_more_than_ordinary_days_had_are_a_burst(ledger: Ledger, story: LedgerScenario) -> None:
    caps = CAPS.model_copy(update={"reinstalls_per_day": 20, "burst_at_least": 1})
    drivers = [await story.reach(State.ACTIVE, number, run=f"run-{number}") for number in range(1, 4)]
    story.later(weeks=15)  # the fleet is known for long, and nobody has reinstalled anything
    await permit(ledger, story, drivers[0], caps=caps)
    with pytest.raises(CapReached, match="The cap is 1 services"):
        await permit(ledger, story, drivers[1], caps=caps)


async def test_so_many_installations_at_once_leave_the_permit_unused(ledger: Ledger, story: LedgerScenario) -> None:
    driver = await story.reach(State.ACTIVE)
    written = await permit(ledger, story, driver)
    with pytest.raises(CapReached):
        await reinstalls.begin(ledger, driver, story.now, written.id, installations_at_most=0)
    assert (await story.service()).state is State.ACTIVE
    kept = await reinstalls.current(ledger, 1, 1)
    assert kept is not None
    assert kept.used_at is None
    assert timedelta(0) == kept.written_at - story.now


async def adopted(ledger: Ledger, story: LedgerScenario) -> Driver:
    """Service 1 had its server before the ledger knew of it; somebody asks for its reinstallation."""
    await claims.adopt(
        ledger,
        service_id=1,
        panel="main",
        client_id=7,
        server_id=101,
        owner_id=OWNER,
        hardware=HARDWARE,
        state=State.ACTIVE,
        now=story.now,
    )
    driver, _ = await requests.open(
        ledger,
        service_id=1,
        panel="main",
        action="reinstall",
        flow_run_id="run-1",
        requested_by="admin",
        now=story.now,
        silent_after=story.silent_after,
    )
    return driver


async def test_an_adopted_service_gets_no_order_by_it_and_is_left_as_it_was_where_nothing_came_of_it(
    ledger: Ledger, story: LedgerScenario
) -> None:
    driver = await adopted(ledger, story)
    written = await permit(ledger, story, driver)
    await begin(ledger, story, driver, written.id)
    midway = await story.service()
    assert (midway.state, midway.order, written.os_before) == (State.INSTALLING, None, "")
    await reinstalls.withdraw(ledger, driver, story.now, written.id)
    service = await story.service()
    assert (service.state, service.order) == (State.ACTIVE, None)
    assert await journal.entries(ledger, 1, 1) == []


async def test_that_of_an_adopted_service_counts_for_an_hour_among_those_at_once(
    ledger: Ledger, story: LedgerScenario
) -> None:
    driver = await adopted(ledger, story)
    await begin(ledger, story, driver, (await permit(ledger, story, driver)).id)
    second = await story.reach(State.ACTIVE, 2, run="run-2")
    written = await permit(ledger, story, second)
    story.later(minutes=59)
    with pytest.raises(CapReached):
        await reinstalls.begin(ledger, second, story.now, written.id, installations_at_most=1)
    story.later(minutes=2)
    await reinstalls.begin(ledger, second, story.now, written.id, installations_at_most=1)
