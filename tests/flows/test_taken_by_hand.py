from collections.abc import Callable

import pytest

from flows.activate import activate
from ledger.lifecycle import State
from simulator.things import SimServer
from tests.flows.play import activated, one_line, only_fit, promised
from tests.stage import Stage

THEIRS = "other@example.com"


@pytest.fixture
def takes_first(stage: Stage) -> Callable[[], None]:
    """An administrator gives the one free server away and puts another into stock."""
    only_fit(stage, 1)

    def take() -> None:
        stage.panel.by_hand.set_owner(1, THEIRS)
        stage.panel.by_hand.protect(2, on=False)

    return take


async def test_a_server_taken_by_hand_between_claim_and_owner_is_left_alone(
    stage: Stage, takes_first: Callable[[], None]
) -> None:
    stage.faults.admin_acts_after("user_list", 2, takes_first)
    service_id, server = await activated(stage)
    assert server.id == 2
    assert stage.panel.owner_of(1) == THEIRS
    assert stage.panel.writes(1) == []
    assert await promised(stage) == {2: service_id}
    assert stage.panel.incidents == []


async def test_a_server_taken_by_hand_right_after_it_was_made_the_clients_is_left_alone(
    stage: Stage, takes_first: Callable[[], None]
) -> None:
    stage.faults.admin_acts_after("owner_set", 1, takes_first)
    service_id, server = await activated(stage)
    assert server.id == 2
    assert stage.panel.owner_of(1) == THEIRS
    assert [call.endpoint for call in stage.panel.writes(1)] == ["owner_set"]
    assert await promised(stage) == {2: service_id}


async def test_a_server_taken_by_hand_while_the_answer_was_lost_is_left_alone(
    stage: Stage, takes_first: Callable[[], None]
) -> None:
    stage.faults.admin_acts_after("owner_set", 1, takes_first)
    stage.faults.lose_answer("owner_set")
    service_id = stage.buy()
    await stage.run(activate, service_id, order=stage.order())
    assert (await stage.server(service_id)).id == 2
    assert stage.panel.owner_of(1) == THEIRS


async def test_the_last_server_taken_by_hand_leaves_the_order_without_one(stage: Stage) -> None:
    only_fit(stage, 1)
    stage.faults.admin_acts_after("owner_set", 1, lambda: stage.panel.by_hand.set_owner(1, THEIRS))
    service_id = stage.buy()
    line = await one_line(stage.run(activate, service_id, order=stage.order()))
    assert "Of 6 servers: 5 protected, 1 with an owner" in line
    assert (await stage.service(service_id)).state is State.NEW
    assert await promised(stage) == {}


def _protect(stage: Stage, server: SimServer) -> None:
    server.is_protected = True


def _occupy(stage: Stage, server: SimServer) -> None:
    if server.running_operation is None:
        stage.panel.by_hand.start_operation(server.id)


def _give_away(stage: Stage, server: SimServer) -> None:
    stage.panel.by_hand.set_owner(server.id, THEIRS)


@pytest.mark.parametrize("spoil", [_protect, _occupy, _give_away])
async def test_a_server_that_is_no_longer_fit_when_it_is_claimed_is_given_up_untouched(
    stage: Stage, spoil: Callable[[Stage, SimServer], None]
) -> None:
    server = only_fit(stage, 1)
    service_id = stage.buy()
    claiming = stage.panel.by_hand

    def between_list_and_claim() -> None:
        spoil(stage, server)
        claiming.protect(2, on=False)

    stage.faults.admin_acts_after("server_list", 1, between_list_and_claim)
    line = await one_line(stage.run(activate, service_id, order=stage.order()))
    assert "No free server" in line
    assert stage.panel.writes() == []
    assert await promised(stage) == {}
    await stage.run(activate, service_id)
    assert (await stage.server(service_id)).id == 2
    assert stage.panel.writes(1) == []
