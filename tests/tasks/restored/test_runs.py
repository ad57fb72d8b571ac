"""Which of Prefect's runs are of before, and how they are read and ended."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from prefect.client.schemas.objects import FlowRun
from prefect.states import AwaitingRetry, Running, Scheduled, State

from ledger.incarnation import Side
from tasks.restored import runs
from tasks.restored.runs import OpenRun, PrefectOpenRuns, is_of_before

SEEN = datetime(2027, 1, 1, tzinfo=UTC)
OLD, NEW = SEEN - timedelta(days=1), SEEN + timedelta(minutes=1)


def run(flow: str = "terminate", *, created: datetime = OLD, began: bool = False, again: bool = False) -> OpenRun:
    return OpenRun(run_id="1", name="a run", flow=flow, created=created, began=began, is_scheduled_again=again)


@pytest.mark.parametrize("side", ["ledger", "prefect", "whmcs", "panel"])
def test_what_began_is_of_before_and_so_is_every_decision(side: Side) -> None:
    assert is_of_before(run(began=True, created=NEW), side, SEEN)
    assert is_of_before(run("decide-held", created=NEW), side, SEEN)
    assert is_of_before(run("reconcile", began=True, again=True), side, SEEN)
    assert not is_of_before(run("reconcile", again=True), side, SEEN)


@pytest.mark.parametrize("side", ["ledger", "whmcs", "panel"])
def test_an_unsuspension_that_was_given_back_goes_on_and_nothing_else_that_began(side: Side) -> None:
    returned = {"began": True, "was_returned": True}
    assert not is_of_before(run("unsuspend").model_copy(update=returned), side, SEEN)
    assert is_of_before(run("unsuspend", began=True), side, SEEN)
    assert is_of_before(run("suspend").model_copy(update=returned), side, SEEN)
    assert is_of_before(run("unsuspend").model_copy(update=returned), "prefect", SEEN)


@pytest.mark.parametrize("side", ["ledger", "whmcs", "panel"])
def test_what_nobody_began_goes_on_and_asks_whmcs(side: Side) -> None:
    assert not is_of_before(run(), side, SEEN)


def test_in_a_prefect_that_was_restored_only_what_came_since_goes_on() -> None:
    assert is_of_before(run(created=OLD), "prefect", SEEN)
    assert not is_of_before(run(created=NEW), "prefect", SEEN)
    assert not is_of_before(run(created=NEW), "prefect", None)


class Server:
    """Prefect's server with as many runs as a test wants, a page of them at a time."""

    def __init__(self, *there: FlowRun) -> None:
        self.there = list(there)
        self.ended: list[tuple[str, str]] = []

    async def __aenter__(self) -> "Server":
        return self

    async def __aexit__(self, *_: object) -> None: ...

    async def read_flow_runs(self, *, limit: int, offset: int, **_: object) -> list[FlowRun]:
        return self.there[offset : offset + limit]

    async def read_flows(self, **_: object) -> list[SimpleNamespace]:
        return [SimpleNamespace(id=one, name="terminate") for one in {run.flow_id for run in self.there}]

    async def set_flow_run_state(self, run_id: object, state: "State[Any]", force: bool = False) -> None:
        assert force
        self.ended.append((str(run_id), state.name or ""))


def flow_run(state: "State[Any]", **more: Any) -> FlowRun:
    return FlowRun(flow_id=uuid4(), name="a run", state=state, created=OLD, **more)


async def test_all_runs_are_read_and_it_is_told_which_began(monkeypatch: pytest.MonkeyPatch) -> None:
    many = [flow_run(Scheduled()) for _ in range(runs.PAGE)]
    server = Server(*many, flow_run(Running()), flow_run(AwaitingRetry(), run_count=1), flow_run(Scheduled()))
    monkeypatch.setattr(runs, "get_client", lambda: server)
    found = await PrefectOpenRuns("dcimanager").not_over()
    assert [one.began for one in found[runs.PAGE :]] == [True, True, False]
    assert [one.at_work for one in found[runs.PAGE :]] == [True, False, False]
    assert [one.was_returned for one in found[runs.PAGE :]] == [False, True, False]
    assert {one.flow for one in found} == {"terminate"}
    await PrefectOpenRuns("dcimanager").end(found[-1], "restored")
    assert server.ended == [(found[-1].run_id, "Cancelled")]


async def test_a_prefect_without_runs_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "get_client", Server)
    assert await PrefectOpenRuns("dcimanager").not_over() == []
