from flows.terminate import terminate
from tasks.reconciliation.differences import Drift
from tests.harness import Harness
from tests.stories.scenario import activated
from tests.tasks.reconciliation.scenario import changes, look, only, reconcile_once


async def test_a_service_that_whmcs_bills_and_the_ledger_never_saw_is_shown_with_its_server(harness: Harness) -> None:
    await activated(harness)
    unseen = harness.buy("old.example.com")
    harness.panel.admin.set_owner(7, harness.client.email)
    server = harness.panel.server(7)
    harness.panel.addresses.add(server, harness.panel.pool("public-v4"), 1)
    billed = harness.billed(unseen)
    billed.status, billed.dedicated_ip = "Active", server.addresses[-1].address
    difference = await only(harness)
    assert (difference.drift, difference.service_id, difference.server_id) == (Drift.NEVER_SEEN, unseen, 7)


async def test_a_clients_server_that_no_service_claims_is_told_and_a_strangers_is_not(harness: Harness) -> None:
    await activated(harness)
    harness.panel.admin.set_owner(7, harness.client.email.upper())
    harness.panel.admin.set_owner(8, "staff@example.com")
    difference = await only(harness)
    assert (difference.drift, difference.server_id, difference.client_id) == (
        Drift.UNCLAIMED_SERVER,
        7,
        harness.client.id,
    )


async def test_two_services_with_one_server_are_both_told(harness: Harness) -> None:
    service_id, server = await activated(harness)
    other = harness.buy()
    billed = harness.billed(other)
    billed.status, billed.dedicated_ip = "Active", server.addresses[0].address
    found = (await look(harness)).differences
    assert {one.service_id: one.drift for one in found} == dict.fromkeys((service_id, other), Drift.TWO_SERVICES)
    assert await changes(harness, reconcile_once(harness)) == (0, 0)


async def test_a_service_without_a_server_is_told(harness: Harness) -> None:
    await activated(harness)
    service_id, _ = await activated(harness)
    await harness.run(terminate, service_id)
    assert (await only(harness)).drift is Drift.ACTIVE_WITHOUT_SERVER


async def test_a_service_that_whmcs_does_not_show_is_not_taken_for_a_terminated_one(harness: Harness) -> None:
    for _ in range(2):
        service_id, _ = await activated(harness)
    del harness.whmcs.services[service_id]
    assert (await only(harness)).drift is Drift.NOT_IN_WHMCS
    assert await changes(harness, reconcile_once(harness)) == (0, 0)
