import asyncio
from typing import Any

import pytest

from flows.activate import activate
from flows.suspend import suspend
from flows.terminate import terminate
from flows.unsuspend import unsuspend
from flows.watch_os_install import watch_os_install
from ledger.states import State
from tests.harness import Harness
from tests.ledger.scenario import last_request
from tests.stories.scenario import activated, cancelled_meanwhile, midway, one_line, sent


def written_to_whmcs(harness: Harness) -> list[str]:
    """The calls that change something in WHMCS; it may be asked at any time whose a service is."""
    return [call.action for call in harness.whmcs.requests if not call.action.startswith("Get")]


async def test_every_lifecycle_run_twice_changes_nothing_the_second_time(harness: Harness) -> None:
    service_id = harness.buy()
    life: list[tuple[Any, dict[str, Any]]] = [
        (activate, {"order": harness.order(ipv4_count=2)}),
        (suspend, {}),
        (unsuspend, {}),
        (terminate, {}),
    ]
    for flow, more in life:
        await harness.run(flow, service_id, **more)
        told, changes = len(written_to_whmcs(harness)), len(harness.panel.writes())
        before = await harness.service(service_id)
        harness.connect()
        await harness.run(flow, service_id, **more)
        assert len(harness.panel.writes()) == changes
        assert len(written_to_whmcs(harness)) == told
        after = await harness.service(service_id)
        assert (after.state, after.generation, after.claim) == (before.state, before.generation, before.claim)


async def test_a_re_run_after_a_late_failure_keeps_what_the_first_run_gave(harness: Harness) -> None:
    service_id = harness.buy()
    cancelled_meanwhile(harness, service_id)
    await one_line(harness.run(activate, service_id, order=harness.order(ipv4_count=3)))
    server = await harness.server(service_id)
    addresses, changes = list(server.addresses), len(harness.panel.writes())
    harness.billed(service_id).status = "Pending"
    harness.connect()
    await harness.run(activate, service_id)
    assert server.addresses == addresses
    assert len(addresses) == 3
    assert len(harness.panel.writes()) == changes


async def test_a_re_run_that_wants_something_else_than_was_given_is_refused(harness: Harness) -> None:
    service_id = harness.buy()
    cancelled_meanwhile(harness, service_id)
    await one_line(harness.run(activate, service_id, order=harness.order()))
    harness.billed(service_id).status = "Pending"
    changed = harness.order(ipv4_count=2, os_template="Ubuntu-24.04-x86_64")
    line = await one_line(harness.run(activate, service_id, order=changed))
    assert "this one differs in ipv4_count, os_template" in line
    await harness.run(activate, service_id)
    assert len((await harness.server(service_id)).addresses) == 1


async def test_an_order_for_a_service_that_is_active_does_not_replace_what_was_delivered(harness: Harness) -> None:
    service_id, _ = await activated(harness)
    await harness.run(activate, service_id, order=harness.order(ipv4_count=5, os_template="Ubuntu-24.04-x86_64"))
    assert (await harness.service(service_id)).order == harness.order()


async def test_a_watcher_of_a_service_that_is_active_already_changes_nothing(harness: Harness) -> None:
    service_id, _ = await activated(harness)
    before = len(harness.panel.requests)
    await harness.run(watch_os_install, service_id)
    assert len(harness.panel.requests) == before


async def test_two_runs_of_one_service_at_once_do_the_work_once(harness: Harness) -> None:
    service_id = harness.buy()
    ends = await asyncio.gather(
        *(harness.run(activate, service_id, order=harness.order()) for _ in range(2)), return_exceptions=True
    )
    [refused] = [str(end) for end in ends if end is not None]
    winner = await last_request(harness.ledger, service_id)
    assert winner is not None
    assert winner.outcome == "done"
    assert f"Service {service_id} is busy with activate" in refused
    assert winner.flow_run_id in refused
    assert "then press Retry" in refused
    for endpoint in ("user_create", "owner_set", "address_add", "os_install"):
        assert len(sent(harness, endpoint)) == 1
    assert (await harness.service(service_id)).state is State.ACTIVE


async def test_a_deletion_does_not_break_into_a_running_activation(harness: Harness) -> None:
    service_id = harness.buy()
    async with midway(harness, harness.run(activate, service_id, order=harness.order())) as running:
        changes = len(harness.panel.writes())
        assert "is busy with activate" in await one_line(harness.run(terminate, service_id))
        assert len(harness.panel.writes()) == changes
    await running
    assert (await harness.service(service_id)).state is State.ACTIVE


async def test_a_run_that_is_cancelled_lets_the_next_one_finish_its_work(harness: Harness) -> None:
    service_id = harness.buy()
    async with midway(harness, harness.run(activate, service_id, order=harness.order())) as running:
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    last = await last_request(harness.ledger, service_id)
    assert last is not None
    assert last.outcome == "cancelled"
    harness.connect()
    await harness.run(activate, service_id)
    assert (await harness.service(service_id)).state is State.ACTIVE
    assert len(sent(harness, "os_install")) == len(sent(harness, "owner_set")) == 1


async def test_the_order_of_a_run_that_was_refused_does_not_change_the_one_under_way(harness: Harness) -> None:
    service_id = harness.buy()
    async with midway(harness, harness.run(activate, service_id, order=harness.order())) as running:
        await one_line(harness.run(activate, service_id, order=harness.order(ipv4_count=5)))
    await running
    assert len((await harness.server(service_id)).addresses) == 1
