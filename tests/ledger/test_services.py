import pytest

from ledger import decisions, requests, services
from ledger.database import Ledger
from ledger.errors import IllegalMove, LedgerError
from ledger.orders import Order
from ledger.states import State
from tests.ledger.scenario import LedgerScenario, last_request


async def test_an_unknown_service_is_new(ledger: Ledger, story: LedgerScenario) -> None:
    service = await services.remember(ledger, service_id=1042, panel="main", client_id=7, now=story.now)
    assert (service.state, service.generation, service.epoch, service.claim) == (State.NEW, 0, 0, None)
    assert await services.get(ledger, 1042) == service
    assert await services.get(ledger, 1043) is None


async def test_an_order_replaces_the_last_one_and_its_absence_does_not(ledger: Ledger, story: LedgerScenario) -> None:
    await story.ask()
    newer = Order(client_id=8, configuration="E7", os_template="Alma", ip_pool="public", hostname="web1.example.com")
    await services.remember(ledger, service_id=1, panel="main", order=newer, now=story.now)
    service = await services.remember(ledger, service_id=1, panel="main", now=story.later(minutes=1))
    assert service.order == newer
    assert service.client_id == 8
    assert service.updated_at == story.now


@pytest.mark.parametrize(("sent", "kept"), [(0, 720), (24, 720), (720, 720)])
async def test_an_order_that_is_sent_again_does_not_shorten_the_wipe_delay_of_a_server(
    ledger: Ledger, story: LedgerScenario, sent: int, kept: int
) -> None:
    def order(hours: int) -> Order:
        return Order(client_id=7, configuration="E7", os_template="Alma", ip_pool="public", wipe_delay_hours=hours)

    await services.remember(ledger, service_id=1, panel="main", order=order(720), now=story.now)
    await services.remember(ledger, service_id=1, panel="main", order=order(700), now=story.now)
    assert (await story.service()).order == order(700)  # it has no server yet
    await story.reach(State.INSTALLING)
    await services.remember(ledger, service_id=1, panel="main", order=order(720), now=story.now)
    await services.remember(ledger, service_id=1, panel="main", order=order(sent), now=story.now)
    assert (await story.service()).order == order(kept)


async def test_a_service_without_a_server_may_change_its_panel(ledger: Ledger, story: LedgerScenario) -> None:
    await story.ask()
    service = await services.remember(ledger, service_id=1, panel="second", now=story.now)
    assert service.panel == "second"


async def test_a_service_with_a_server_may_not_change_its_panel(ledger: Ledger, story: LedgerScenario) -> None:
    await story.reach(State.CLAIMED)
    with pytest.raises(LedgerError, match="has server 101 of panel main, not of second"):
        await services.remember(ledger, service_id=1, panel="second", now=story.now)
    assert (await story.service()).panel == "main"


async def test_closing_with_the_state_that_it_has_moves_nothing(ledger: Ledger, story: LedgerScenario) -> None:
    driver = await story.reach(State.ACTIVE)
    before = await story.service()
    story.later(minutes=1)
    await requests.close(ledger, driver, outcome="done", message=None, now=story.now, to=State.ACTIVE)
    assert await story.service() == before


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
    ledger: Ledger, story: LedgerScenario, start: State, to: State
) -> None:
    driver = await story.reach(start)
    with pytest.raises(IllegalMove, match="writes what that implies"):
        await requests.close(ledger, driver, outcome="done", message=None, now=story.now, to=to)
    assert (await story.service()).state is start


async def test_advancing_never_goes_back(ledger: Ledger, story: LedgerScenario) -> None:
    driver = await story.reach(State.INSTALLING)
    assert (await services.advance(ledger, driver, story.now, State.PREPARING)).state is State.INSTALLING
    assert (await services.advance(ledger, driver, story.now, State.ACTIVE)).state is State.ACTIVE
    assert (await services.advance(ledger, driver, story.now, State.CLAIMED)).state is State.ACTIVE


async def test_advancing_leaves_no_step_out(ledger: Ledger, story: LedgerScenario) -> None:
    driver = await story.reach(State.CLAIMED)
    with pytest.raises(IllegalMove, match="is CLAIMED and cannot become INSTALLING"):
        await services.advance(ledger, driver, story.now, State.INSTALLING)


@pytest.mark.parametrize("state", [State.NEW, State.SUSPENDED, State.RELEASING, State.RELEASED])
async def test_only_an_activation_advances(ledger: Ledger, story: LedgerScenario, state: State) -> None:
    driver = await story.reach(state)
    with pytest.raises(IllegalMove, match="not in an activation"):
        await services.advance(ledger, driver, story.now, State.ACTIVE)


async def test_a_held_service_says_why_and_moves_no_more(ledger: Ledger, story: LedgerScenario) -> None:
    driver = await story.reach(State.ACTIVE)
    driver = await story.hold(driver, reason="wrong owner", evidence="owner 99, not 31")
    service = await story.service()
    assert (service.state, service.held_from, service.held_reason) == (State.HELD, State.ACTIVE, "wrong owner")
    with pytest.raises(IllegalMove, match=r"is HELD \(wrong owner\): a person has to decide first"):
        await story.begin(driver)


async def test_a_second_hold_keeps_where_the_service_came_from(ledger: Ledger, story: LedgerScenario) -> None:
    driver = await story.reach(State.ERASING)
    driver = await story.hold(driver, reason="first", evidence="a")
    await story.hold(driver, reason="second", evidence="b")
    service = await story.service()
    assert (service.held_from, service.held_reason, service.held_evidence) == (State.ERASING, "second", "b")


@pytest.mark.parametrize("to", [State.ACTIVE, State.RELEASING])
async def test_a_person_sends_a_held_service_back_or_on_to_release(
    ledger: Ledger, story: LedgerScenario, to: State
) -> None:
    driver = await story.reach(State.ACTIVE)
    driver = await story.hold(driver, reason="wrong owner", evidence="owner 99")
    service = await decisions.leave_hold(ledger, 1, to=to, who="ann", why="looked", now=story.now)
    assert (service.state, service.held_from, service.held_reason, service.held_evidence) == (to, None, None, None)
    assert service.epoch == driver.epoch + 1
    request = await last_request(ledger, 1)
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
async def test_there_is_no_other_way_out_of_held(
    ledger: Ledger, story: LedgerScenario, came_from: State, to: State
) -> None:
    driver = await story.reach(came_from)
    driver = await story.hold(driver)
    with pytest.raises(IllegalMove, match=f"was {came_from} when it was HELD"):
        await decisions.leave_hold(ledger, 1, to=to, who="ann", why="guessed", now=story.now)
    assert (await story.service()).state is State.HELD


async def test_a_service_that_is_not_held_has_nothing_to_leave(ledger: Ledger, story: LedgerScenario) -> None:
    await story.reach(State.ACTIVE)
    with pytest.raises(IllegalMove, match="not HELD"):
        await decisions.leave_hold(ledger, 1, to=State.RELEASING, who="ann", why="-", now=story.now)
    with pytest.raises(LedgerError, match="does not know service 2"):
        await decisions.leave_hold(ledger, 2, to=State.RELEASING, who="ann", why="-", now=story.now)


async def test_held_services_are_listed_longest_waiting_first(ledger: Ledger, story: LedgerScenario) -> None:
    for service_id in (2, 1, 3):
        driver = await story.reach(State.CLAIMED, service_id)
        if service_id != 3:
            story.later(minutes=1)
            await story.hold(driver)
    assert [(one.service_id, one.claim.server_id) for one in await services.held(ledger)] == [(2, 102), (1, 101)]
    assert await services.held(ledger, "second") == []
