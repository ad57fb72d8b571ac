import asyncio
from collections.abc import Collection

import pytest

from ledger.errors import LedgerUnavailable
from ledger.snapshots import Driver
from runtime import heartbeat
from runtime.heartbeat import HEARTBEAT_SECONDS, STALLED_AFTER, keep_alive

FIRST, SECOND = (Driver(service_id=number, epoch=1, request_id=f"request-{number}") for number in (1, 2))


@pytest.fixture
def beats(monkeypatch: pytest.MonkeyPatch) -> list[set[Driver]]:
    """Who was said to be alive, one entry for each write to the ledger."""
    seen: list[set[Driver]] = []

    async def beat(_: object, drivers: Collection[Driver], **__: object) -> None:
        seen.append(set(drivers))
        if len(seen) == 1:
            raise LedgerUnavailable("the database restarts")

    monkeypatch.setattr(heartbeat, "HEARTBEAT_SECONDS", 0.001)
    monkeypatch.setattr(heartbeat, "ledger", lambda: None)
    monkeypatch.setattr(heartbeat.requests, "beat", beat)
    return seen


async def until(beats: list[set[Driver]], count: int) -> None:
    async with asyncio.timeout(10):
        while len(beats) < count:  # noqa: ASYNC110  # the writer is the product's own and knows no event
            await asyncio.sleep(0.001)


async def test_all_runs_of_a_process_share_one_write_and_an_outage_does_not_end_it(beats: list[set[Driver]]) -> None:
    with keep_alive(FIRST):
        with keep_alive(SECOND):
            await until(beats, 3)
        assert beats[:3] == [{FIRST, SECOND}] * 3
        await until(beats, len(beats) + 2)
        assert beats[-1] == {FIRST}


async def test_after_the_last_run_nothing_is_written_and_the_next_one_starts_it_again(beats: list[set[Driver]]) -> None:
    with keep_alive(FIRST):
        await until(beats, 1)
    written = len(beats)
    await asyncio.sleep(0.02)
    assert len(beats) == written
    with keep_alive(SECOND):
        await until(beats, written + 1)
    assert beats[-1] == {SECOND}


def test_one_missed_heartbeat_makes_no_run_stalled() -> None:
    assert STALLED_AFTER.total_seconds() >= 3 * HEARTBEAT_SECONDS
