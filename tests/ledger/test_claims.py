import asyncio

import pytest

from ledger import claims, decisions, journal, overview, permits, requests, services
from ledger.database import Ledger
from ledger.errors import AlreadyClaimed, HardwareClaimed, IllegalMove, LedgerError
from ledger.hardware import Hardware
from ledger.states import State
from ledger.tables import PermitRow
from tests.ledger.scenario import HARDWARE, LedgerScenario, hardware_for


async def test_a_claim_makes_the_service_claimed(ledger: Ledger, story: LedgerScenario) -> None:
    driver = await story.ask()
    service = await story.take(driver, 55)
    assert (service.state, service.generation) == (State.CLAIMED, 1)
    assert service.claim is not None
    assert (service.claim.server_id, service.claim.generation, service.claim.owner_id) == (55, 1, None)
    assert service.claim.hardware == Hardware(serial="SN-1", macs=("00:16:3e:00:00:01",))
    assert await claims.claimed(ledger, "main") == {55: 1}
    assert await claims.claimed(ledger, "second") == {}
    assert await services.get(ledger, 1) == service


async def test_a_service_keeps_the_server_it_has(ledger: Ledger, story: LedgerScenario) -> None:
    driver = await story.reach(State.ACTIVE)
    service = await story.take(driver, 999)
    assert service.claim is not None
    assert (service.state, service.claim.server_id) == (State.ACTIVE, 101)


async def test_a_server_has_one_service(ledger: Ledger, story: LedgerScenario) -> None:
    await story.take(await story.ask(1), 55)
    second = await story.ask(2)
    with pytest.raises(AlreadyClaimed, match="Server 55 of panel main is claimed by another service"):
        await story.take(second, 55)
    service = await story.service(2)
    assert (service.state, service.generation, service.claim) == (State.NEW, 0, None)


@pytest.mark.parametrize("state", [State.RELEASING, State.ERASING])
async def test_a_service_on_its_way_out_takes_no_server(ledger: Ledger, story: LedgerScenario, state: State) -> None:
    driver = await story.reach(state)
    with pytest.raises(IllegalMove, match=f"is {state}"):
        await story.take(driver)


async def test_a_held_service_takes_no_server(ledger: Ledger, story: LedgerScenario) -> None:
    driver = await story.ask()
    driver = await story.hold(driver)
    with pytest.raises(IllegalMove, match="HELD"):
        await story.take(driver)


async def test_a_held_services_server_stays_claimed(ledger: Ledger, story: LedgerScenario) -> None:
    driver = await story.reach(State.ERASING)
    driver = await story.hold(driver)
    assert await claims.claimed(ledger, "main") == {101: 1}


async def test_a_released_service_begins_its_next_generation(ledger: Ledger, story: LedgerScenario) -> None:
    driver = await story.reach(State.RELEASED)
    assert (await story.take(driver)).generation == 2


@pytest.mark.parametrize("state", [State.CLAIMED, State.PREPARING])
async def test_a_server_that_was_not_touched_is_dropped(ledger: Ledger, story: LedgerScenario, state: State) -> None:
    driver = await story.ask()
    await story.take(driver)
    await services.advance(ledger, driver, story.now, state)
    await journal.note(ledger, driver, generation=1, step="owner", before=None, now=story.now)
    service = await claims.drop(ledger, driver, now=story.now)
    assert (service.state, service.generation, service.claim) == (State.NEW, 1, None)
    assert await claims.drop(ledger, driver, now=story.now) == service
    assert (await story.take(driver, 56)).generation == 1


async def test_a_server_with_an_owner_is_not_dropped(ledger: Ledger, story: LedgerScenario) -> None:
    driver = await story.reach(State.PREPARING)
    with pytest.raises(LedgerError, match="was given to panel user 31"):
        await claims.drop(ledger, driver, now=story.now)
    assert await claims.claimed(ledger, "main") == {101: 1}
    assert (await story.service()).state is State.PREPARING


async def test_a_changed_server_is_neither_dropped_nor_released_unwiped(ledger: Ledger, story: LedgerScenario) -> None:
    driver = await story.reach(State.CLAIMED)
    await journal.note(ledger, driver, generation=1, step="addresses", before=None, now=story.now)
    with pytest.raises(LedgerError, match=r"was changed \(step addresses\)"):
        await claims.drop(ledger, driver, now=story.now)
    await story.begin(driver)
    with pytest.raises(LedgerError, match=r"was changed \(step addresses\)"):
        await claims.release_untouched(ledger, driver, story.now)
    assert (await story.service()).state is State.RELEASING


async def test_an_active_service_is_not_dropped(ledger: Ledger, story: LedgerScenario) -> None:
    driver = await story.reach(State.ACTIVE)
    with pytest.raises(IllegalMove, match="is ACTIVE and cannot become NEW"):
        await claims.drop(ledger, driver, now=story.now)


async def test_an_owner_is_recorded_once(ledger: Ledger, story: LedgerScenario) -> None:
    driver = await story.reach(State.CLAIMED)
    for _ in range(2):
        service = await claims.record_owner(ledger, driver, story.now, 31)
        assert service.claim is not None
        assert service.claim.owner_id == 31
    with pytest.raises(LedgerError, match="belongs to panel user 31, not 32"):
        await claims.record_owner(ledger, driver, story.now, 32)


async def test_a_service_without_a_server_has_no_owner(ledger: Ledger, story: LedgerScenario) -> None:
    with pytest.raises(LedgerError, match="has no server"):
        await claims.record_owner(ledger, await story.ask(), story.now, 31)


async def test_an_untouched_server_is_released_without_a_wipe(ledger: Ledger, story: LedgerScenario) -> None:
    driver = await story.reach(State.CLAIMED)
    await journal.note(ledger, driver, generation=1, step="owner", before=None, now=story.now)
    await story.begin(driver)
    service = await claims.release_untouched(ledger, driver, story.now)
    assert (service.state, service.claim) == (State.RELEASED, None)
    assert await claims.release_untouched(ledger, driver, story.now) == service


async def test_a_server_with_an_owner_is_not_released_unwiped(ledger: Ledger, story: LedgerScenario) -> None:
    driver = await story.reach(State.RELEASING)
    with pytest.raises(LedgerError, match="it has to be terminated"):
        await claims.release_untouched(ledger, driver, story.now)


@pytest.mark.parametrize("state", [State.ACTIVE, State.ERASING])
async def test_only_a_releasing_service_gives_its_server_back_unwiped(
    ledger: Ledger, story: LedgerScenario, state: State
) -> None:
    driver = await story.reach(state)
    with pytest.raises(IllegalMove):
        await claims.release_untouched(ledger, driver, story.now)


async def test_a_proved_wipe_frees_the_server(ledger: Ledger, story: LedgerScenario) -> None:
    driver = await story.reach(State.ERASING)
    service = await story.wiped(driver)
    assert (service.state, service.claim) == (State.RELEASED, None)
    permit = await permits.current(ledger, 1, 1)
    assert permit is not None
    assert (permit.outcome, permit.settled_at) == ("proved", story.now)
    assert await claims.claimed(ledger, "main") == {}
    assert await claims.release(ledger, driver, permit_id=permit.id, now=story.now) == service


async def test_a_permit_that_was_not_used_frees_nothing(ledger: Ledger, story: LedgerScenario) -> None:
    driver = await story.reach(State.ERASING)
    permit = await story.permit(driver)
    with pytest.raises(LedgerError, match="has no wipe on record"):
        await claims.release(ledger, driver, permit_id=permit.id, now=story.now)


async def test_a_wipe_that_nobody_saw_start_frees_nothing(ledger: Ledger, story: LedgerScenario) -> None:
    driver = await story.reach(State.ERASING)
    permit = await story.permit(driver)
    await permits.use(ledger, driver, story.now, permit.id)
    with pytest.raises(LedgerError, match="has no wipe on record"):
        await claims.release(ledger, driver, permit_id=permit.id, now=story.now)
    assert await claims.claimed(ledger, "main") == {101: 1}


async def test_another_services_permit_frees_nothing(ledger: Ledger, story: LedgerScenario) -> None:
    other = await story.permit(await story.reach(State.ERASING, 2))
    driver = await story.reach(State.ERASING, 1)
    with pytest.raises(LedgerError, match="is not of service 1, generation 1"):
        await claims.release(ledger, driver, permit_id=other.id, now=story.now)


async def test_an_earlier_generations_permit_frees_nothing(ledger: Ledger, story: LedgerScenario) -> None:
    driver = await story.reach(State.RELEASED)
    old = await permits.current(ledger, 1, 1)
    assert old is not None
    await story.take(driver)
    await story.begin(driver)
    await story.permit(driver)
    with pytest.raises(LedgerError, match="is not of service 1, generation 2"):
        await claims.release(ledger, driver, permit_id=old.id, now=story.now)


async def test_a_machine_that_is_promised_is_promised_under_no_other_number_and_on_no_other_panel(
    ledger: Ledger, story: LedgerScenario
) -> None:
    await story.take(await story.ask(1), 55)
    second = await story.ask(2)
    for same in (Hardware(serial="sn-1"), Hardware(serial="SN-9", macs=("00-16-3E-00-00-01",))):
        with pytest.raises(HardwareClaimed, match="is that of server 55 of panel main, which is promised or held"):
            await claims.take(ledger, second, server_id=56, hardware=same, now=story.now)
        await requests.close(ledger, second, outcome="failed", message=None, now=story.now)
        await services.remember(ledger, service_id=2, panel="main-2", now=story.now)
        second, _ = await requests.open(
            ledger, service_id=2, panel="main-2", action="activate", flow_run_id="run-2", requested_by="api",
            now=story.now, silent_after=story.silent_after,
        )  # fmt: skip
    assert (await story.service(2)).claim is None


@pytest.mark.parametrize("state", [State.CLAIMED, State.ERASING])
async def test_a_held_services_machine_is_promised_nowhere_else(
    ledger: Ledger, story: LedgerScenario, state: State
) -> None:
    await story.hold(await story.reach(state))
    with pytest.raises(HardwareClaimed):
        await claims.take(ledger, await story.ask(2), server_id=56, hardware=HARDWARE, now=story.now)


async def test_a_forgotten_servers_machine_is_promised_to_nobody_when_it_comes_back_with_another_number(
    ledger: Ledger, story: LedgerScenario
) -> None:
    driver = await story.reach(State.ACTIVE)
    await story.hold(driver, reason="server-vanished")
    await decisions.forget_server(ledger, 1, who="ann", why="burnt", now=story.now)
    with pytest.raises(HardwareClaimed, match="server 101 of panel main"):
        await claims.take(ledger, await story.ask(2), server_id=56, hardware=HARDWARE, now=story.now)


async def test_a_machine_is_free_for_others_once_its_wipe_is_proved_or_it_was_never_touched(
    ledger: Ledger, story: LedgerScenario
) -> None:
    await story.wiped(await story.reach(State.ERASING))
    second = await story.ask(2)
    await claims.take(ledger, second, server_id=56, hardware=HARDWARE, now=story.now)
    await claims.drop(ledger, second, story.now)
    third = await claims.take(ledger, await story.ask(3), server_id=57, hardware=HARDWARE, now=story.now)
    assert third.claim is not None


async def test_placeholders_keep_no_machine_from_being_promised(ledger: Ledger, story: LedgerScenario) -> None:
    nothing = Hardware(serial="Default string", macs=("00:00:00:00:00:00", "02:00:00:00:00:01"))
    for service_id in (1, 2):
        driver = await story.ask(service_id)
        assert (await claims.take(ledger, driver, server_id=service_id, hardware=nothing, now=story.now)).claim


@pytest.mark.parametrize(
    ("permitted", "is_free"),
    [
        ([(False, None)], True),
        ([(False, "void")], True),
        ([(True, None)], False),
        ([(True, "unproven")], False),
        ([(True, "proved")], True),
        ([(True, "unproven"), (True, "proved")], True),
        ([(True, "proved"), (True, None)], False),
        ([(True, "unproven"), (False, None)], False),
        ([(True, None), (False, "void")], False),
        ([(True, "unproven"), (True, "proved"), (False, "void")], True),
    ],
)
async def test_a_server_whose_last_wipe_is_not_proved_is_known_as_such_and_claimed_by_nobody(
    ledger: Ledger, story: LedgerScenario, permitted: list[tuple[bool, str | None]], is_free: bool
) -> None:
    await story.ask(1)
    async with ledger.transaction() as session:
        for attempt, (used, outcome) in enumerate(permitted, 1):
            used_at = story.now if used else None
            permit = PermitRow(
                panel="main", server_id=55, service_id=1, generation=1, attempt=attempt, written_at=story.now,
                used_at=used_at, outcome=outcome,
            )  # fmt: skip
            session.add(permit)
            await session.flush()
    assert await overview.unproven(ledger, "main") == (set() if is_free else {55})
    assert await overview.unproven(ledger, "second") == set()
    if is_free:
        assert (await story.take(await story.ask(2), 55)).claim is not None
    else:
        with pytest.raises(AlreadyClaimed):
            await story.take(await story.ask(2), 55)
    assert (await story.take(await story.ask(3), 56)).claim is not None


async def test_of_two_who_claim_one_machine_under_two_numbers_at_once_one_gets_it(
    ledger: Ledger, story: LedgerScenario
) -> None:
    drivers = [await story.ask(service_id, run=f"run-{service_id}") for service_id in (1, 2, 3)]
    taken = await asyncio.gather(
        *(claims.take(ledger, one, server_id=one.service_id, hardware=HARDWARE, now=story.now) for one in drivers),
        return_exceptions=True,
    )
    assert sum(isinstance(one, HardwareClaimed) for one in taken) == 2


async def test_accepted_hardware_takes_the_place_of_what_was_recorded_and_is_nobody_elses(
    ledger: Ledger, story: LedgerScenario
) -> None:
    await story.take(await story.ask(2), 56)
    await story.hold(await story.reach(State.ACTIVE), reason="hardware-changed")
    with pytest.raises(HardwareClaimed):
        await decisions.accept_hardware(ledger, 1, hardware=hardware_for(2), who="ann", why="-", now=story.now)
    await decisions.accept_hardware(ledger, 1, hardware=hardware_for(7), who="ann", why="board", now=story.now)
    with pytest.raises(HardwareClaimed):
        await claims.take(ledger, await story.ask(3), server_id=57, hardware=hardware_for(7), now=story.now)
    assert (await story.take(await story.ask(4), 58)).claim is not None
    third = await claims.take(ledger, await story.ask(3), server_id=57, hardware=HARDWARE, now=story.now)
    assert third.claim is not None
