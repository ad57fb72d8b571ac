import pytest

from ledger.states import MOVES, State


def test_every_state_has_its_moves() -> None:
    assert set(MOVES) == set(State)


@pytest.mark.parametrize("state", [state for state in State if state is not State.HELD])
def test_every_state_can_be_held_and_a_person_can_bring_it_back(state: State) -> None:
    assert State.HELD in MOVES[state]
    assert state in MOVES[State.HELD]


def test_from_a_permitted_wipe_there_is_no_way_back() -> None:
    assert MOVES[State.ERASING] == {State.RELEASED, State.HELD}
    assert [state for state in State if State.ERASING in MOVES[state]] == [State.RELEASING, State.HELD]


def test_no_state_is_a_dead_end_and_each_can_be_reached() -> None:
    reached, edge = {State.NEW}, {State.NEW}
    while edge:
        edge = {after for state in edge for after in MOVES[state]} - reached
        reached |= edge
    assert reached == set(State)
    assert all(MOVES.values())
