"""A worker takes nothing and drives nothing on while a side was restored; it says so once."""

import asyncio
import logging

import httpx
import pytest

from runtime.incarnation import Standing
from tests.harness import Harness
from tests.worker.staged import Staged, runs
from worker import incarnation, janitor
from worker.incarnation import IncarnationWatch

BEHIND = Standing(why="The ledger is behind.", side="ledger")


class Looks:
    """What each look finds, in turn."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *found: Standing | Exception) -> None:
        self.found = list(found)
        monkeypatch.setattr(incarnation, "look", self)

    async def __call__(self) -> Standing:
        found = self.found.pop(0)
        if isinstance(found, Exception):
            raise found
        return found


async def test_runs_stay_scheduled_until_both_sides_belong_together(
    worker: Staged, harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker._incarnation.may_work = False
    worker.waiting = runs(2)
    Looks(monkeypatch, BEHIND, Standing())
    await worker._incarnation.once()
    assert await worker.get_and_submit_flow_runs() == []
    assert (len(worker.waiting), worker.asked) == (2, [])
    await worker._incarnation.once()
    assert len(await worker.get_and_submit_flow_runs()) == 2
    await worker.all_over()


async def test_what_it_executes_is_returned_to_the_queue(
    worker: Staged, harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker.waiting = [run] = runs(1)
    await worker.get_and_submit_flow_runs()
    await worker.taken.get()
    Looks(monkeypatch, BEHIND)
    (execution,) = worker.executing.values()
    await worker._incarnation.once()
    await asyncio.wait({execution.task})
    assert worker.server.told == {run.id: "AwaitingRetry"}


async def test_it_says_so_once_with_the_command_and_alerts_once(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    watch = IncarnationWatch(stop=lambda: None)
    Looks(monkeypatch, Standing(), BEHIND, BEHIND, BEHIND, Standing())
    with caplog.at_level(logging.WARNING, "dciflow.incarnation"):
        for _ in range(5):
            await watch.once()
    lines = [record.getMessage() for record in caplog.records if record.name == "dciflow.incarnation"]
    assert len(lines) == 2
    assert "dciflow restored ledger" in lines[0]
    assert "this worker works" in lines[1]
    assert [event for event, *_ in harness.events] == ["dciflow.restored"]
    assert watch.may_work


async def test_an_outage_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    watch = IncarnationWatch(stop=lambda: None)
    Looks(monkeypatch, httpx.ConnectError("away"), Standing(), httpx.ConnectError("away"), KeyError("a fault"))
    seen = []
    for _ in range(4):
        await watch.once()
        seen.append(watch.may_work)
    assert seen == [False, True, True, True]


async def test_the_janitor_drives_nothing_on(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []
    answers = iter([False, False])

    class Recorded:
        def __init__(self, *_: object) -> None:
            pass

        async def look(self) -> list[str]:
            looked.append("looked")
            return []

    def may_look() -> bool:
        for answer in answers:
            return answer
        raise asyncio.CancelledError

    monkeypatch.setattr(janitor, "WAIT_SECONDS", 0)
    monkeypatch.setattr(janitor, "LOOK_SECONDS", 0)
    monkeypatch.setattr(janitor, "PrefectRuns", lambda pool: pool)
    monkeypatch.setattr(janitor, "PrefectForms", lambda: None)
    monkeypatch.setattr(janitor, "StalledRuns", Recorded)
    monkeypatch.setattr(janitor, "HeldForms", Recorded)
    with pytest.raises(asyncio.CancelledError):
        await janitor.look_after("dcimanager", list, may_look=may_look)
    assert looked == []
