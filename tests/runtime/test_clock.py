"""Deadlines are counted; what workers compare is the time of the ledger's database."""

from datetime import UTC, datetime, timedelta

import pytest

from runtime.clock import WallClock, seconds, set_clock

HOURS_2 = timedelta(hours=2)


class Machine:
    """A machine whose clock can be set, and whose counter only ever goes on."""

    def __init__(self) -> None:
        self.wall = datetime(2027, 1, 1, tzinfo=UTC)
        self.counted = 100.0

    def passes(self, seconds: float) -> None:
        self.wall += timedelta(seconds=seconds)
        self.counted += seconds

    def clock(self, speed: float = 1.0) -> WallClock:
        return WallClock(speed, wall=lambda: self.wall, count=lambda: self.counted)


@pytest.mark.parametrize("step", [HOURS_2, -HOURS_2])
def test_a_machine_whose_clock_is_set_makes_nothing_older_or_younger(step: timedelta) -> None:
    machine = Machine()
    clock = machine.clock()
    began = clock.now()
    machine.passes(66)
    machine.wall += step
    assert clock.elapsed(began) == timedelta(seconds=66)


@pytest.mark.parametrize("step", [HOURS_2, -HOURS_2])
def test_a_database_whose_clock_is_set_is_followed_and_makes_nothing_older(step: timedelta) -> None:
    machine = Machine()
    clock = machine.clock()
    clock.follow(machine.wall)
    began = clock.now()
    machine.passes(60)
    clock.follow(machine.wall + step)
    machine.passes(6)
    assert clock.now() == machine.wall + step
    assert clock.elapsed(began) == timedelta(seconds=66)
    later = clock.now()
    machine.passes(10)
    assert clock.elapsed(later) == timedelta(seconds=10)


def test_what_another_worker_wrote_right_after_the_step_is_as_old_as_it_is() -> None:
    machine = Machine()
    clock = machine.clock()
    clock.follow(machine.wall)
    machine.passes(60)
    written_by_another = machine.wall - timedelta(seconds=20) + HOURS_2
    clock.follow(machine.wall + HOURS_2)
    assert clock.elapsed(written_by_another) == timedelta(seconds=20)
    written_by_a_wrong_clock = machine.wall + HOURS_2 / 2
    assert clock.elapsed(written_by_a_wrong_clock) == timedelta(seconds=60)


def test_two_workers_whose_machines_are_95_seconds_apart_have_one_time() -> None:
    right, wrong = Machine(), Machine()
    wrong.wall += timedelta(seconds=95)
    one, other = right.clock(), wrong.clock()
    assert one.follow(right.wall) == timedelta(0)
    assert other.follow(right.wall) == -timedelta(seconds=95)
    assert one.now() == other.now()


def test_what_an_earlier_process_wrote_is_as_old_as_the_ledger_says() -> None:
    machine = Machine()
    clock = machine.clock()
    told = machine.wall + timedelta(seconds=95)
    clock.follow(told)
    assert clock.elapsed(told - timedelta(days=1)) == timedelta(days=1)


def test_the_seconds_of_a_clock_that_runs_faster_are_its_own() -> None:
    machine = Machine()
    clock = machine.clock(speed=60)
    set_clock(clock)
    before, began = seconds(), clock.now()
    machine.passes(10)
    assert seconds() - before == pytest.approx(600)
    assert clock.elapsed(began) == timedelta(seconds=600)
