"""A panel that does not answer is left out of a restoration: nothing runs on it until it was compared, too."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dcimanager.errors import PanelUnreachable
from flows.activate import activate
from flows.reconcile import reconcile
from flows.suspend import suspend
from flows.terminate import terminate
from ledger import incarnation, server_notes
from ledger.errors import LedgerError, LeftOut
from ledger.states import State
from runtime.errors import StepRefused
from runtime.incarnation import look
from tasks.held.decisions import DecisionRequest, carry_out
from tasks.restored import going_through
from tasks.restored.going_through import go_through, plan, plan_left_out, take_in_left_out
from tests.harness import PANEL, Harness
from tests.stories.moments import PHOTOGRAPHS, brought_back_since, owner_cleared_since
from tests.stories.restoring import BackUps
from tests.stories.scenario import activated, is_held

DEAD = "dead"


@pytest.fixture
def backups(harness: Harness, tmp_path: Path) -> BackUps:
    return BackUps(harness, tmp_path)


def quiet(line: str) -> None: ...


async def without(backups: BackUps, *panels: str) -> None:
    await go_through("ledger", backups.runs, who="shift", say=quiet, without=panels)


@pytest.fixture
def away(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> dict[str, bool]:
    """Whether the panel answers nobody, and a second panel that never does."""
    known = {"is away": True}
    read_sources = going_through.read_sources

    async def read(panel: str, *more: Any, **also: Any) -> Any:
        if panel == DEAD or known["is away"]:
            raise PanelUnreachable("It does not answer.")
        return await read_sources(panel, *more, **also)

    async def names() -> list[str]:
        return [DEAD, PANEL]

    monkeypatch.setattr(going_through, "read_sources", read)
    monkeypatch.setattr(going_through, "connections", lambda: SimpleNamespace(name_panels=names))
    return known


async def test_a_dead_panel_keeps_the_command_waiting_unless_it_is_left_out(
    harness: Harness, backups: BackUps, away: dict[str, bool]
) -> None:
    service_id, _ = await activated(harness)
    away["is away"] = False
    with pytest.raises(PanelUnreachable):
        await without(backups)
    assert not (await look()).is_good
    await without(backups, DEAD)
    assert (await look()).is_good
    await harness.run(suspend, service_id)
    assert (await harness.service(service_id)).state is State.SUSPENDED


async def test_nothing_runs_on_what_was_left_out_and_its_services_stay_as_they_are(
    harness: Harness, backups: BackUps, away: dict[str, bool]
) -> None:
    service_id, server = await activated(harness)
    was = await harness.service(service_id)
    await without(backups, PANEL, DEAD)
    new, calls = harness.buy(), len(harness.panel.requests)
    for flow, number, more in (
        (suspend, service_id, {}),
        (terminate, service_id, {}),
        (activate, new, {"order": harness.order()}),
    ):
        with pytest.raises(LeftOut, match=f"dciflow restored ledger --only {PANEL}"):
            await harness.run(flow, number, **more)
    with pytest.raises(StepRefused, match="was left out when the ledger was restored"):
        await reconcile.fn(panel=PANEL, repair="safe")
    assert len(harness.panel.requests) == calls
    now = await harness.service(service_id)
    assert (now.state, now.claim) == (was.state, was.claim)
    assert server.owner_id is not None


async def test_when_it_answers_it_is_compared_as_all_others_were(
    harness: Harness, backups: BackUps, away: dict[str, bool]
) -> None:
    service_id, server = await brought_back_since(harness, backups)
    await backups.restore("ledger")
    await without(backups, PANEL, DEAD)
    with pytest.raises(PanelUnreachable):
        await take_in_left_out("ledger", PANEL, who="shift", say=quiet)
    assert PANEL in await incarnation.left_out(harness.ledger, "ledger")
    away["is away"] = False
    planned = await plan_left_out("ledger", PANEL)
    assert (await harness.service(service_id)).state is State.RELEASING
    done = await take_in_left_out("ledger", PANEL, who="shift", say=quiet)
    assert planned == done
    assert len(done.of("hold")) == 1
    held = await is_held(harness, service_id, "restored")
    assert held.held_from is State.RELEASING
    assert list(await incarnation.left_out(harness.ledger, "ledger")) == [DEAD]
    assert "ACTIVE" in await carry_out(service_id, DecisionRequest(choice="release", who="shift", why="looked"))
    await harness.run(suspend, service_id)
    assert PHOTOGRAPHS in server.disk.content


async def test_its_unclean_servers_are_set_aside_before_anything_is_sold_from_it(
    harness: Harness, backups: BackUps, away: dict[str, bool]
) -> None:
    _, server = await owner_cleared_since(harness, backups)
    await backups.restore("ledger")
    await without(backups, PANEL, DEAD)
    assert server.id not in await server_notes.aside(harness.ledger, PANEL)
    away["is away"] = False
    await take_in_left_out("ledger", PANEL, who="shift", say=quiet)
    assert server.id in await server_notes.aside(harness.ledger, PANEL)


async def test_all_of_it_once_more_takes_it_in_too(
    harness: Harness, backups: BackUps, away: dict[str, bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    await activated(harness)
    await without(backups, PANEL, DEAD)

    async def names() -> list[str]:
        return [PANEL]

    monkeypatch.setattr(going_through, "connections", lambda: SimpleNamespace(name_panels=names))
    away["is away"] = False
    await without(backups)
    assert list(await incarnation.left_out(harness.ledger, "ledger")) == [DEAD]


async def test_a_panel_that_was_not_left_out_and_one_that_there_is_not_are_refused(
    harness: Harness, backups: BackUps, away: dict[str, bool]
) -> None:
    await activated(harness)
    with pytest.raises(StepRefused, match=r"There is no panel mian to leave out: dead, main\."):
        await plan("ledger", backups.runs, without=["mian"])
    with pytest.raises(StepRefused, match="There is no panel mian"):
        await without(backups, "mian")
    assert (await look()).is_good
    with pytest.raises(StepRefused, match=r"was not left out when the ledger was restored: none was\."):
        await plan_left_out("ledger", PANEL)
    await without(backups, PANEL, DEAD)
    with pytest.raises(StepRefused, match=r"was not left out when the whmcs was restored: none was\."):
        await plan_left_out("whmcs", PANEL)


async def test_it_waits_while_a_person_goes_through_another_restoration(
    harness: Harness, backups: BackUps, away: dict[str, bool]
) -> None:
    await activated(harness)
    await without(backups, PANEL, DEAD)
    await incarnation.begin_restoring(harness.ledger, "panel", now=harness.clock.now())
    with pytest.raises(StepRefused, match="Finish it first: dciflow restored panel"):
        await take_in_left_out("ledger", PANEL, who="shift", say=quiet)


async def test_the_plan_says_what_becomes_of_it(harness: Harness, backups: BackUps, away: dict[str, bool]) -> None:
    await activated(harness)
    away["is away"] = False
    planned = await plan("ledger", backups.runs, without=[PANEL, DEAD])
    (line,) = [one for one in planned.findings if one.panel == PANEL]
    assert "nothing runs on it; its 1 service(s) stay as they are" in line.what
    assert line.do == f"when it answers: dciflow restored ledger --only {PANEL}"
    assert await incarnation.left_out(harness.ledger, "ledger") == {}


async def test_a_panel_that_was_left_out_of_two_restorations_is_taken_into_each(
    harness: Harness, backups: BackUps, away: dict[str, bool]
) -> None:
    service_id, _ = await activated(harness)
    await without(backups, PANEL, DEAD)
    await go_through("whmcs", backups.runs, who="shift", say=quiet, without=[PANEL, DEAD])
    away["is away"] = False
    await take_in_left_out("ledger", PANEL, who="shift", say=quiet)
    with pytest.raises(LedgerError, match=f"restored whmcs --only {PANEL}"):
        await harness.run(suspend, service_id)
    await take_in_left_out("whmcs", PANEL, who="shift", say=quiet)
    await harness.run(suspend, service_id)
