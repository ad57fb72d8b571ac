"""Hours between WHMCS's suspension and the server's, for a product that wants them."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from flows.decide_held import decide_held
from flows.suspend import suspend
from flows.terminate import terminate
from flows.unsuspend import unsuspend
from ledger import requests, services
from ledger.service_identity import ServiceIdentity
from ledger.states import State
from ledger.wishes import ServiceWish
from simulator.panel.models import SimServer
from tests.harness import PANEL, Harness
from tests.stories.scenario import activated, is_held, one_line, written
from tests.tasks.reconciliation.scenario import look

HOURS = 24
GRACE = timedelta(hours=HOURS)


def is_on_network(server: SimServer) -> bool:
    return all(port.admin_up for port in server.network_ports)


async def overdue(harness: Harness, **order: Any) -> tuple[int, SimServer, ServiceWish]:
    """A service whose invoice was not paid, and what WHMCS shows of it when it suspends it."""
    service_id, server = await activated(harness, **{"suspension_grace_hours": HOURS, **order})
    row = harness.billed(service_id)
    row.status, row.next_due = "Active", "2026-12-20"
    return service_id, server, ServiceWish(status="Active", next_due="2026-12-20", told_at_end=False)


async def suspended_in_whmcs(harness: Harness, service_id: int, wish: ServiceWish, by: str = "cron") -> dict[str, Any]:
    """WHMCS suspends it and is answered; returns what the run that comes later is started with."""
    asked_at = harness.clock.now()
    await harness.run(suspend, service_id, requested_by=by, asked_at=asked_at, wish=wish)
    harness.billed(service_id).status = "Suspended"
    deployment, parameters, _ = harness.started[-1]
    assert deployment == "suspend/whmcs"
    return dict(parameters)


async def at_its_end(harness: Harness, parameters: dict[str, Any]) -> None:
    """Prefect starts the run when it is due, if it is not over by now."""
    left = harness.scheduled[-1] - harness.clock.now()
    harness.clock.simulated.advance(max(0.0, left.total_seconds()))
    asked = {**parameters, "asked_at": datetime.fromisoformat(parameters["asked_at"])}
    if "wish" in asked:
        asked["wish"] = ServiceWish(**asked["wish"])
    if "identity" in asked:
        asked["identity"] = ServiceIdentity(**asked["identity"])
    del asked["panel"]
    await harness.run(suspend, **asked)


async def test_the_client_is_online_until_the_grace_is_over_and_off_then(harness: Harness) -> None:
    service_id, server, wish = await overdue(harness)
    before, asked_at = len(harness.panel.writes()), harness.clock.now()
    later = await suspended_in_whmcs(harness, service_id, wish)
    assert written(harness, before) == []
    assert (await harness.service(service_id)).state is State.ACTIVE
    assert (later["requested_by"], later["wish"]) == ("cron", wish.model_dump())
    assert abs(harness.scheduled[-1] - asked_at - GRACE) < timedelta(seconds=1)
    assert is_on_network(server)
    await at_its_end(harness, later)
    assert (await harness.service(service_id)).state is State.SUSPENDED
    assert not is_on_network(server)


async def test_no_run_and_no_request_waits_meanwhile(harness: Harness) -> None:
    service_id, _, wish = await overdue(harness)
    began = harness.clock.now()
    await suspended_in_whmcs(harness, service_id, wish)
    assert harness.clock.now() - began < timedelta(seconds=1)
    assert await requests.open_requests(harness.ledger, PANEL) == []


async def test_whose_the_service_is_travels_with_it(harness: Harness) -> None:
    service_id, _, wish = await overdue(harness)
    known = await harness.service(service_id)
    identity = ServiceIdentity(client_id=harness.client.id, order_id=known.order_id, registered=known.registered)
    asked_at = harness.clock.now()
    await harness.run(suspend, service_id, requested_by="cron", asked_at=asked_at, wish=wish, identity=identity)
    parameters = harness.started[-1][1]
    assert parameters["identity"] == identity.model_dump()


@pytest.mark.parametrize("order", [{"suspension_grace_hours": 0}, {"suspension_grace_hours": -5}])
async def test_without_a_grace_a_suspension_is_at_once(harness: Harness, order: dict[str, int]) -> None:
    service_id, server = await activated(harness)
    await _reorder(harness, service_id, **order)
    await harness.run(suspend, service_id, requested_by="cron", asked_at=harness.clock.now())
    assert not is_on_network(server)
    assert harness.scheduled == []


async def _reorder(harness: Harness, service_id: int, **order: int) -> None:
    """The ledger has this order, however it came there."""
    await services.remember(
        harness.ledger, service_id=service_id, panel=PANEL, order=harness.order(**order), now=harness.clock.now()
    )


async def test_an_administrator_suspends_at_once_also_while_another_suspension_waits(harness: Harness) -> None:
    service_id, server, wish = await overdue(harness)
    later = await suspended_in_whmcs(harness, service_id, wish)
    await harness.run(suspend, service_id, requested_by="admin", asked_at=harness.clock.now(), wish=wish)
    assert not is_on_network(server)
    before = len(harness.panel.writes())
    await at_its_end(harness, later)  # it finds it done
    assert written(harness, before) == []
    assert (await harness.service(service_id)).state is State.SUSPENDED


@pytest.mark.parametrize("by", ["cron", "api", "client"])
async def test_everybody_else_waits(harness: Harness, by: str) -> None:
    service_id, server, wish = await overdue(harness)
    await suspended_in_whmcs(harness, service_id, wish, by)
    assert is_on_network(server)


async def test_a_payment_in_the_grace_costs_the_client_nothing(harness: Harness) -> None:
    service_id, server, wish = await overdue(harness)
    later = await suspended_in_whmcs(harness, service_id, wish)
    harness.clock.simulated.advance(3600)
    row = harness.billed(service_id)
    row.status, row.next_due = "Active", "2027-01-20"
    began, before = harness.clock.now(), len(harness.panel.writes())
    await harness.run(unsuspend, service_id, requested_by="client", asked_at=harness.clock.now())
    assert harness.clock.now() - began < timedelta(seconds=1)
    claim = (await harness.service(service_id)).claim
    assert claim is not None
    assert claim.suspends_at is None
    line = await one_line(at_its_end(harness, later))
    assert line.startswith("Overtaken by unsuspend")
    assert written(harness, before) == []
    assert is_on_network(server)


@pytest.mark.parametrize(
    ("row", "online"),
    [
        ({"status": "Suspended"}, False),
        ({"status": "Active"}, False),  # WHMCS was told at the end only, and nobody paid
        ({"status": "Active", "next_due": "2027-01-20"}, True),
        ({"status": "Active", "never_suspended": True}, True),
        ({"status": "Cancelled"}, True),
    ],
)
async def test_whmcs_is_asked_again_when_the_grace_is_over(harness: Harness, row: dict[str, Any], online: bool) -> None:
    service_id, server, wish = await overdue(harness)
    later = await suspended_in_whmcs(harness, service_id, wish)
    for name, value in row.items():
        setattr(harness.billed(service_id), name, value)
    if online:
        assert (await one_line(at_its_end(harness, later))).startswith("Overtaken")
    else:
        await at_its_end(harness, later)
    assert is_on_network(server) is online


async def test_a_grace_that_passes_in_no_time_is_asked_about_all_the_same(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.wish.FRESH", 2 * GRACE)  # as where a demonstration lets its clock run
    service_id, server, wish = await overdue(harness)
    later = await suspended_in_whmcs(harness, service_id, wish)
    harness.billed(service_id).next_due = "2027-01-20"
    harness.billed(service_id).status = "Active"
    assert (await one_line(at_its_end(harness, later))).startswith("Overtaken")
    assert is_on_network(server)


async def test_a_whmcs_that_is_away_at_the_end_suspends_nobody(harness: Harness) -> None:
    service_id, server, wish = await overdue(harness)
    later = await suspended_in_whmcs(harness, service_id, wish)
    del harness.whmcs.services[service_id]
    await one_line(at_its_end(harness, later))
    assert is_on_network(server)


async def test_a_run_that_begins_after_the_grace_does_not_wait_once_more(harness: Harness) -> None:
    service_id, server, wish = await overdue(harness)
    asked_at = harness.clock.now()
    harness.billed(service_id).status = "Suspended"
    harness.clock.simulated.advance(GRACE.total_seconds() - 30)  # no worker; half a minute is no grace
    await harness.run(suspend, service_id, requested_by="cron", asked_at=asked_at, wish=wish)
    assert not is_on_network(server)
    assert harness.scheduled == []


async def test_a_worker_that_was_down_for_a_while_waits_for_the_rest_only(harness: Harness) -> None:
    service_id, _, wish = await overdue(harness)
    asked_at = harness.clock.now()
    harness.clock.simulated.advance(10 * 3600)
    await harness.run(suspend, service_id, requested_by="cron", asked_at=asked_at, wish=wish)
    assert abs(harness.scheduled[-1] - asked_at - GRACE) < timedelta(seconds=1)


async def test_a_run_that_died_after_handing_over_hands_over_to_the_same_run(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows._request.run_id", lambda: "one run, re-queued")
    service_id, _, wish = await overdue(harness)
    asked_at = harness.clock.now()

    async def dies(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("tasks.grace.set_run_labels", dies)
        with pytest.raises(KeyboardInterrupt):
            await harness.run(suspend, service_id, requested_by="cron", asked_at=asked_at, wish=wish)
    await harness.run(suspend, service_id, requested_by="cron", asked_at=asked_at, wish=wish)
    first, again = [key for deployment, _, key in harness.started if deployment == "suspend/whmcs"]
    assert first == again
    assert harness.started[-1][1] == harness.started[-2][1]


async def test_a_suspended_service_that_is_suspended_again_waits_for_nothing(harness: Harness) -> None:
    service_id, server, wish = await overdue(harness)
    await harness.run(suspend, service_id, requested_by="admin", asked_at=harness.clock.now())
    harness.billed(service_id).status = "Suspended"
    harness.panel.admin.switch_port(server.id, "up")
    await harness.run(suspend, service_id, requested_by="cron", asked_at=harness.clock.now(), wish=wish)
    assert not is_on_network(server)


async def test_a_deletion_in_the_grace_is_done_and_the_suspension_finds_nothing_to_do(harness: Harness) -> None:
    service_id, server, wish = await overdue(harness)
    later = await suspended_in_whmcs(harness, service_id, wish)
    harness.billed(service_id).status = "Terminated"
    await harness.run(terminate, service_id)
    before = len(harness.panel.writes())
    await one_line(at_its_end(harness, later))
    assert written(harness, before) == []
    assert server.disk.is_clear


async def test_a_decision_to_try_again_suspends_at_once(harness: Harness) -> None:
    service_id, server, wish = await overdue(harness)
    later = await suspended_in_whmcs(harness, service_id, wish)
    harness.panel.admin.set_owner(server.id, "other@example.com")
    await one_line(at_its_end(harness, later))
    await is_held(harness, service_id, "owner-changed")
    harness.panel.admin.set_owner(server.id, harness.client.email)
    await decide_held.fn(service_id, decision="retry", who="shift", why="put right")
    assert harness.started[-1][1]["requested_by"] == "admin"
    await harness.run(suspend, service_id, requested_by="admin")
    assert not is_on_network(server)


async def test_reconciliation_waits_with_it_and_no_longer(harness: Harness) -> None:
    service_id, _, wish = await overdue(harness)
    await suspended_in_whmcs(harness, service_id, wish)
    assert (await look(harness)).differences == []
    harness.clock.simulated.advance(GRACE.total_seconds())
    assert (await look(harness)).differences == []  # its run is about to begin
    harness.clock.simulated.advance(3600)
    assert [one.drift for one in (await look(harness)).differences] == ["suspended-ports-on"]
