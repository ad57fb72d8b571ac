"""A WHMCS that was restored and that nobody told us of: its requests' numbers come again, and nothing is wiped."""

from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from prefect import Flow

from flows.activate import activate
from flows.reinstall import reinstall
from flows.suspend import suspend
from flows.terminate import terminate
from flows.unsuspend import unsuspend
from ledger import whmcs_numbers
from ledger.errors import WhmcsOfBefore
from ledger.states import State
from tests.harness import Harness
from tests.stories.anew import by_client
from tests.stories.moments import PHOTOGRAPHS
from tests.stories.restoring import BackUps
from tests.stories.scenario import activated, one_line


class Module:
    """WHMCS's module as it counts: a number and a token for each command, and both in the run's key."""

    def __init__(self, harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
        self.harness = harness
        self.number = 100
        self._tokens = count(2**64)
        self._patch = monkeypatch

    async def ask(self, flow: "Flow[..., Any]", service_id: int, **more: Any) -> str:
        """A command; the key of its run."""
        self.number += 1
        key = f"installation:shop:0f1e2d3c4b5a:n{self.number}.{next(self._tokens):x}"
        await self.again(key, flow, service_id, **more)
        return key

    async def again(self, key: str, flow: "Flow[..., Any]", service_id: int, **more: Any) -> None:
        """A run with that key, new or retried."""
        self._patch.setattr("runtime.request_number.request_key", lambda: key)
        self._patch.setattr("runtime.request_number.created_at", self.harness.clock.now)
        await self.harness.run(flow, service_id, **more)


@pytest.fixture
def module(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> Module:
    return Module(harness, monkeypatch)


@pytest.fixture
def backups(harness: Harness, tmp_path: Path) -> BackUps:
    return BackUps(harness, tmp_path)


async def is_believed(harness: Harness) -> bool:
    return await whmcs_numbers.restored_at(harness.ledger) is None


async def restored_by_itself(harness: Harness, module: Module) -> tuple[int, int]:
    """Two services, four commands that WHMCS's back-up does not know, and two that it sends after its restoration."""
    first, _ = await activated(harness)
    second, server = await activated(harness)
    harness.panel.write_tenant_data(server.id, PHOTOGRAPHS)
    dumped = module.number
    for flow in (suspend, unsuspend, suspend, unsuspend):
        await module.ask(flow, first)
    assert await is_believed(harness)
    module.number = dumped
    await module.ask(suspend, first)
    await module.ask(unsuspend, first)
    assert not await is_believed(harness)
    return first, second


async def test_nothing_is_wiped_for_a_whmcs_whose_numbers_come_again(harness: Harness, module: Module) -> None:
    first, second = await restored_by_itself(harness, module)
    harness.billed(second).status = "Terminated"
    with pytest.raises(WhmcsOfBefore, match="Go through it: dciflow restored whmcs"):
        await module.ask(terminate, second)
    assert (await harness.service(second)).state is State.ACTIVE
    assert PHOTOGRAPHS in (await harness.server(second)).disk.content
    await module.ask(suspend, first)  # what can be undone goes on
    assert (await harness.service(first)).state is State.SUSPENDED
    (told,) = [payload for _, _, payload in harness.events if "restored from a back-up" in str(payload)]
    assert "dciflow restored whmcs" in str(told)


async def test_nor_is_anything_installed_over_for_it(harness: Harness, module: Module) -> None:
    _, second = await restored_by_itself(harness, module)
    pressed = by_client(harness, second, hostname_typed=harness.billed(second).domain)
    with pytest.raises(WhmcsOfBefore, match="wiped or installed over"):
        await module.ask(reinstall, second, **pressed)
    assert (await harness.service(second)).state is State.ACTIVE
    assert PHOTOGRAPHS in (await harness.server(second)).disk.content


async def test_once_a_person_went_through_it_deletions_go_on(
    harness: Harness, module: Module, backups: BackUps
) -> None:
    first, second = await restored_by_itself(harness, module)
    await backups.work_goes_on()
    await backups.go_through("whmcs")
    harness.clock.simulated.advance(timedelta(minutes=1).total_seconds())
    for flow in (suspend, unsuspend, suspend):  # numbers of before, once more
        await module.ask(flow, first)
    assert await is_believed(harness)
    harness.billed(second).status = "Terminated"
    await module.ask(terminate, second)
    assert (await harness.service(second)).state is State.RELEASED


async def test_a_deletion_in_its_wipe_delay_is_not_wiped_when_the_numbers_come_again(
    harness: Harness, module: Module
) -> None:
    other, _ = await activated(harness)
    service_id = harness.buy()
    await harness.run(activate, service_id, order=harness.order(wipe_delay_hours=72))
    server = await harness.server(service_id)
    harness.panel.write_tenant_data(server.id, PHOTOGRAPHS)
    dumped = module.number
    for flow in (suspend, unsuspend):
        await module.ask(flow, other)
    harness.billed(service_id).status = "Terminated"
    began, sleep = harness.clock.now(), harness.clock.sleep

    async def restored_meanwhile(seconds: float) -> None:
        await sleep(seconds)
        if harness.clock.elapsed(began) >= timedelta(hours=48):
            harness.clock.sleep = sleep  # type: ignore[method-assign]
            for number in (dumped + 1, dumped + 2):
                request = whmcs_numbers.NumberedRequest(
                    source="installation:shop:0f1e2d3c4b5a", number=number, token="0" * 16
                )
                now = harness.clock.now()
                await whmcs_numbers.note(harness.ledger, request, created=now, now=now)

    harness.clock.sleep = restored_meanwhile  # type: ignore[method-assign]
    await one_line(module.ask(terminate, service_id))
    assert not await is_believed(harness)
    assert PHOTOGRAPHS in server.disk.content
    assert (await harness.service(service_id)).state is State.RELEASING


async def test_retries_and_late_commands_of_one_whmcs_are_believed(harness: Harness, module: Module) -> None:
    service_id, _ = await activated(harness)
    key = await module.ask(suspend, service_id)
    await module.ask(unsuspend, service_id)
    for _ in range(3):
        await module.again(key, suspend, service_id)
    assert await is_believed(harness)
