import asyncio
from typing import Any

import pytest

from flows.activate import activate
from flows.suspend import suspend
from flows.terminate import terminate
from flows.unsuspend import unsuspend
from flows.watch_os_install import watch_os_install
from ledger import requests
from ledger.lifecycle import State
from tests.flows.play import activated, cancelled_meanwhile, midway, one_line, sent
from tests.stage import Stage


async def test_every_lifecycle_run_twice_changes_nothing_the_second_time(stage: Stage) -> None:
    service_id = stage.buy()
    life: list[tuple[Any, dict[str, Any]]] = [
        (activate, {"order": stage.order(ipv4_count=2)}),
        (suspend, {}),
        (unsuspend, {}),
        (terminate, {}),
    ]
    for flow, more in life:
        await stage.run(flow, service_id, **more)
        told, changes = len(stage.billing.requests), len(stage.panel.writes())
        before = await stage.service(service_id)
        stage.connect()
        await stage.run(flow, service_id, **more)
        assert len(stage.panel.writes()) == changes
        assert len(stage.billing.requests) == told
        after = await stage.service(service_id)
        assert (after.state, after.generation, after.claim) == (before.state, before.generation, before.claim)


async def test_a_re_run_after_a_late_failure_keeps_what_the_first_run_gave(stage: Stage) -> None:
    service_id = stage.buy()
    cancelled_meanwhile(stage, service_id)
    await one_line(stage.run(activate, service_id, order=stage.order(ipv4_count=3)))
    server = await stage.server(service_id)
    addresses, changes = list(server.addresses), len(stage.panel.writes())
    stage.billed(service_id).status = "Pending"
    stage.connect()
    await stage.run(activate, service_id)
    assert server.addresses == addresses
    assert len(addresses) == 3
    assert len(stage.panel.writes()) == changes


async def test_a_re_run_that_wants_something_else_than_was_given_is_refused(stage: Stage) -> None:
    service_id = stage.buy()
    cancelled_meanwhile(stage, service_id)
    await one_line(stage.run(activate, service_id, order=stage.order()))
    stage.billed(service_id).status = "Pending"
    changed = stage.order(ipv4_count=2, os_template="Ubuntu-24.04-x86_64")
    line = await one_line(stage.run(activate, service_id, order=changed))
    assert "this one differs in ipv4_count, os_template" in line
    await stage.run(activate, service_id)
    assert len((await stage.server(service_id)).addresses) == 1


async def test_an_order_for_a_service_that_is_active_does_not_replace_what_was_delivered(stage: Stage) -> None:
    service_id, _ = await activated(stage)
    await stage.run(activate, service_id, order=stage.order(ipv4_count=5, os_template="Ubuntu-24.04-x86_64"))
    assert (await stage.service(service_id)).order == stage.order()


async def test_a_watcher_of_a_service_that_is_active_already_changes_nothing(stage: Stage) -> None:
    service_id, _ = await activated(stage)
    before = len(stage.panel.requests)
    await stage.run(watch_os_install, service_id)
    assert len(stage.panel.requests) == before


async def test_two_runs_of_one_service_at_once_do_the_work_once(stage: Stage) -> None:
    service_id = stage.buy()
    ends = await asyncio.gather(
        *(stage.run(activate, service_id, order=stage.order()) for _ in range(2)), return_exceptions=True
    )
    [refused] = [str(end) for end in ends if end is not None]
    winner = await requests.last(stage.ledger, service_id)
    assert winner is not None
    assert winner.outcome == "done"
    assert f"Service {service_id} is busy with activate" in refused
    assert winner.flow_run_id in refused
    assert "then press Retry" in refused
    for endpoint in ("user_create", "owner_set", "address_add", "os_install"):
        assert len(sent(stage, endpoint)) == 1
    assert (await stage.service(service_id)).state is State.ACTIVE


async def test_a_deletion_does_not_break_into_a_running_activation(stage: Stage) -> None:
    service_id = stage.buy()
    async with midway(stage, stage.run(activate, service_id, order=stage.order())) as running:
        changes = len(stage.panel.writes())
        assert "is busy with activate" in await one_line(stage.run(terminate, service_id))
        assert len(stage.panel.writes()) == changes
    await running
    assert (await stage.service(service_id)).state is State.ACTIVE


async def test_a_run_that_is_cancelled_lets_the_next_one_finish_its_work(stage: Stage) -> None:
    service_id = stage.buy()
    async with midway(stage, stage.run(activate, service_id, order=stage.order())) as running:
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    last = await requests.last(stage.ledger, service_id)
    assert last is not None
    assert last.outcome == "cancelled"
    stage.connect()
    await stage.run(activate, service_id)
    assert (await stage.service(service_id)).state is State.ACTIVE
    assert len(sent(stage, "os_install")) == len(sent(stage, "owner_set")) == 1


async def test_the_order_of_a_run_that_was_refused_does_not_change_the_one_under_way(stage: Stage) -> None:
    service_id = stage.buy()
    async with midway(stage, stage.run(activate, service_id, order=stage.order())) as running:
        await one_line(stage.run(activate, service_id, order=stage.order(ipv4_count=5)))
    await running
    assert len((await stage.server(service_id)).addresses) == 1
