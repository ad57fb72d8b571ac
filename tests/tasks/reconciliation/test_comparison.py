from datetime import timedelta

import pytest

from flows.activate import activate
from ledger import proofs, reconciliation, requests
from ledger.errors import LedgerError
from ledger.hold_reasons import HoldReason
from ledger.proofs import EVERY_ENTRY, Backing
from runtime.connections import connections, whmcs_api
from tasks.reconciliation.comparison import LEASE, comparing
from tasks.reconciliation.differences import Drift, Repair
from tests.harness import PANEL, Harness, forget_proofs, trust_panel
from tests.stories.scenario import activated, is_held, midway, one_line
from tests.tasks.reconciliation.scenario import changes, look, only, open_request, reconcile_once


async def test_addresses_in_another_order_or_in_one_field_are_the_same(harness: Harness) -> None:
    service_id, _ = await activated(harness, ipv4_count=2)
    billed = harness.billed(service_id)
    first, second = billed.assigned_ips.split()
    billed.dedicated_ip, billed.assigned_ips = second, first
    assert (await look(harness)).differences == []


async def test_a_service_that_a_run_works_on_is_left_to_it(harness: Harness) -> None:
    await activated(harness)
    service_id = harness.buy()
    async with midway(harness, harness.run(activate, service_id, order=harness.order())):
        assert (await look(harness)).differences == []
        await reconcile_once(harness)


async def test_one_that_a_run_finished_while_the_sources_were_read_is_left_alone(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    service_id, server = await activated(harness)
    harness.panel.admin.switch_port(server.id, "down")
    whmcs = (await whmcs_api()).services
    list_them = whmcs.all

    async def something_runs_meanwhile(product: int | None = None) -> object:
        driver = await open_request(harness, service_id)
        await requests.close(harness.ledger, driver, outcome="done", message=None, now=harness.clock.now())
        return await list_them(product)

    await reconcile_once(harness, "report")  # it learns the product
    monkeypatch.setattr(whmcs, "all", something_runs_meanwhile)
    assert (await look(harness)).differences == []


async def test_a_stalled_run_and_one_that_takes_too_long_are_told(harness: Harness) -> None:
    silent, _ = await activated(harness)
    endless, _ = await activated(harness)
    await open_request(harness, silent, "run-1")
    driver = await open_request(harness, endless, "run-2")
    harness.clock.simulated.advance(timedelta(hours=25).total_seconds())
    await requests.beat(harness.ledger, [driver], now=harness.clock.now())
    found = (await look(harness)).differences
    assert [(one.service_id, one.drift) for one in found] == [
        (silent, Drift.RUN_SILENT),
        (endless, Drift.REQUEST_TOO_LONG),
    ]


async def test_a_deletion_that_sits_its_wipe_delay_out_does_not_take_too_long(harness: Harness) -> None:
    service_id, _ = await activated(harness, wipe_delay_hours=48)
    driver = await open_request(harness, service_id, action="terminate")
    for hours, expected in ((48, []), (25, [Drift.REQUEST_TOO_LONG])):
        harness.clock.simulated.advance(timedelta(hours=hours).total_seconds())
        await requests.beat(harness.ledger, [driver], now=harness.clock.now())
        assert [one.drift for one in (await look(harness)).differences] == expected


async def test_a_service_that_is_held_for_a_day_is_told(harness: Harness) -> None:
    service_id, server = await activated(harness)
    harness.panel.admin.set_owner(server.id, None)
    await reconcile_once(harness)
    await is_held(harness, service_id, HoldReason.OWNER_CHANGED)
    harness.clock.simulated.advance(timedelta(hours=25).total_seconds())
    assert (await only(harness)).drift is Drift.HELD_TOO_LONG


async def test_an_activation_that_nobody_goes_on_with_is_told(harness: Harness) -> None:
    service_id = harness.buy()
    harness.panel.fail_next("os_install")
    await one_line(harness.run(activate, service_id, order=harness.order()))
    assert (await look(harness)).differences == []
    harness.clock.simulated.advance(timedelta(hours=1).total_seconds())
    assert (await only(harness)).drift is Drift.STANDS_MIDWAY


async def test_a_free_server_with_an_os_on_it_is_dirty(harness: Harness) -> None:
    await activated(harness)
    harness.panel.admin.start_operation(9, "os_install")
    harness.clock.simulated.advance(60)
    difference = await only(harness)
    assert (difference.drift, difference.server_id) == (Drift.DIRTY_FREE_SERVER, 9)


async def test_two_runs_never_compare_one_panel(harness: Harness) -> None:
    async with comparing(PANEL):
        with pytest.raises(LedgerError, match="reconciles panel main until"):
            async with comparing(PANEL):
                pass
        assert "reconciles panel main until" in await one_line(reconcile_once(harness))
    await reconcile_once(harness)


async def test_a_run_that_lost_its_turn_repairs_nothing(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    _, server = await activated(harness)
    harness.panel.admin.switch_port(server.id, "down")
    servers = connections().panels[PANEL].servers
    list_them = servers.all

    async def slowly() -> object:
        found = await list_them()
        harness.clock.simulated.advance(LEASE.total_seconds() + 1)
        await reconciliation.begin(harness.ledger, PANEL, "another run", lease=LEASE, now=harness.clock.now())
        return found

    monkeypatch.setattr(servers, "all", slowly)

    async def stopped() -> None:
        assert "Another run reconciles panel main by now" in await one_line(reconcile_once(harness))

    assert await changes(harness, stopped()) == (0, 0)


async def test_a_run_that_died_while_it_repaired_and_comes_back_is_not_in_its_own_way(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    service_id, server = await activated(harness)
    harness.panel.admin.switch_port(server.id, "down")
    monkeypatch.setattr("tasks.reconciliation.comparison.run_id", lambda: "run-7")
    await reconciliation.begin(harness.ledger, PANEL, "run-7", lease=LEASE, now=harness.clock.now())
    await open_request(harness, service_id, "run-7", "reconcile")
    await reconcile_once(harness)
    harness.clock.simulated.advance(60)
    await reconcile_once(harness)
    assert all(port.admin_up for port in server.network_ports)


async def test_a_difference_keeps_the_time_when_it_was_first_seen(harness: Harness) -> None:
    _, server = await activated(harness)
    harness.panel.admin.switch_port(server.id, "down")
    await reconcile_once(harness, "report")
    seen = harness.clock.now()
    harness.clock.simulated.advance(3600)
    await reconcile_once(harness, "report")
    since = (await only(harness)).since
    assert since is not None
    assert seen - since < timedelta(seconds=5)


async def test_a_panel_with_clients_servers_and_unproved_calls_is_told_until_each_is_backed(harness: Harness) -> None:
    await forget_proofs(harness.ledger)
    assert (await look(harness)).differences == []  # nobody's server depends on it
    await trust_panel(harness.ledger)
    await activated(harness)
    assert (await look(harness)).differences == []
    await forget_proofs(harness.ledger)
    await reconcile_once(harness)
    first = await only(harness)
    assert (first.drift, first.repair, first.service_id) == (Drift.DIALECT_UNPROVED, Repair.NONE, None)
    assert "refused for clients' servers: user_create, " in first.what
    harness.clock.simulated.advance(3600)
    assert (await only(harness)).since == first.since  # known since it was first seen
    await trust_panel(harness.ledger)
    assert (await look(harness)).differences == []


async def test_what_a_panel_that_sold_before_may_still_use_is_told_too(harness: Harness) -> None:
    await activated(harness)
    await forget_proofs(harness.ledger)
    await proofs.record(
        harness.ledger, panel=PANEL, entry=EVERY_ENTRY, call="", words={}, backing=Backing.SOLD_BEFORE, who="dciflow",
        why="sold before proofs were kept", now=harness.clock.now(),
    )  # fmt: skip
    found = await only(harness)
    assert found.drift is Drift.DIALECT_UNPROVED
    assert found.what.startswith("used because it sold before proofs were kept: ")


async def test_services_that_are_newer_than_any_that_whmcs_shows_are_told_as_such(harness: Harness) -> None:
    older, _ = await activated(harness)
    saved = harness.whmcs.save()
    newer, _ = await activated(harness)
    harness.whmcs.restore(saved)
    (found,) = (await look(harness)).differences
    assert (found.drift, found.service_id) == (Drift.NOT_IN_WHMCS, newer)
    assert "if WHMCS was restored, type dciflow restored whmcs" in found.what
    assert str(older) in found.what
    del harness.whmcs.services[older]  # that one was deleted there, and newer ones are shown
    harness.buy()
    await activated(harness)
    what = {one.service_id: one.what for one in (await look(harness)).differences if one.drift is Drift.NOT_IN_WHMCS}
    assert "restored" not in what[older]
