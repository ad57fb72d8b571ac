"""No run waits for a slot while it holds a lock that other runs wait for."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import cast

import httpx
import pytest
from pydantic import SecretStr

from dcimanager.access import PanelAccess
from dcimanager.endpoints import load_dialect
from dcimanager.panel import Panel
from dcimanager.transport import PanelTransport
from runtime import slots
from runtime.slots import Slot, SlotPool, bind_slot, slot_lent
from tasks import shared_hardware

ROOT = Path(__file__).parents[2]
SLOW = 0.02

LOCKS = {
    "dcimanager/transport.py": "the login: taken within while_waiting, which is slot_lent",
    "ledger/database.py": "the turn of one transaction: it asks no side",
    "runtime/slots.py": "of one run, whose slot it is",
    "tasks/reconciliation/repairs.py": "of one run",
    "tasks/shared_hardware.py": "the whole list of a panel: taken within slot_lent",
    "worker/worker.py": "signals of the process: no run takes it",
}
"""Each file that makes a lock, and why nobody waits for a slot who holds what other runs wait for."""


@pytest.fixture(autouse=True)
def slow_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slots, "SLOW_SECONDS", SLOW)


async def run_all(pool: SlotPool, runs: int, work: Callable[[], Awaitable[object]]) -> None:
    """So many runs, each in a task with a slot of its own, as a worker has them."""

    async def one() -> None:
        await pool.wait_for_one(urgent=False)
        slot = Slot(pool, urgent=False)
        bind_slot(slot)
        try:
            await work()
            assert slot._taken
        finally:
            slot.release()

    async with asyncio.timeout(10):
        await asyncio.gather(*(asyncio.create_task(one()) for _ in range(runs)))


def a_panel(answer: Callable[[httpx.Request], Awaitable[httpx.Response]], *, calls_at_once: int = 8) -> PanelTransport:
    """A panel's transport as runs of a worker have it."""
    access = PanelAccess(name="main", url="https://panel.example/", username="a", password=SecretStr("secret"))
    wire = httpx.MockTransport(answer)
    transport = PanelTransport(access, load_dialect(), http=wire, calls_at_once=calls_at_once)
    transport.while_waiting = slot_lent
    return transport


@pytest.mark.parametrize("calls_at_once", [1, 8])
async def test_three_runs_of_a_panel_whose_login_is_slow_all_end_with_two_slots(calls_at_once: int) -> None:
    logins = 0

    async def answer(request: httpx.Request) -> httpx.Response:
        nonlocal logins
        if request.url.path.endswith("auth/v4/public/token"):
            logins += 1
            await asyncio.sleep(3 * SLOW)
            return httpx.Response(201, json={"token": "abc"})
        await asyncio.sleep(SLOW / 4)
        return httpx.Response(200, json={"list": [], "size": 0})

    transport = a_panel(answer, calls_at_once=calls_at_once)
    pool = SlotPool(2, kept_for_urgent=0)
    await run_all(pool, 3, lambda: transport.read_list("server_list"))
    assert logins == 1
    assert pool.free == 2
    await transport.aclose()


async def test_a_call_that_waits_for_a_slot_again_keeps_nobody_from_the_panel() -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(3 * SLOW)
        if request.method == "POST":
            return httpx.Response(201, json={"token": "abc"})
        return httpx.Response(200, json={"list": [], "size": 0})

    transport = a_panel(answer, calls_at_once=1)
    pool = SlotPool(1, kept_for_urgent=0)
    await transport.login()
    await run_all(pool, 4, lambda: transport.read_list("server_list"))
    assert pool.free == 1
    await transport.aclose()


async def test_three_runs_that_need_a_slow_panels_whole_list_all_end_with_two_slots(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reads = 0

    async def recognise(*_: object) -> None:
        return None

    class Servers:
        async def inventory(self) -> list[object]:
            nonlocal reads
            reads += 1
            async with slot_lent():  # as the transport does
                await asyncio.sleep(3 * SLOW)
            return []

    class APanel:
        name, servers = "main", Servers()

    monkeypatch.setattr(shared_hardware, "_recognise", recognise)
    panel = cast(Panel, APanel())
    pool = SlotPool(2, kept_for_urgent=0)
    await run_all(pool, 3, lambda: shared_hardware.fleet_of(panel))
    assert reads == 1
    assert pool.free == 2


async def test_a_block_within_another_waits_for_no_slot_and_the_outer_one_does() -> None:
    pool = SlotPool(1, kept_for_urgent=0)
    assert pool.take(urgent=False)
    bind_slot(Slot(pool, urgent=False))
    async with slot_lent():
        async with slot_lent():
            await asyncio.sleep(2 * SLOW)
        assert pool.free == 1
        with pytest.raises(ValueError, match="it failed"):
            async with slot_lent():
                raise ValueError("it failed")
        assert pool.free == 1
    assert pool.free == 0
    async with slot_lent():
        await asyncio.sleep(2 * SLOW)
        assert pool.free == 1
    assert pool.free == 0


def test_each_lock_that_runs_could_wait_for_was_thought_through() -> None:
    made = re.compile(r"asyncio\.(?:Lock|(?:Bounded)?Semaphore|Condition)[(,\s]|default_factory=asyncio\.Lock")
    packages = ("flows", "tasks", "runtime", "dcimanager", "whmcs", "answers", "ledger", "worker")
    files = (file for package in packages for file in (ROOT / package).rglob("*.py"))
    assert {str(file.relative_to(ROOT)) for file in files if made.search(file.read_text(encoding="utf-8"))} == {*LOCKS}
