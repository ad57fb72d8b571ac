import asyncio
import logging
import time
from collections.abc import AsyncIterator

import pytest

from worker import watchdog
from worker.watchdog import Watchdog, places


@pytest.fixture
async def alarms(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[tuple[float, str]]]:
    """A watchdog of this loop, twenty times as quick as in a worker; and what it told staff."""
    monkeypatch.setattr(watchdog, "BEAT_SECONDS", 0.025)
    monkeypatch.setattr(watchdog, "STOOD_STILL_SECONDS", 0.2)
    monkeypatch.setattr(watchdog, "ALARM_SECONDS", 0.6)
    told: list[tuple[float, str]] = []
    watching = asyncio.create_task(Watchdog(lambda seconds, by: told.append((seconds, by))).watch())
    await asyncio.sleep(0.1)
    yield told
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)


def reads_what_an_evil_panel_says(seconds: float) -> None:
    secret = "canary"  # noqa: F841
    time.sleep(seconds)


async def test_a_standstill_is_told_with_its_length_and_place(
    alarms: list[tuple[float, str]], caplog: pytest.LogCaptureFixture
) -> None:
    reads_what_an_evil_panel_says(0.4)
    await asyncio.sleep(0.1)
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "The event loop stood still for 0." in record.getMessage()
    assert "test_watchdog.py:" in record.getMessage()
    assert "reads_what_an_evil_panel_says" in record.getMessage()
    assert "canary" not in record.getMessage()
    assert alarms == []


async def test_a_long_one_is_told_while_it_lasts_and_to_staff_when_it_is_over(
    alarms: list[tuple[float, str]], caplog: pytest.LogCaptureFixture
) -> None:
    reads_what_an_evil_panel_says(1.2)
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    await asyncio.sleep(0.1)
    ((seconds, by),) = alarms
    assert seconds > 0.6
    assert "reads_what_an_evil_panel_says" in by


async def test_a_loop_that_turns_is_no_news(alarms: list[tuple[float, str]], caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(20):
        reads_what_an_evil_panel_says(0.03)
        await asyncio.sleep(0)
    assert caplog.records == []
    assert alarms == []


def test_a_thread_that_is_gone_is_nowhere() -> None:
    assert places(None) == ""
