"""What waited, or comes again, is done only if WHMCS still wants it (safety rule 17)."""

import pytest

from flows.activate import activate
from flows.decide_held import decide_held
from flows.suspend import suspend
from flows.terminate import terminate
from ledger.states import State
from ledger.wishes import ServiceWish
from tasks.held.decisions import bring_back
from tests.conftest import HarnessMaker
from tests.harness import QUICK, Harness, empty
from tests.stories.billing import HOURS, MONTH, after, billed_as, pay, used
from tests.stories.scenario import activated, cancelled_meanwhile, is_held, midway, one_line


async def test_a_deletion_of_last_month_is_retried_after_the_client_paid(harness: Harness) -> None:
    service_id, server = await used(harness)
    wish = billed_as(harness, service_id, "Suspended")
    asked_at = harness.clock.now()
    harness.clock.simulated.advance(MONTH.total_seconds())
    pay(harness, service_id)
    before = len(harness.panel.writes())
    line = await one_line(harness.run(terminate, service_id, asked_at=asked_at, wish=wish))
    assert f"Service {service_id} is Active in WHMCS by now" in line
    assert "Delete it in WHMCS if it should go all the same" in line
    assert len(harness.panel.writes()) == before
    assert (await harness.service(service_id)).state is State.ACTIVE
    assert not server.disk.is_clear


async def test_a_deletion_that_waited_for_hours_is_done_when_whmcs_still_shows_it(harness: Harness) -> None:
    service_id, server = await used(harness)
    wish = billed_as(harness, service_id, "Suspended")
    asked_at = harness.clock.now()
    billed_as(harness, service_id, "Terminated")
    harness.clock.simulated.advance(HOURS.total_seconds())
    await harness.run(terminate, service_id, asked_at=asked_at, wish=wish)
    assert (await harness.service(service_id)).state is State.RELEASED
    assert server.disk.is_clear


async def test_a_deletion_that_waited_for_hours_while_staff_set_active_again_wipes_nothing(harness: Harness) -> None:
    service_id, server = await used(harness)
    wish = billed_as(harness, service_id, "Active")  # staff pressed Terminate, and took it back in WHMCS
    asked_at = harness.clock.now()
    harness.clock.simulated.advance(HOURS.total_seconds())
    line = await one_line(harness.run(terminate, service_id, asked_at=asked_at, wish=wish))
    assert "is Active in WHMCS by now" in line
    assert not server.disk.is_clear


async def test_a_deletion_that_whmcs_asked_for_just_now_need_not_be_written_there_yet(harness: Harness) -> None:
    service_id, server = await used(harness)
    wish = billed_as(harness, service_id, "Suspended")
    before = len(harness.whmcs.requests)

    def written_by_whmcs() -> None:
        billed_as(harness, service_id, "Terminated")

    harness.faults.admin_acts_before("owner_clear", 1, written_by_whmcs)
    await harness.run(terminate, service_id, asked_at=harness.clock.now(), wish=wish)
    assert (await harness.service(service_id)).state is State.RELEASED
    assert server.disk.is_clear
    asked = [call.action for call in harness.whmcs.requests[before:] if call.action == "GetClientsProducts"]
    assert len(asked) == 2, "whose it is before it begins, and both at the permit"


async def test_a_client_who_pays_during_the_wipe_delay_keeps_the_disks(harness: Harness) -> None:
    service_id, server = await used(harness, wipe_delay_hours=3)
    wish = billed_as(harness, service_id, "Suspended")
    after(harness, 30, lambda: billed_as(harness, service_id, "Terminated"))
    after(harness, 2.5 * 3600, lambda: pay(harness, service_id))
    line = await one_line(harness.run(terminate, service_id, asked_at=harness.clock.now(), wish=wish))
    assert "HELD (wanted-again)" in line
    held = await is_held(harness, service_id, "wanted-again")
    assert held.held_from is State.RELEASING
    assert held.way_back is not None, "it can still be brought back"
    assert server.owner_id is not None
    assert not server.disk.is_clear


async def test_a_payment_of_the_last_minutes_is_seen_at_the_permit(harness: Harness) -> None:
    service_id, server = await used(harness)
    wish = ServiceWish(status="Suspended", next_due="2027-01-01", told_at_end=True)
    billed_as(harness, service_id, "Suspended")
    harness.faults.admin_acts_before(
        "owner_clear", 1, lambda: billed_as(harness, service_id, "Suspended", "2027-02-28")
    )
    line = await one_line(harness.run(terminate, service_id, asked_at=harness.clock.now(), wish=wish))
    assert "HELD (wanted-again)" in line
    assert not server.disk.is_clear


async def test_a_deletion_whose_status_whmcs_writes_at_its_end_finishes_after_hours(harness: Harness) -> None:
    service_id, server = await used(harness, wipe_delay_hours=2)
    billed_as(harness, service_id, "Suspended")
    wish = ServiceWish(status="Suspended", next_due="2027-01-01", told_at_end=True)
    asked_at = harness.clock.now()
    harness.clock.simulated.advance(HOURS.total_seconds())
    await harness.run(terminate, service_id, asked_at=asked_at, wish=wish)
    assert (await harness.service(service_id)).state is State.RELEASED
    assert server.disk.is_clear


async def test_what_whmcs_showed_as_ended_once_and_does_not_any_more_is_a_new_wish(harness: Harness) -> None:
    service_id, server = await used(harness, wipe_delay_hours=2)
    billed_as(harness, service_id, "Active")  # started in Prefect: nobody says what WHMCS shows
    after(harness, 20, lambda: billed_as(harness, service_id, "Terminated"))
    after(harness, 1.5 * 3600, lambda: billed_as(harness, service_id, "Active"))
    await one_line(harness.run(terminate, service_id))
    await is_held(harness, service_id, "wanted-again")
    assert not server.disk.is_clear


async def test_a_service_that_whmcs_does_not_show_is_wiped_by_a_persons_word_only(harness: Harness) -> None:
    service_id, server = await used(harness)
    row = harness.whmcs.services.pop(service_id)
    line = await one_line(harness.run(terminate, service_id))
    assert "HELD (wanted-again)" in line
    assert not server.disk.is_clear
    await decide_held.fn(service_id, decision="terminate", who="shift", why="asked the client")
    await harness.run(terminate, service_id)
    assert (await harness.service(service_id)).state is State.RELEASED
    assert server.disk.is_clear
    harness.whmcs.services[service_id] = row


async def test_a_restored_ledger_that_counts_its_epochs_again_gives_no_key_twice(make_harness: HarnessMaker) -> None:
    seen: list[list[tuple[str, int, str]]] = []
    for _ in range(2):
        harness = make_harness(QUICK)
        await empty(harness.ledger)
        watched = harness.buy()
        await harness.run(activate, watched, order=harness.order(wait_for_os=False))
        unwanted = harness.buy()
        cancelled_meanwhile(harness, unwanted)
        await one_line(harness.run(activate, unwanted, order=harness.order()))
        decided, server = await activated(harness)
        harness.panel.admin.set_owner(server.id, "other@example.com")
        await one_line(harness.run(suspend, decided))
        await decide_held.fn(decided, decision="retry", who="shift", why="looked at it")
        returned, _ = await activated(harness, wipe_delay_hours=48)
        async with midway(harness, harness.run(terminate, returned)) as deletion:
            await bring_back(returned, who="shift", why="the client paid")
        await one_line(deletion)
        seen.append([(flow, int(str(asked["service_id"])), key) for flow, asked, key in harness.started])
    first, again = seen
    assert [one[:2] for one in first] == [one[:2] for one in again]
    assert [flow for flow, *_ in first] == [
        "watch-os-install/whmcs", "terminate/whmcs", "suspend/whmcs", "unsuspend/whmcs",
    ]  # fmt: skip
    assert {key for *_, key in first}.isdisjoint(key for *_, key in again)


async def test_a_run_whose_request_was_closed_long_ago_is_no_order_any_more(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows._request.run_id", lambda: "one run, retried in place")
    service_id, server = await used(harness)
    billed_as(harness, service_id, "Suspended")
    wish = ServiceWish(status="Suspended", next_due="2027-01-01", told_at_end=True)
    asked_at = harness.clock.now()
    server.is_protected = True
    await one_line(harness.run(terminate, service_id, asked_at=asked_at, wish=wish))
    server.is_protected = False
    harness.clock.simulated.advance(HOURS.total_seconds())
    line = await one_line(harness.run(terminate, service_id, asked_at=asked_at, wish=wish))
    assert "is Suspended in WHMCS by now" in line
    assert not server.disk.is_clear


@pytest.mark.parametrize("as_it_was_asked", [True, False], ids=["one run", "WHMCS asked long before"])
async def test_a_deletion_of_the_server_before_does_not_wipe_the_one_that_the_service_has_now(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, as_it_was_asked: bool
) -> None:
    service_id, _ = await used(harness)
    wish = billed_as(harness, service_id, "Active").model_copy(update={"told_at_end": True})
    asked_at = harness.clock.now()
    with monkeypatch.context() as patch:
        if as_it_was_asked:
            patch.setattr("flows._request.run_id", lambda: "one run, retried in place")
        await harness.run(terminate, service_id, asked_at=asked_at, wish=wish)
    if not as_it_was_asked:
        harness.clock.simulated.advance(600)
    billed_as(harness, service_id, "Pending")
    await harness.run(activate, service_id)
    billed_as(harness, service_id, "Active")
    again = await harness.service(service_id)
    assert again.claim is not None
    server = harness.panel.server(again.claim.server_id)
    harness.panel.write_tenant_data(server.id, "the client's new photographs")
    with monkeypatch.context() as patch:
        if as_it_was_asked:
            patch.setattr("flows._request.run_id", lambda: "one run, retried in place")
        line = await one_line(harness.run(terminate, service_id, asked_at=asked_at, wish=wish))
    assert "is Active in WHMCS by now" in line
    assert (await harness.service(service_id)).state is State.ACTIVE
    assert not server.disk.is_clear
