from collections.abc import Callable

import pytest

from flows.activate import activate
from ledger.states import State
from simulator.panel.models import SimServer
from tests.harness import Harness
from tests.stories.scenario import activated, one_line, only_fit, promised

THEIRS = "other@example.com"


@pytest.fixture
def takes_first(harness: Harness) -> Callable[[], None]:
    """An administrator gives the one free server away and puts another into stock."""
    only_fit(harness, 1)

    def take() -> None:
        harness.panel.admin.set_owner(1, THEIRS)
        harness.panel.admin.protect(2, on=False)

    return take


async def test_a_server_taken_by_hand_between_claim_and_owner_is_left_alone(
    harness: Harness, takes_first: Callable[[], None]
) -> None:
    harness.faults.admin_acts_after("user_list", 2, takes_first)
    service_id, server = await activated(harness)
    assert server.id == 2
    assert harness.panel.owner_of(1) == THEIRS
    assert harness.panel.writes(1) == []
    assert await promised(harness) == {2: service_id}
    assert harness.panel.incidents == []


async def test_a_server_taken_by_hand_right_after_it_was_made_the_clients_is_left_alone(
    harness: Harness, takes_first: Callable[[], None]
) -> None:
    harness.faults.admin_acts_after("owner_set", 1, takes_first)
    service_id, server = await activated(harness)
    assert server.id == 2
    assert harness.panel.owner_of(1) == THEIRS
    assert [call.endpoint for call in harness.panel.writes(1)] == ["owner_set"]
    assert await promised(harness) == {2: service_id}


async def test_a_server_taken_by_hand_while_the_answer_was_lost_is_left_alone(
    harness: Harness, takes_first: Callable[[], None]
) -> None:
    harness.faults.admin_acts_after("owner_set", 1, takes_first)
    harness.faults.lose_answer("owner_set")
    service_id = harness.buy()
    await harness.run(activate, service_id, order=harness.order())
    assert (await harness.server(service_id)).id == 2
    assert harness.panel.owner_of(1) == THEIRS


async def test_the_last_server_taken_by_hand_leaves_the_order_without_one(harness: Harness) -> None:
    only_fit(harness, 1)
    harness.faults.admin_acts_after("owner_set", 1, lambda: harness.panel.admin.set_owner(1, THEIRS))
    service_id = harness.buy()
    line = await one_line(harness.run(activate, service_id, order=harness.order()))
    assert "Of 6 servers: 5 protected, 1 with an owner" in line
    assert (await harness.service(service_id)).state is State.NEW
    assert await promised(harness) == {}


def _protect(harness: Harness, server: SimServer) -> None:
    server.is_protected = True


def _occupy(harness: Harness, server: SimServer) -> None:
    if server.running_operation is None:
        harness.panel.admin.start_operation(server.id)


def _give_away(harness: Harness, server: SimServer) -> None:
    harness.panel.admin.set_owner(server.id, THEIRS)


@pytest.mark.parametrize("spoil", [_protect, _occupy, _give_away])
async def test_a_server_that_is_no_longer_fit_when_it_is_claimed_is_given_up_untouched(
    harness: Harness, spoil: Callable[[Harness, SimServer], None]
) -> None:
    server = only_fit(harness, 1)
    service_id = harness.buy()
    claiming = harness.panel.admin

    def between_list_and_claim() -> None:
        spoil(harness, server)
        claiming.protect(2, on=False)

    harness.faults.admin_acts_after("server_list", 1, between_list_and_claim)
    line = await one_line(harness.run(activate, service_id, order=harness.order()))
    assert "No free server" in line
    assert harness.panel.writes() == []
    assert await promised(harness) == {}
    await harness.run(activate, service_id)
    assert (await harness.server(service_id)).id == 2
    assert harness.panel.writes(1) == []
