import pytest

from ledger import IllegalMove, Ledger, LedgerError, PermitUsed, State, decisions, permits, requests, services
from tests.ledger.story import Story


async def test_a_permit_makes_the_service_erasing(ledger: Ledger, story: Story) -> None:
    driver = await story.reach(State.RELEASING)
    permit = await story.permit(driver)
    assert (permit.panel, permit.server_id, permit.service_id, permit.generation) == ("main", 101, 1, 1)
    assert (permit.attempt, permit.owner_before, permit.operation_before, permit.used_at) == (1, 31, 900, None)
    assert (await story.service()).state is State.ERASING
    assert await permits.current(ledger, 1, 1) == permit
    assert await permits.current(ledger, 1, 2) is None


async def test_an_unused_permit_is_written_once(ledger: Ledger, story: Story) -> None:
    driver = await story.reach(State.RELEASING)
    assert await story.permit(driver) == await story.permit(driver, owner_before=None)


@pytest.mark.parametrize("state", [State.CLAIMED, State.ACTIVE, State.SUSPENDED])
async def test_only_a_releasing_service_is_permitted_to_be_wiped(ledger: Ledger, story: Story, state: State) -> None:
    driver = await story.reach(state)
    with pytest.raises(IllegalMove, match=f"is {state} and cannot become ERASING"):
        await story.permit(driver)
    assert await permits.current(ledger, 1, 1) is None


@pytest.mark.parametrize(
    ("differing", "line"),
    [
        ({"server_id": 102}, "has no claim on server 102"),
        ({"owner_seen": 44}, "belongs to panel user 44"),
        ({"serial": "SN-2"}, "differs from the one recorded at activation .serial number.:"),
        ({"macs": ["52:54:00:00:00:99"]}, "differs from the one recorded at activation .MAC addresses.:"),
        ({"serial": None, "macs": []}, "Nothing identifies server 101"),
        ({"serial": " ", "macs": [""], "barcode": "B"}, "Nothing identifies server 101"),
    ],
)
@pytest.mark.parametrize("state", [State.RELEASING, State.ERASING])
async def test_a_permit_that_does_not_match_the_claim_is_not_written(
    ledger: Ledger, story: Story, state: State, differing: dict[str, object], line: str
) -> None:
    driver = await story.reach(state)
    before = await permits.current(ledger, 1, 1)
    with pytest.raises(LedgerError, match=line):
        await story.permit(driver, **differing)
    assert (await story.service()).state is state
    assert await permits.current(ledger, 1, 1) == before


async def test_letters_case_and_further_addresses_do_not_make_another_server(ledger: Ledger, story: Story) -> None:
    driver = await story.reach(State.RELEASING)
    permit = await story.permit(driver, serial="sn-1 ", macs=["52:54:00:00:00:01", "52:54:00:00:00:02"], barcode="B")
    assert permit.attempt == 1


async def test_a_permit_is_used_once(ledger: Ledger, story: Story) -> None:
    driver = await story.reach(State.ERASING)
    permit = await story.permit(driver)
    assert (await permits.use(ledger, driver, permit.id, story.now)).used_at == story.now
    with pytest.raises(PermitUsed, match="was used before"):
        await permits.use(ledger, driver, permit.id, story.now)
    with pytest.raises(PermitUsed, match="look for what it started before another"):
        await story.permit(driver)


async def test_a_held_service_uses_no_permit(ledger: Ledger, story: Story) -> None:
    driver = await story.reach(State.ERASING)
    permit = await story.permit(driver)
    await services.hold(ledger, driver, reason="odd", evidence="-", now=story.now)
    with pytest.raises(IllegalMove, match="is HELD, not ERASING"):
        await permits.use(ledger, driver, permit.id, story.now)


async def test_another_services_permit_is_not_used(ledger: Ledger, story: Story) -> None:
    other = await story.permit(await story.reach(State.ERASING, 2))
    driver = await story.reach(State.ERASING, 1)
    for verb in (permits.use, permits.void, permits.unproven):
        with pytest.raises(LedgerError, match="is not of service 1"):
            await verb(ledger, driver, other.id, story.now)
    with pytest.raises(LedgerError, match="is not of service 1"):
        await permits.use(ledger, driver, 10**6, story.now)
    assert await permits.current(ledger, 2, 1) == other


async def test_a_void_permit_gives_way_to_the_next(ledger: Ledger, story: Story) -> None:
    driver = await story.reach(State.ERASING)
    first = await story.permit(driver)
    await permits.use(ledger, driver, first.id, story.now)
    for _ in range(2):
        assert (await permits.void(ledger, driver, first.id, story.now)).outcome == "void"
    second = await story.permit(driver)
    assert (second.attempt, second.used_at) == (2, None)
    with pytest.raises(LedgerError, match="is void: it permits nothing"):
        await permits.use(ledger, driver, first.id, story.now)
    assert await permits.current(ledger, 1, 1) == second


async def test_the_operation_is_recorded_once(ledger: Ledger, story: Story) -> None:
    driver = await story.reach(State.ERASING)
    permit = await story.permit(driver)
    with pytest.raises(LedgerError, match="was not used"):
        await permits.record_operation(ledger, driver, permit.id, 901, story.now)
    await permits.use(ledger, driver, permit.id, story.now)
    for _ in range(2):
        assert (await permits.record_operation(ledger, driver, permit.id, 901, story.now)).operation_id == 901
    with pytest.raises(LedgerError, match="started operation 901, not 902"):
        await permits.record_operation(ledger, driver, permit.id, 902, story.now)
    with pytest.raises(LedgerError, match="started operation 901: it is not void"):
        await permits.void(ledger, driver, permit.id, story.now)


async def test_an_unused_permit_has_no_wipe_to_prove(ledger: Ledger, story: Story) -> None:
    driver = await story.reach(State.ERASING)
    with pytest.raises(LedgerError, match="Void it instead"):
        await permits.unproven(ledger, driver, (await story.permit(driver)).id, story.now)


async def test_an_unproven_wipe_waits_for_a_person(ledger: Ledger, story: Story) -> None:
    driver = await story.reach(State.ERASING)
    permit = await story.permit(driver)
    await permits.use(ledger, driver, permit.id, story.now)
    for _ in range(2):
        assert (await permits.unproven(ledger, driver, permit.id, story.now)).outcome == "unproven"
    service = await story.service()
    assert (service.state, service.held_reason, service.held_from) == (State.HELD, "wipe-unproven", State.ERASING)
    assert service.held_evidence == f"permit {permit.id}, server 101, operation unknown"
    with pytest.raises(LedgerError, match="is unproven and cannot be void"):
        await permits.void(ledger, driver, permit.id, story.now)
    with pytest.raises(IllegalMove, match="HELD"):
        await story.permit(driver)


async def test_a_person_allows_another_wipe(ledger: Ledger, story: Story) -> None:
    driver = await story.reach(State.ERASING)
    permit = await story.permit(driver)
    await permits.use(ledger, driver, permit.id, story.now)
    await permits.unproven(ledger, driver, permit.id, story.now)
    await requests.hold_and_close(ledger, driver, reason="wipe-unproven", evidence="-", now=story.now)
    await decisions.leave_hold(ledger, 1, to=State.ERASING, who="ann", why="disk swapped", now=story.later(hours=1))
    driver = await story.ask(run="run-2", action="terminate")
    assert (await story.permit(driver)).attempt == 2
