import pytest

from ledger import IllegalMove, Ledger, LedgerError, Order, State, decisions, requests, services
from tests.ledger.story import Story


async def test_an_unknown_service_is_new(ledger: Ledger, story: Story) -> None:
    service = await services.remember(ledger, service_id=1042, panel="main", client_id=7, now=story.now)
    assert (service.state, service.generation, service.epoch, service.claim) == (State.NEW, 0, 0, None)
    assert await services.get(ledger, 1042) == service
    assert await services.get(ledger, 1043) is None


async def test_an_order_replaces_the_last_one_and_its_absence_does_not(ledger: Ledger, story: Story) -> None:
    await story.ask()
    newer = Order(client_id=8, configuration="E7", os_template="Alma", ip_pool="public", hostname="web1.example.com")
    await services.remember(ledger, service_id=1, panel="main", order=newer, now=story.now)
    service = await services.remember(ledger, service_id=1, panel="main", now=story.later(minutes=1))
    assert service.order == newer
    assert service.client_id == 8
    assert service.updated_at == story.now


async def test_a_service_without_a_server_may_change_its_panel(ledger: Ledger, story: Story) -> None:
    await story.ask()
    service = await services.remember(ledger, service_id=1, panel="second", now=story.now)
    assert service.panel == "second"


async def test_a_service_with_a_server_may_not_change_its_panel(ledger: Ledger, story: Story) -> None:
    await story.reach(State.CLAIMED)
    with pytest.raises(LedgerError, match="has server 101 of panel main, not of second"):
        await services.remember(ledger, service_id=1, panel="second", now=story.now)
    assert (await story.service()).panel == "main"


async def test_moving_to_where_it_is_changes_nothing(ledger: Ledger, story: Story) -> None:
    driver = await story.reach(State.ACTIVE)
    before = await story.service()
    story.later(minutes=1)
    assert await services.move(ledger, driver, State.ACTIVE, story.now, frm={State.SUSPENDED}) == before


async def test_a_move_starts_only_where_the_caller_expects(ledger: Ledger, story: Story) -> None:
    driver = await story.reach(State.SUSPENDED)
    with pytest.raises(IllegalMove, match="is SUSPENDED: it cannot become INSTALLING from there"):
        await services.move(ledger, driver, State.INSTALLING, story.now, frm={State.PREPARING})
    assert (await services.move(ledger, driver, State.ACTIVE, story.now, frm={State.SUSPENDED})).state is State.ACTIVE


@pytest.mark.parametrize(
    ("start", "to"),
    [
        (State.NEW, State.CLAIMED),
        (State.CLAIMED, State.NEW),
        (State.ACTIVE, State.RELEASING),
        (State.RELEASING, State.ERASING),
        (State.RELEASING, State.RELEASED),
        (State.ERASING, State.RELEASED),
        (State.ACTIVE, State.HELD),
    ],
)
async def test_a_state_that_implies_something_has_its_own_door(
    ledger: Ledger, story: Story, start: State, to: State
) -> None:
    driver = await story.reach(start)
    with pytest.raises(IllegalMove, match="writes what that implies"):
        await services.move(ledger, driver, to, story.now)
    with pytest.raises(IllegalMove, match="writes what that implies"):
        await requests.close(ledger, driver, outcome="done", message=None, now=story.now, to=to)
    assert (await story.service()).state is start


async def test_advancing_never_goes_back(ledger: Ledger, story: Story) -> None:
    driver = await story.reach(State.INSTALLING)
    assert (await services.advance(ledger, driver, State.PREPARING, story.now)).state is State.INSTALLING
    assert (await services.advance(ledger, driver, State.ACTIVE, story.now)).state is State.ACTIVE
    assert (await services.advance(ledger, driver, State.CLAIMED, story.now)).state is State.ACTIVE


async def test_advancing_leaves_no_step_out(ledger: Ledger, story: Story) -> None:
    driver = await story.reach(State.CLAIMED)
    with pytest.raises(IllegalMove, match="is CLAIMED and cannot become INSTALLING"):
        await services.advance(ledger, driver, State.INSTALLING, story.now)


@pytest.mark.parametrize("state", [State.NEW, State.SUSPENDED, State.RELEASING, State.RELEASED])
async def test_only_an_activation_advances(ledger: Ledger, story: Story, state: State) -> None:
    driver = await story.reach(state)
    with pytest.raises(IllegalMove, match="not in an activation"):
        await services.advance(ledger, driver, State.ACTIVE, story.now)


async def test_a_held_service_says_why_and_moves_no_more(ledger: Ledger, story: Story) -> None:
    driver = await story.reach(State.ACTIVE)
    service = await services.hold(ledger, driver, reason="wrong owner", evidence="owner 99, not 31", now=story.now)
    assert (service.state, service.held_from, service.held_reason) == (State.HELD, State.ACTIVE, "wrong owner")
    with pytest.raises(IllegalMove, match=r"is HELD \(wrong owner\): a person has to decide first"):
        await story.begin(driver)


async def test_a_second_hold_keeps_where_the_service_came_from(ledger: Ledger, story: Story) -> None:
    driver = await story.reach(State.ERASING)
    await services.hold(ledger, driver, reason="first", evidence="a", now=story.now)
    service = await services.hold(ledger, driver, reason="second", evidence="b", now=story.now)
    assert (service.held_from, service.held_reason, service.held_evidence) == (State.ERASING, "second", "b")


@pytest.mark.parametrize("to", [State.ACTIVE, State.RELEASING])
async def test_a_person_sends_a_held_service_back_or_on_to_release(ledger: Ledger, story: Story, to: State) -> None:
    driver = await story.reach(State.ACTIVE)
    await services.hold(ledger, driver, reason="wrong owner", evidence="owner 99", now=story.now)
    service = await decisions.leave_hold(ledger, 1, to=to, who="ann", why="looked", now=story.now)
    assert (service.state, service.held_from, service.held_reason, service.held_evidence) == (to, None, None, None)
    assert service.epoch == driver.epoch + 1
    request = await requests.last(ledger, 1)
    assert request is not None
    assert request.outcome == "abandoned"


@pytest.mark.parametrize(
    ("came_from", "to"),
    [
        (State.ERASING, State.RELEASING),
        (State.ERASING, State.RELEASED),
        (State.ACTIVE, State.SUSPENDED),
        (State.NEW, State.RELEASING),
        (State.RELEASED, State.RELEASING),
    ],
)
async def test_there_is_no_other_way_out_of_held(ledger: Ledger, story: Story, came_from: State, to: State) -> None:
    driver = await story.reach(came_from)
    await services.hold(ledger, driver, reason="odd", evidence="-", now=story.now)
    with pytest.raises(IllegalMove, match=f"was {came_from} when it was HELD"):
        await decisions.leave_hold(ledger, 1, to=to, who="ann", why="guessed", now=story.now)
    assert (await story.service()).state is State.HELD


async def test_a_service_that_is_not_held_has_nothing_to_leave(ledger: Ledger, story: Story) -> None:
    await story.reach(State.ACTIVE)
    with pytest.raises(IllegalMove, match="not HELD"):
        await decisions.leave_hold(ledger, 1, to=State.RELEASING, who="ann", why="-", now=story.now)
    with pytest.raises(LedgerError, match="does not know service 2"):
        await decisions.leave_hold(ledger, 2, to=State.RELEASING, who="ann", why="-", now=story.now)


async def test_held_services_are_listed_longest_waiting_first(ledger: Ledger, story: Story) -> None:
    for service_id in (2, 1, 3):
        driver = await story.reach(State.CLAIMED, service_id)
        if service_id != 3:
            await services.hold(ledger, driver, reason="odd", evidence="-", now=story.later(minutes=1))
    assert [(one.service_id, one.claim.server_id) for one in await services.held(ledger)] == [(2, 102), (1, 101)]
    assert await services.held(ledger, "second") == []
