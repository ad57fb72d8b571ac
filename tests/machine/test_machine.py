import os
import re
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.crash.crash_points import EVERY
from tests.machine.harness import MachineLedger
from tests.machine.invariants import one_to_one
from tests.machine.machine import Machine
from tests.machine.planted import (
    GOES_ON,
    INSTALLED_OVER,
    NAME_NOT_CHECKED,
    ON_PURPOSE,
    OWNER_NOT_CHECKED,
    PLANTED,
    Planted,
)
from tests.machine.presses import ANOTHERS, DEBIAN, NAME

EXAMPLES = os.environ.get("DCIFLOW_MACHINE_EXAMPLES")
"""How many examples, other ones each time: `make play`, for minutes or for a night."""

PLAY = settings(
    deadline=None,
    suppress_health_check=list(HealthCheck),
    stateful_step_count=25,
    max_examples=14,
    derandomize=True,
    database=None,
    print_blob=True,
)
"""The examples of every test run: the same each time, so that it never fails by luck."""

LONG = settings(PLAY, max_examples=int(EXAMPLES or 1), derandomize=False)
"""Other examples each time, as many as asked for."""

SEARCH = settings(PLAY, max_examples=500, phases=[Phase.generate], print_blob=False)
"""Ends at the first fault that is found, and does not make it smaller."""


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MachineLedger]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        one = MachineLedger(tmp_path_factory.mktemp("machine"), monkeypatch)
        yield one
        one.close()


@pytest.mark.timeout(0)
def test_whatever_happens_in_whatever_order_nobody_loses_a_disk_and_nothing_is_stuck(shared: MachineLedger) -> None:
    Machine.shared = shared
    run_state_machine_as_test(Machine, settings=LONG if EXAMPLES else PLAY)


@pytest.mark.crash
@pytest.mark.timeout(600)
@pytest.mark.parametrize("planted", PLANTED[:: len(PLANTED) if EVERY > 1 else 1], ids=lambda planted: planted.name)
def test_the_machine_finds_a_fault_that_was_planted(shared: MachineLedger, planted: Planted) -> None:
    Machine.shared = shared
    with pytest.MonkeyPatch.context() as patch, pytest.raises(AssertionError, match=planted.shows):
        planted.plant(patch)
        run_state_machine_as_test(Machine, settings=SEARCH)


@pytest.mark.parametrize("fault", [OWNER_NOT_CHECKED, GOES_ON, *ON_PURPOSE], ids=lambda fault: fault.name)
def test_what_a_press_does_to_a_server_is_judged_at_each_call(shared: MachineLedger, fault: Planted) -> None:
    Machine.shared = shared
    for is_planted in (False, True):
        machine = Machine()
        with pytest.MonkeyPatch.context() as patch:
            if is_planted:
                fault.plant(patch)
            service = machine.a_client_has_a_server(0)
            off = ("power", {"command": "off"})
            if fault is GOES_ON:
                machine.press_and_be_gone_over(service, off, "client", 1)
            elif fault is NAME_NOT_CHECKED:
                machine.a_client_has_a_server(1)
                machine.press(service, ("set-ptr", {"name": NAME, "address": ANOTHERS}), "client", 11, [])
            else:
                pressed = ("reinstall", {"os_template": DEBIAN}) if fault is INSTALLED_OVER else off
                machine.press_when_it_is_taken(service, pressed, "client", "give_away")
        wrong = "; ".join(machine.setup.guard.wrongs)
        machine.setup.close()
        assert re.search(fault.shows, wrong) if is_planted else wrong == ""


def test_a_server_of_two_services_and_a_service_with_two_servers_are_seen() -> None:
    assert list(one_to_one([(1, 7), (2, 8)])) == []
    assert [line.partition(":")[0] for line in one_to_one([(1, 7), (1, 8)])] == ["server 1 has 2 claims"]
    assert [line.partition(":")[0] for line in one_to_one([(1, 7), (2, 7)])] == ["service 7 has 2 claims"]
