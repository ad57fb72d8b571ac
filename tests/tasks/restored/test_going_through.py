"""It is repeated after an interruption at any point, and no worker takes a run before its end."""

from datetime import timedelta
from pathlib import Path

import pytest

from flows.suspend import suspend
from flows.unsuspend import unsuspend
from ledger import incarnation, server_notes
from ledger.errors import NothingRuns
from ledger.states import State
from runtime.errors import StepRefused
from runtime.incarnation import look
from tasks.restored import going_through
from tasks.restored.going_through import Plan, go_through, plan
from tasks.restored.runs import OpenRun
from tests.harness import PANEL, START, Harness
from tests.stories.moments import PHOTOGRAPHS, brought_back_since, owner_cleared_since
from tests.stories.restoring import BackUps
from tests.stories.scenario import activated, is_held
from worker.incarnation import LOOK_SECONDS
from worker.limits import RETURN_SECONDS


class Killed(BaseException):
    """The command's process is gone."""


@pytest.fixture
def backups(harness: Harness, tmp_path: Path) -> BackUps:
    return BackUps(harness, tmp_path)


async def whole(backups: BackUps) -> Plan:
    return await go_through("ledger", backups.runs, who="shift", say=lambda line: None)


async def test_killed_at_any_commit_it_is_repeated_and_ends_as_if_it_had_not_been(
    harness: Harness, backups: BackUps
) -> None:
    service_id, server = await brought_back_since(harness, backups)
    await backups.restore("ledger")
    for survived in range(50):
        left = [survived]

        def dies(left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] < 0:
                raise Killed

        harness.ledger.after_commit[:] = [dies]
        try:
            await whole(backups)
        except Killed:
            harness.ledger.after_commit.clear()
            if (await look()).is_good:  # it died right after its last commit
                break
            with pytest.raises(NothingRuns):
                await harness.run(suspend, service_id)
        else:
            break
        finally:
            harness.ledger.after_commit.clear()
    assert 3 < survived < 50
    assert (await look()).is_good
    held = await is_held(harness, service_id, "restored")
    assert held.held_from is State.RELEASING
    assert PHOTOGRAPHS in server.disk.content


async def test_killed_between_prefect_and_ledger_it_waits(
    harness: Harness, backups: BackUps, monkeypatch: pytest.MonkeyPatch
) -> None:
    await brought_back_since(harness, backups)
    await backups.restore("ledger")

    async def dies(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(incarnation, "renew", dies)
        with pytest.raises(Killed):
            await whole(backups)
    assert not (await look()).is_good
    await whole(backups)
    assert (await look()).is_good


async def test_the_plan_changes_nothing(harness: Harness, backups: BackUps) -> None:
    service_id, _ = await owner_cleared_since(harness, backups)
    was, known, outside = await harness.service(service_id), await incarnation.current(harness.ledger), harness.outside
    planned = await plan("prefect", backups.runs)
    assert len(planned.of("hold")) == 1
    assert await harness.service(service_id) == was
    assert await incarnation.current(harness.ledger) == known
    assert harness.outside == outside
    assert await server_notes.listed(harness.ledger, PANEL) == []


async def test_another_sides_restoration_waits_for_the_first_one(harness: Harness, backups: BackUps) -> None:
    await look()
    await incarnation.begin_restoring(harness.ledger, "panel", now=harness.clock.now())
    with pytest.raises(StepRefused, match="Finish it first: dciflow restored panel"):
        await whole(backups)


async def test_a_panel_that_does_not_answer_lets_nothing_go_on(harness: Harness, backups: BackUps) -> None:
    service_id, _ = await activated(harness)
    await backups.work_goes_on()
    harness.panel.servers.clear()
    with pytest.raises(StepRefused, match="lists no servers at all"):
        await go_through("panel", backups.runs, who="shift", say=lambda line: None)
    harness.clock.simulated.advance(timedelta(hours=1).total_seconds())
    assert (await look()).side == "panel"
    assert (await harness.service(service_id)).state is State.ACTIVE


async def test_a_rehearsal_that_stands_midway_is_held_too(harness: Harness, backups: BackUps) -> None:
    from flows.rehearse import rehearse

    def dies() -> None:
        raise Killed

    harness.faults.admin_acts_before("os_install", 1, dies)
    with pytest.raises(Killed):
        await rehearse.fn(panel=PANEL, server=3, clear_its_disks=True)
    harness.faults.clear()
    done = await go_through("ledger", backups.runs, who="shift", say=lambda line: None)
    assert [(one.does, one.server_id) for one in done.findings if one.service_id == -1] == [("hold", 3)]
    assert (await harness.service(-1)).held_reason == "restored"
    assert 3 not in await server_notes.aside(harness.ledger, PANEL)


AT_WORK = OpenRun(
    run_id="1", name="a run", flow="terminate", created=START, began=True, is_scheduled_again=False, at_work=True
)


class WithAWorker:
    """Prefect, and a worker that is up: it gives its run back over whatever Prefect shows."""

    def __init__(self) -> None:
        self.there = [AT_WORK]
        self.ended: list[str] = []

    def gives_back(self) -> None:
        self.there = [AT_WORK.model_copy(update={"at_work": False, "was_returned": True})]

    async def not_over(self) -> list[OpenRun]:
        return list(self.there)

    async def end(self, run: OpenRun, why: str) -> None:
        self.there.remove(run)
        self.ended.append("at work" if run.at_work else "given back")


async def test_workers_that_are_up_are_waited_for_and_what_they_give_back_is_ended(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = WithAWorker()
    said: list[str] = []
    waited: list[float] = []

    async def wait(seconds: float) -> None:
        waited.append(seconds)
        there.gives_back()

    monkeypatch.setattr(going_through, "sleep", wait)
    await go_through("panel", there, who="shift", say=said.append)
    assert waited == [LOOK_SECONDS + RETURN_SECONDS]
    assert there.ended == ["given back"]
    assert sum("25 s" in line for line in said) == 1


async def test_what_a_worker_gives_back_late_is_ended_before_workers_go_on(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = WithAWorker()

    async def wait(seconds: float) -> None: ...

    def say(line: str) -> None:
        if "are closed" in line:
            there.gives_back()

    monkeypatch.setattr(going_through, "sleep", wait)
    await go_through("panel", there, who="shift", say=say)
    assert there.ended == ["at work", "given back"]
    assert there.there == []
    assert (await look()).is_good


async def test_where_nothing_is_at_work_nothing_is_waited_for(
    harness: Harness, backups: BackUps, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def wait(seconds: float) -> None:
        pytest.fail("nobody is waited for")

    monkeypatch.setattr(going_through, "sleep", wait)
    await whole(backups)


@pytest.mark.parametrize("interrupted", ["before", "after"])
async def test_a_client_who_paid_is_put_back_on_the_network_by_the_run_that_was_interrupted(
    harness: Harness, backups: BackUps, interrupted: str
) -> None:
    service_id, server = await activated(harness)
    await harness.run(suspend, service_id)

    def dies() -> None:
        raise Killed

    acts = harness.faults.admin_acts_before if interrupted == "before" else harness.faults.admin_acts_after
    acts("port_on", 1, dies)
    with pytest.raises(Killed):
        await harness.run(unsuspend, service_id)
    harness.faults.clear()
    await go_through("panel", backups.runs, who="shift", say=lambda line: None)
    assert (await harness.service(service_id)).state is State.SUSPENDED
    await harness.run(unsuspend, service_id)
    assert (await harness.service(service_id)).state is State.ACTIVE
    assert all(port.admin_up for port in server.ports if not port.is_bmc)
