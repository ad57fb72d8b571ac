import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.machine.machine import Machine
from tests.machine.planted import PLANTED, Planted
from tests.machine.scene import House
from tests.machine.truths import one_to_one

EXAMPLES = os.environ.get("DCIFLOW_MACHINE_EXAMPLES")
"""How many plays, each another one every time: `make play`, or nights."""

PLAY = settings(
    deadline=None,
    suppress_health_check=list(HealthCheck),
    stateful_step_count=25,
    max_examples=14,
    derandomize=True,
    database=None,
    print_blob=True,
)
"""What every test run plays: the same each time, so that it never fails by luck."""

LONG = settings(PLAY, max_examples=int(EXAMPLES or 1), derandomize=False)
"""Other plays each time, as many as asked for."""

SEARCH = settings(PLAY, max_examples=500, phases=[Phase.generate], print_blob=False)
"""Ends at the first fault that is found, and does not make it smaller."""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        one = House(tmp_path_factory.mktemp("machine"), monkeypatch)
        yield one
        one.close()


@pytest.mark.timeout(0)
def test_whatever_happens_in_whatever_order_nobody_loses_a_disk_and_nothing_is_stuck(house: House) -> None:
    Machine.house = house
    run_state_machine_as_test(Machine, settings=LONG if EXAMPLES else PLAY)


@pytest.mark.crash
@pytest.mark.timeout(600)
@pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: planted.name)
def test_the_machine_finds_a_fault_that_was_planted(house: House, planted: Planted) -> None:
    Machine.house = house
    with pytest.MonkeyPatch.context() as patch, pytest.raises(AssertionError, match=planted.shows):
        planted.plant(patch)
        run_state_machine_as_test(Machine, settings=SEARCH)


def test_a_server_of_two_services_and_a_service_with_two_servers_are_seen() -> None:
    assert list(one_to_one([(1, 7), (2, 8)])) == []
    assert [line.partition(":")[0] for line in one_to_one([(1, 7), (1, 8)])] == ["server 1 has 2 claims"]
    assert [line.partition(":")[0] for line in one_to_one([(1, 7), (2, 7)])] == ["service 7 has 2 claims"]
