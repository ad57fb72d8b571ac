import pytest

from ledger import AlreadyClaimed, IllegalMove, Ledger, LedgerError, State, claims, journal, permits, services
from tests.ledger.story import Story


async def test_a_claim_makes_the_service_claimed(ledger: Ledger, story: Story) -> None:
    driver = await story.ask()
    service = await story.take(driver, 55)
    assert (service.state, service.generation) == (State.CLAIMED, 1)
    assert service.claim is not None
    assert (service.claim.server_id, service.claim.generation, service.claim.owner_id) == (55, 1, None)
    assert (service.claim.serial, service.claim.macs) == ("SN-1", ("52:54:00:00:00:01",))
    assert await claims.claimed(ledger, "main") == {55: 1}
    assert await claims.claimed(ledger, "second") == {}
    assert await services.get(ledger, 1) == service


async def test_a_service_keeps_the_server_it_has(ledger: Ledger, story: Story) -> None:
    driver = await story.reach(State.ACTIVE)
    service = await story.take(driver, 999)
    assert service.claim is not None
    assert (service.state, service.claim.server_id) == (State.ACTIVE, 101)


async def test_a_server_has_one_service(ledger: Ledger, story: Story) -> None:
    await story.take(await story.ask(1), 55)
    second = await story.ask(2)
    with pytest.raises(AlreadyClaimed, match="Server 55 of panel main is claimed by another service"):
        await story.take(second, 55)
    service = await story.service(2)
    assert (service.state, service.generation, service.claim) == (State.NEW, 0, None)


@pytest.mark.parametrize("state", [State.RELEASING, State.ERASING])
async def test_a_service_on_its_way_out_takes_no_server(ledger: Ledger, story: Story, state: State) -> None:
    driver = await story.reach(state)
    with pytest.raises(IllegalMove, match=f"is {state}"):
        await story.take(driver)


async def test_a_held_service_takes_no_server(ledger: Ledger, story: Story) -> None:
    driver = await story.ask()
    await services.hold(ledger, driver, reason="odd", evidence="-", now=story.now)
    with pytest.raises(IllegalMove, match="HELD"):
        await story.take(driver)


async def test_a_held_services_server_stays_claimed(ledger: Ledger, story: Story) -> None:
    driver = await story.reach(State.ERASING)
    await services.hold(ledger, driver, reason="odd", evidence="-", now=story.now)
    assert await claims.claimed(ledger, "main") == {101: 1}


async def test_a_released_service_begins_its_next_generation(ledger: Ledger, story: Story) -> None:
    driver = await story.reach(State.RELEASED)
    assert (await story.take(driver)).generation == 2


@pytest.mark.parametrize("state", [State.CLAIMED, State.PREPARING])
async def test_a_server_that_was_not_touched_is_dropped(ledger: Ledger, story: Story, state: State) -> None:
    driver = await story.ask()
    await story.take(driver)
    await services.advance(ledger, driver, state, story.now)
    await journal.note(ledger, driver, generation=1, step="owner", before=None, now=story.now)
    service = await claims.drop(ledger, driver, now=story.now)
    assert (service.state, service.generation, service.claim) == (State.NEW, 1, None)
    assert await claims.drop(ledger, driver, now=story.now) == service
    assert (await story.take(driver, 56)).generation == 1


async def test_a_server_with_an_owner_is_not_dropped(ledger: Ledger, story: Story) -> None:
    driver = await story.reach(State.PREPARING)
    with pytest.raises(LedgerError, match="was given to panel user 31"):
        await claims.drop(ledger, driver, now=story.now)
    assert await claims.claimed(ledger, "main") == {101: 1}
    assert (await story.service()).state is State.PREPARING


async def test_a_changed_server_is_neither_dropped_nor_released_unwiped(ledger: Ledger, story: Story) -> None:
    driver = await story.reach(State.CLAIMED)
    await journal.note(ledger, driver, generation=1, step="addresses", before=None, now=story.now)
    with pytest.raises(LedgerError, match=r"was changed \(step addresses\)"):
        await claims.drop(ledger, driver, now=story.now)
    await story.begin(driver)
    with pytest.raises(LedgerError, match=r"was changed \(step addresses\)"):
        await claims.release_untouched(ledger, driver, story.now)
    assert (await story.service()).state is State.RELEASING


async def test_an_active_service_is_not_dropped(ledger: Ledger, story: Story) -> None:
    driver = await story.reach(State.ACTIVE)
    with pytest.raises(IllegalMove, match="is ACTIVE and cannot become NEW"):
        await claims.drop(ledger, driver, now=story.now)


async def test_an_owner_is_recorded_once(ledger: Ledger, story: Story) -> None:
    driver = await story.reach(State.CLAIMED)
    for _ in range(2):
        service = await claims.record_owner(ledger, driver, 31, story.now)
        assert service.claim is not None
        assert service.claim.owner_id == 31
    with pytest.raises(LedgerError, match="belongs to panel user 31, not 32"):
        await claims.record_owner(ledger, driver, 32, story.now)


async def test_a_service_without_a_server_has_no_owner(ledger: Ledger, story: Story) -> None:
    with pytest.raises(LedgerError, match="has no server"):
        await claims.record_owner(ledger, await story.ask(), 31, story.now)


async def test_an_untouched_server_is_released_without_a_wipe(ledger: Ledger, story: Story) -> None:
    driver = await story.reach(State.CLAIMED)
    await journal.note(ledger, driver, generation=1, step="owner", before=None, now=story.now)
    await story.begin(driver)
    service = await claims.release_untouched(ledger, driver, story.now)
    assert (service.state, service.claim) == (State.RELEASED, None)
    assert await claims.release_untouched(ledger, driver, story.now) == service


async def test_a_server_with_an_owner_is_not_released_unwiped(ledger: Ledger, story: Story) -> None:
    driver = await story.reach(State.RELEASING)
    with pytest.raises(LedgerError, match="it has to be terminated"):
        await claims.release_untouched(ledger, driver, story.now)


@pytest.mark.parametrize("state", [State.ACTIVE, State.ERASING])
async def test_only_a_releasing_service_gives_its_server_back_unwiped(
    ledger: Ledger, story: Story, state: State
) -> None:
    driver = await story.reach(state)
    with pytest.raises(IllegalMove):
        await claims.release_untouched(ledger, driver, story.now)


async def test_a_proved_wipe_frees_the_server(ledger: Ledger, story: Story) -> None:
    driver = await story.reach(State.ERASING)
    service = await story.wiped(driver)
    assert (service.state, service.claim) == (State.RELEASED, None)
    permit = await permits.current(ledger, 1, 1)
    assert permit is not None
    assert (permit.outcome, permit.settled_at) == ("proved", story.now)
    assert await claims.claimed(ledger, "main") == {}
    assert await claims.release(ledger, driver, permit_id=permit.id, now=story.now) == service


async def test_a_permit_that_was_not_used_frees_nothing(ledger: Ledger, story: Story) -> None:
    driver = await story.reach(State.ERASING)
    permit = await story.permit(driver)
    with pytest.raises(LedgerError, match="has no wipe on record"):
        await claims.release(ledger, driver, permit_id=permit.id, now=story.now)


async def test_a_wipe_that_nobody_saw_start_frees_nothing(ledger: Ledger, story: Story) -> None:
    driver = await story.reach(State.ERASING)
    permit = await story.permit(driver)
    await permits.use(ledger, driver, permit.id, story.now)
    with pytest.raises(LedgerError, match="has no wipe on record"):
        await claims.release(ledger, driver, permit_id=permit.id, now=story.now)
    assert await claims.claimed(ledger, "main") == {101: 1}


async def test_another_services_permit_frees_nothing(ledger: Ledger, story: Story) -> None:
    other = await story.permit(await story.reach(State.ERASING, 2))
    driver = await story.reach(State.ERASING, 1)
    with pytest.raises(LedgerError, match="is not of service 1, generation 1"):
        await claims.release(ledger, driver, permit_id=other.id, now=story.now)


async def test_an_earlier_generations_permit_frees_nothing(ledger: Ledger, story: Story) -> None:
    driver = await story.reach(State.RELEASED)
    old = await permits.current(ledger, 1, 1)
    assert old is not None
    await story.take(driver)
    await story.begin(driver)
    await story.permit(driver)
    with pytest.raises(LedgerError, match="is not of service 1, generation 2"):
        await claims.release(ledger, driver, permit_id=old.id, now=story.now)
