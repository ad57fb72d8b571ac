import asyncio
import inspect
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ledger import claims, decisions, journal, permits, requests, results, services
from ledger.database import Ledger
from ledger.errors import PermitUsed, RequestInProgress, Superseded
from ledger.orders import Order
from ledger.snapshots import Driver, EntryKey
from ledger.states import State
from ledger.wishes import KeptWish
from tests.ledger.claim_race import race
from tests.ledger.scenario import LedgerScenario

ROOT = Path(__file__).parents[2]
KEY = EntryKey(1, 1, "install", 1)
WISH = KeptWish(status="Active", next_due="")
ORDER = Order(client_id=7, configuration="Xeon", os_template="Debian", ip_pool="public-v4")

WRITES: dict[str, Callable[[LedgerScenario, Driver], Awaitable[Any]]] = {
    "services.advance": lambda s, d: services.advance(s.ledger, d, s.now, State.ACTIVE),
    "services.reorder": lambda s, d: services.reorder(s.ledger, d, s.now, order=ORDER),
    "requests.close": lambda s, d: requests.close(s.ledger, d, outcome="done", message=None, now=s.now),
    "requests.hold_and_close": lambda s, d: requests.hold_and_close(s.ledger, d, reason="odd", evidence="-", now=s.now),
    "requests.keep_wish": lambda s, d: requests.keep_wish(s.ledger, d, s.now, wish=WISH),
    "claims.take": lambda s, d: s.take(d),
    "claims.drop": lambda s, d: claims.drop(s.ledger, d, now=s.now),
    "claims.record_owner": lambda s, d: claims.record_owner(s.ledger, d, s.now, 31),
    "claims.record_change": lambda s, d: claims.record_change(s.ledger, d, s.now, "no longer mac"),
    "claims.release": lambda s, d: claims.release(s.ledger, d, permit_id=1, now=s.now),
    "claims.release_untouched": lambda s, d: claims.release_untouched(s.ledger, d, s.now),
    "journal.note": lambda s, d: journal.note(s.ledger, d, generation=1, step="install", before=None, now=s.now),
    "journal.done": lambda s, d: journal.done(s.ledger, d, s.now, KEY, None),
    "journal.forget": lambda s, d: journal.forget(s.ledger, d, KEY),
    "permits.write": lambda s, d: s.permit(d),
    "permits.use": lambda s, d: permits.use(s.ledger, d, s.now, 1),
    "permits.record_operation": lambda s, d: permits.record_operation(s.ledger, d, s.now, 1, 901),
    "permits.void": lambda s, d: permits.void(s.ledger, d, s.now, 1),
    "permits.unproven": lambda s, d: permits.unproven(s.ledger, d, s.now, 1),
}


def test_every_function_that_takes_a_driver_is_tried_with_an_old_one() -> None:
    modules: list[ModuleType] = [services, requests, claims, journal, permits, results]
    taking = {
        f"{module.__name__.removeprefix('ledger.')}.{name}"
        for module in modules
        for name, function in inspect.getmembers(module, inspect.iscoroutinefunction)
        if function.__module__ == module.__name__
        and not name.startswith("_")
        and "driver" in inspect.signature(function).parameters
    }
    assert taking == set(WRITES)


async def test_an_old_driver_writes_nothing(ledger: Ledger, story: LedgerScenario) -> None:
    old = await story.reach(State.ACTIVE)
    await story.ask(run="run-2", action="terminate", takeover=True)
    before = (await story.service(), await requests.open_requests(ledger))
    for name, write in WRITES.items():
        with pytest.raises(Superseded, match=r"Somebody else drives service 1 now \(terminate, flow run run-2\)"):
            await write(story, old)
        assert (await story.service(), await requests.open_requests(ledger)) == before, name


async def test_a_driver_that_a_person_overruled_writes_nothing(ledger: Ledger, story: LedgerScenario) -> None:
    old = await story.reach(State.ACTIVE)
    old = await story.hold(old)
    await decisions.leave_hold(ledger, 1, to=State.ACTIVE, who="ann", why="-", now=story.now)
    for write in WRITES.values():
        with pytest.raises(Superseded, match="is closed: nothing was written"):
            await write(story, old)


async def test_two_requests_at_once_make_one_driver(ledger: Ledger, ledger_url: str, story: LedgerScenario) -> None:
    await services.remember(ledger, service_id=1, panel="main", now=story.now)
    second = Ledger(ledger_url)
    stories = [LedgerScenario(ledger), LedgerScenario(second)] * 4
    ended = await asyncio.gather(*(one.ask(run=f"run-{n}") for n, one in enumerate(stories)), return_exceptions=True)
    assert sum(isinstance(end, Driver) for end in ended) == 1
    assert sum(isinstance(end, RequestInProgress) for end in ended) == 7
    await second.dispose()


async def test_two_runs_remember_one_new_service_at_once(
    ledger: Ledger, ledger_url: str, story: LedgerScenario
) -> None:
    second = Ledger(ledger_url)
    await asyncio.gather(
        *(services.remember(one, service_id=1, panel="main", now=story.now) for one in [ledger, second] * 4)
    )
    assert (await story.service()).state is State.NEW
    await second.dispose()


async def test_a_permit_used_by_many_at_once_is_used_once(
    ledger: Ledger, ledger_url: str, story: LedgerScenario
) -> None:
    driver = await story.reach(State.ERASING)
    permit = await story.permit(driver)
    second = Ledger(ledger_url)
    ended = await asyncio.gather(
        *(permits.use(one, driver, story.now, permit.id) for one in [ledger, second] * 4), return_exceptions=True
    )
    assert sum(isinstance(end, PermitUsed) for end in ended) == 7
    assert sum(not isinstance(end, BaseException) for end in ended) == 1
    await second.dispose()


async def test_forty_services_share_thirty_servers(ledger: Ledger, ledger_url: str) -> None:
    halves = await asyncio.gather(race(ledger_url, 1, 20, 30), race(ledger_url, 21, 40, 30))
    await _is_fair(ledger, {**halves[0], **halves[1]})


async def test_two_processes_share_thirty_servers_among_forty_services(ledger: Ledger, ledger_url: str) -> None:
    processes = [
        await asyncio.create_subprocess_exec(
            *[sys.executable, "-m", "tests.ledger.claim_race", ledger_url, str(first), str(first + 19), "30"],
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
        )
        for first in (1, 21)
    ]
    won: dict[int, int | None] = {}
    for process in processes:
        said, _ = await process.communicate()
        assert process.returncode == 0
        for line in said.decode().split():
            service_id, server_id = line.split(":")
            won[int(service_id)] = None if server_id == "none" else int(server_id)
    await _is_fair(ledger, won)


async def _is_fair(ledger: Ledger, won: dict[int, int | None]) -> None:
    servers = [server_id for server_id in won.values() if server_id is not None]
    assert len(won) == 40
    assert sorted(servers) == list(range(1, 31))
    assert await claims.claimed(ledger, "main") == {server: service for service, server in won.items() if server}
    for service_id, server_id in won.items():
        service = await services.get(ledger, service_id)
        assert service is not None
        assert service.state is (State.CLAIMED if server_id else State.NEW)
