import pytest

from ledger import requests, services
from ledger.database import Ledger
from ledger.errors import LedgerError, RequestInProgress, Superseded
from ledger.states import State
from tests.ledger.scenario import LedgerScenario, last_request


async def test_a_request_makes_its_run_the_driver(ledger: Ledger, story: LedgerScenario) -> None:
    driver = await story.ask()
    request = await last_request(ledger, 1)
    assert request is not None
    assert (request.id, request.epoch, request.flow_run_id) == (driver.request_id, driver.epoch, "run-1")
    assert (await story.service()).epoch == driver.epoch == 1
    assert await requests.open_requests(ledger) == [request]
    assert await requests.open_requests(ledger, "second") == []


async def test_another_run_is_told_who_is_busy(ledger: Ledger, story: LedgerScenario) -> None:
    await story.ask(run="run-1")
    with pytest.raises(RequestInProgress) as refusal:
        await story.ask(run="run-2", action="terminate")
    assert (refusal.value.request.action, refusal.value.request.flow_run_id) == ("activate", "run-1")
    assert str(refusal.value) == (
        "Service 1 is busy: activate runs since 2026-03-01 12:00:00 UTC (flow run run-1). Wait for it or cancel it."
    )


async def test_a_retry_in_place_goes_on_with_its_own_request(ledger: Ledger, story: LedgerScenario) -> None:
    first = await story.ask(run="run-1")
    second = await story.ask(run="run-1")
    assert second.request_id == first.request_id
    with pytest.raises(Superseded, match=r"\(activate, flow run run-1\)"):
        await requests.close(ledger, first, outcome="done", message=None, now=story.now)
    await requests.close(ledger, second, outcome="done", message=None, now=story.now)


async def test_a_silent_run_is_replaced(ledger: Ledger, story: LedgerScenario) -> None:
    first = await story.ask(run="run-1")
    await requests.beat(ledger, [first], story.later(minutes=2))
    story.later(minutes=5)
    with pytest.raises(RequestInProgress):
        await story.ask(run="run-2")
    story.later(seconds=1)
    await story.ask(run="run-2")
    with pytest.raises(Superseded, match="flow run run-2"):
        await requests.close(ledger, first, outcome="done", message=None, now=story.now)
    assert [request.flow_run_id for request in await requests.open_requests(ledger)] == ["run-2"]


async def test_one_beat_is_for_all_that_drive_and_for_nobody_else(ledger: Ledger, story: LedgerScenario) -> None:
    old = await story.ask(run="run-1")
    retried = await story.ask(run="run-1")
    other = await story.ask(2, run="run-2")
    began = story.now
    await requests.beat(ledger, [old], story.later(minutes=1))
    assert {request.heartbeat_at for request in await requests.open_requests(ledger)} == {began}
    await requests.beat(ledger, [retried, other], story.now)
    assert {request.heartbeat_at for request in await requests.open_requests(ledger)} == {story.now}
    await requests.beat(ledger, [], story.later(minutes=1))


async def test_who_asked_is_kept_with_the_request_that_was_opened_and_the_newest_one_is_found(
    ledger: Ledger, story: LedgerScenario
) -> None:
    assert await requests.last_of(ledger, 1) is None
    await story.ask(run="run-1")
    await _open(ledger, story, service_id=1, panel="main", who="anna")
    await _open(ledger, story, service_id=1, panel="main", who="boris")  # the same run again: it is the same request
    first = await requests.last_of(ledger, 1)
    assert first is not None
    assert (first.who, first.asked_by) == ("anna", "admin (anna)")
    await story.ask(run="run-10", takeover=True)
    second = await requests.last_of(ledger, 1)
    assert second is not None
    assert (second.flow_run_id, second.who, second.asked_by) == ("run-10", None, "api")


async def test_a_takeover_does_not_wait_for_silence(ledger: Ledger, story: LedgerScenario) -> None:
    await story.ask(run="run-1")
    await story.ask(run="run-2", takeover=True)
    assert [request.flow_run_id for request in await requests.open_requests(ledger, "main")] == ["run-2"]


async def test_only_the_request_that_was_seen_is_taken_over(ledger: Ledger, story: LedgerScenario) -> None:
    await story.ask(run="run-1")
    seen = await last_request(ledger, 1)
    await story.ask(run="run-2", takeover=True)
    with pytest.raises(RequestInProgress):
        await requests.open(
            ledger,
            service_id=1,
            panel="main",
            action="activate",
            flow_run_id="run-3",
            requested_by="api",
            now=story.now,
            silent_after=story.silent_after,
            takeover=seen,
        )
    assert [request.flow_run_id for request in await requests.open_requests(ledger, "main")] == ["run-2"]


async def test_a_request_of_an_unknown_service_is_refused(ledger: Ledger, story: LedgerScenario) -> None:
    with pytest.raises(LedgerError, match="does not know service 5"):
        await _open(ledger, story, service_id=5, panel="main")
    assert await last_request(ledger, 5) is None


async def test_a_request_on_the_wrong_panel_is_refused(ledger: Ledger, story: LedgerScenario) -> None:
    await story.reach(State.CLAIMED)
    with pytest.raises(LedgerError, match="has its server on panel main, not on second"):
        await _open(ledger, story, service_id=1, panel="second")


async def test_a_service_without_a_server_may_be_asked_for_on_another_panel(
    ledger: Ledger, story: LedgerScenario
) -> None:
    await story.ask()
    await _open(ledger, story, service_id=1, panel="second")
    assert (await story.service()).panel == "second"


async def test_a_command_that_a_held_service_refuses_does_not_move_it_to_another_panel(
    ledger: Ledger, story: LedgerScenario
) -> None:
    await story.hold(await story.ask())
    await _open(ledger, story, service_id=1, panel="second")
    assert (await story.service()).panel == "main"


async def test_a_closed_request_drives_no_more(ledger: Ledger, story: LedgerScenario) -> None:
    driver = await story.reach(State.INSTALLING)
    await requests.close(ledger, driver, outcome="done", message="ready", now=story.now, to=State.ACTIVE)
    assert (await story.service()).state is State.ACTIVE
    request = await last_request(ledger, 1)
    assert request is not None
    assert (request.outcome, request.message, request.closed_at) == ("done", "ready", story.now)
    with pytest.raises(Superseded, match="is closed"):
        await services.advance(ledger, driver, story.now, State.ACTIVE)


async def test_an_illegal_end_closes_nothing(ledger: Ledger, story: LedgerScenario) -> None:
    driver = await story.reach(State.CLAIMED)
    with pytest.raises(LedgerError, match="cannot become ACTIVE"):
        await requests.close(ledger, driver, outcome="done", message=None, now=story.now, to=State.ACTIVE)
    assert len(await requests.open_requests(ledger)) == 1


async def test_a_hold_ends_its_request(ledger: Ledger, story: LedgerScenario) -> None:
    driver = await story.reach(State.ACTIVE)
    await requests.hold_and_close(ledger, driver, reason="wrong owner", evidence="99", now=story.now)
    request = await last_request(ledger, 1)
    assert request is not None
    assert ((await story.service()).state, request.outcome, request.message) == (State.HELD, "held", "wrong owner")


async def test_the_last_request_is_the_newest(ledger: Ledger, story: LedgerScenario) -> None:
    driver = await story.ask(run="run-1")
    await requests.close(ledger, driver, outcome="failed", message="no fit server", now=story.now)
    await story.ask(run="run-2")
    request = await last_request(ledger, 1)
    assert request is not None
    assert request.flow_run_id == "run-2"


async def _open(ledger: Ledger, story: LedgerScenario, *, service_id: int, panel: str, who: str | None = None) -> None:
    await requests.open(
        ledger,
        service_id=service_id,
        panel=panel,
        action="suspend",
        flow_run_id="run-9",
        requested_by="admin",
        who=who,
        now=story.now,
        silent_after=story.silent_after,
        takeover=await last_request(ledger, service_id),
    )
