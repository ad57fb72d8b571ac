"""A server that fails stops only itself (safety rule 18): it is set aside, and its service gets another one."""

from typing import Any

import pytest

from flows.activate import activate
from flows.suspend import suspend
from flows.terminate import terminate
from flows.unsuspend import unsuspend
from flows.watch_os_install import watch_os_install
from ledger import server_notes
from ledger.snapshots import FIRST_LEFTOVER
from ledger.states import State
from simulator.panel.profile import XEON
from tasks.held.decisions import DecisionRequest, carry_out
from tasks.published.catalogue import read_catalogue
from tasks.reconciliation.differences import Drift, Repair
from tasks.service_summary import ways_out
from tests.harness import PANEL, Harness
from tests.stories.scenario import activated, cancelled_meanwhile, is_held, one_line, only_fit, promised, sent
from tests.tasks.reconciliation.scenario import look


async def fails_on(harness: Harness, server_id: int, service_id: int, **order: Any) -> str:
    """One run of an activation whose installation fails on that server."""
    harness.panel.fail_next("os_install", server_id)
    return await one_line(harness.run(activate, service_id, **order))


async def test_a_server_on_which_three_activations_failed_is_set_aside_and_reported(harness: Harness) -> None:
    server = only_fit(harness, 1)
    service_id = harness.buy()
    for number in range(3):
        await fails_on(harness, server.id, service_id, **({"order": harness.order()} if not number else {}))
    (note,) = await server_notes.listed(harness.ledger, PANEL)
    assert (note.server_id, note.failures, note.who) == (1, 3, "dciflow")
    found = {one.drift: one for one in (await look(harness)).differences}
    assert (found[Drift.SET_ASIDE].server_id, found[Drift.SET_ASIDE].repair) == (1, Repair.NONE)
    assert "3 activations failed on it" in found[Drift.SET_ASIDE].what
    await harness.run(terminate, service_id)
    line = await one_line(harness.run(activate, harness.buy(), order=harness.order()))
    assert "1 set aside" in line
    offered = {one.name: one.total for one in (await read_catalogue(PANEL)).configurations}
    assert offered[XEON] == 0
    await server_notes.allow(
        harness.ledger, panel=PANEL, server_id=1, who="shift", why="new disk", now=harness.clock.now()
    )
    assert (await activated(harness))[1] is server
    assert await server_notes.listed(harness.ledger, PANEL) == []


async def test_what_is_not_the_servers_fault_does_not_count_against_it(harness: Harness) -> None:
    service_id = harness.buy()
    cancelled_meanwhile(harness, service_id)
    await one_line(harness.run(activate, service_id, order=harness.order()))
    assert await server_notes.listed(harness.ledger) == []


async def test_a_failure_that_a_watcher_saw_counts_too(harness: Harness) -> None:
    server = only_fit(harness, 1)
    service_id = harness.buy()
    harness.panel.fail_next("os_install", server.id)
    await harness.run(activate, service_id, order=harness.order(wait_for_os=False))
    await one_line(harness.run(watch_os_install, service_id))
    (note,) = await server_notes.listed(harness.ledger, PANEL)
    assert (note.server_id, note.failures) == (1, 1)


async def test_a_service_gets_another_server_and_its_old_one_is_wiped_and_never_its_again(harness: Harness) -> None:
    server = only_fit(harness, 1)
    service_id = harness.buy()
    await fails_on(harness, server.id, service_id, order=harness.order())
    harness.panel.admin.protect(2, on=False)
    verdict = DecisionRequest(choice="another-server", who="shift", why="it never boots")
    said = await carry_out(service_id, verdict)
    assert said == f"Service {service_id} is NEW again; activate is started."
    assert [(name, parameters["service_id"]) for name, parameters, _ in harness.started] == [
        ("terminate/whmcs", FIRST_LEFTOVER),
        ("activate/whmcs", service_id),
    ]
    await harness.run(activate, service_id)
    assert (await harness.server(service_id)).id == 2
    asked = len(harness.whmcs.requests)
    await harness.run(terminate, FIRST_LEFTOVER, requested_by="admin")
    assert len(harness.whmcs.requests) == asked
    assert (await harness.service(FIRST_LEFTOVER)).state is State.RELEASED
    assert harness.panel.world.owner_email(server) is None
    assert await promised(harness) == {2: service_id}
    assert "set aside" in await one_line(harness.run(activate, harness.buy(), order=harness.order()))


async def test_a_leftover_that_nobody_takes_back_is_reported_and_never_missed_in_whmcs(harness: Harness) -> None:
    server = only_fit(harness, 1)
    service_id = harness.buy()
    await fails_on(harness, server.id, service_id, order=harness.order())
    await carry_out(service_id, DecisionRequest(choice="another-server", who="shift", why="it never boots"))
    harness.clock.simulated.advance(3600)
    found = {(one.service_id, one.drift) for one in (await look(harness)).differences}
    assert (FIRST_LEFTOVER, Drift.STANDS_MIDWAY) in found
    assert not any(drift is Drift.NOT_IN_WHMCS for _, drift in found)


@pytest.mark.parametrize("flow", [activate, suspend, unsuspend], ids=lambda flow: flow.name)
async def test_a_leftover_can_only_be_terminated(harness: Harness, flow: Any) -> None:
    line = await one_line(harness.run(flow, FIRST_LEFTOVER))
    assert "it can only be terminated" in line


async def test_a_server_that_a_person_took_meanwhile_is_not_wiped_as_a_leftover(harness: Harness) -> None:
    server = only_fit(harness, 1)
    service_id = harness.buy()
    await fails_on(harness, server.id, service_id, order=harness.order())
    await carry_out(service_id, DecisionRequest(choice="another-server", who="shift", why="it never boots"))
    harness.panel.admin.set_owner(1, "somebody@example.com")
    await one_line(harness.run(terminate, FIRST_LEFTOVER, requested_by="admin"))
    await is_held(harness, FIRST_LEFTOVER, "owner-changed")
    assert sent(harness, "diagnostics") == []


async def test_a_decision_that_was_interrupted_starts_its_runs_and_moves_nothing_again(harness: Harness) -> None:
    server = only_fit(harness, 1)
    service_id = harness.buy()
    await fails_on(harness, server.id, service_id, order=harness.order())
    verdict = DecisionRequest(choice="another-server", who="shift", why="it never boots", flow_run_id="run-9")
    for _ in range(2):
        await carry_out(service_id, verdict)
    assert [parameters["service_id"] for _, parameters, _ in harness.started] == [FIRST_LEFTOVER, service_id] * 2
    assert await promised(harness) == {1: FIRST_LEFTOVER}


async def test_a_held_activation_shows_that_it_may_get_another_server(harness: Harness) -> None:
    server = only_fit(harness, 1)
    service_id = harness.buy()
    await fails_on(harness, server.id, service_id, order=harness.order())
    server.serial = "OTHER"
    await one_line(harness.run(activate, service_id))
    held = await is_held(harness, service_id, "hardware-changed")
    assert ways_out(held) == ("retry", "accept-hardware", "another-server")
    await carry_out(service_id, DecisionRequest(choice="another-server", who="shift", why="another machine"))
    await one_line(harness.run(terminate, FIRST_LEFTOVER, requested_by="admin"))
    await is_held(harness, FIRST_LEFTOVER, "hardware-changed")
    assert sent(harness, "diagnostics") == []
