import os
from collections import namedtuple
from datetime import timedelta
from pathlib import Path

import pytest

from dciflow.doctor import database
from dciflow.doctor.database import check_backups, check_clock, check_ledger, check_room, check_settings
from dciflow.doctor.findings import Verdict
from ledger.database import Ledger
from runtime.settings import Settings

Usage = namedtuple("Usage", "total used free")
HOUR = 3600


def verdicts(found: object) -> list[Verdict]:
    return [one.verdict for one in found]  # type: ignore[attr-defined]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@pytest.fixture
def ledger(file: Path) -> Ledger:
    return Ledger(f"sqlite+aiosqlite:///{file}")


async def test_a_ledger_of_this_release_is_ok_and_one_that_is_not_there_is_wrong(ledger: Ledger, file: Path) -> None:
    [found] = await check_ledger(ledger)
    assert found.verdict is Verdict.WRONG and "There is no ledger" in found.what
    assert list(file.parent.iterdir()) == []
    await ledger.upgrade()
    assert verdicts(await check_ledger(ledger)) == [Verdict.OK]
    await ledger.dispose()


async def test_a_ledger_of_an_earlier_release_is_wrong(ledger: Ledger) -> None:
    await ledger.upgrade()
    async with ledger.transaction() as session:
        await (await session.connection()).exec_driver_sql("UPDATE ledger_version SET version_num = 'r0001'")
    [found] = await check_ledger(ledger)
    assert found.verdict is Verdict.WRONG and "dciflow setup" in found.do
    await ledger.dispose()


@pytest.mark.parametrize(("free", "verdict"), [(50_000, Verdict.OK), (4_000, Verdict.LOOK), (100, Verdict.WRONG)])
def test_room_runs_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, free: int, verdict: Verdict) -> None:
    monkeypatch.setattr(database.shutil, "disk_usage", lambda _: Usage(0, 0, free * 1_000_000))
    assert verdicts(check_room(None, tmp_path / "not" / "there" / "yet")) == [verdict]


def test_a_write_ahead_log_that_grows_is_seen(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    monkeypatch.setattr(database, "LARGEST_WAL", 1_000)
    log = file.with_name("ledger.db-wal")
    log.write_bytes(b"x" * 1_000)
    assert Verdict.LOOK not in verdicts(check_room(file, file.parent))
    log.write_bytes(b"x" * 1_001)
    assert Verdict.LOOK in verdicts(check_room(file, file.parent))


@pytest.mark.parametrize(("behind", "verdict"), [(0, Verdict.OK), (95, Verdict.WRONG)])
async def test_clocks_that_are_apart_are_wrong(
    monkeypatch: pytest.MonkeyPatch, ledger: Ledger, behind: int, verdict: Verdict
) -> None:
    async def follow_ledger(*, at_once: bool) -> timedelta:
        return timedelta(seconds=behind)

    monkeypatch.setattr(database, "follow_ledger", follow_ledger)
    await ledger.upgrade()
    assert verdicts(await check_clock(ledger)) == [verdict]
    await ledger.dispose()


@pytest.mark.parametrize(("hours", "verdict"), [(3, Verdict.OK), (25, Verdict.OK), (27, Verdict.WRONG)])
def test_the_newest_back_up_tells_whether_they_are_made(tmp_path: Path, hours: int, verdict: Verdict) -> None:
    now = 1_790_000_000.0
    for name, age in (("ledger-1.dump", hours), ("ledger-0.dump", 900), ("prefect-1.dump", 1)):
        (tmp_path / name).write_text("dump")
        os.utime(tmp_path / name, (now - age * HOUR, now - age * HOUR))
    assert verdicts(check_backups(tmp_path, now)) == [verdict, Verdict.OK]


def test_an_empty_back_up_is_none(tmp_path: Path) -> None:
    (tmp_path / "ledger-1.dump").write_text("")
    assert verdicts(check_backups(tmp_path)) == [Verdict.WRONG, Verdict.WRONG]


def test_back_ups_that_nobody_named_are_looked_at_by_a_person(tmp_path: Path) -> None:
    assert verdicts(check_backups(None)) == [Verdict.LOOK]
    assert verdicts(check_backups(tmp_path / "absent")) == [Verdict.WRONG]


def test_the_settings_as_they_come_are_ok() -> None:
    assert verdicts(check_settings(Settings(), 100)) == [Verdict.OK]


@pytest.mark.parametrize(
    "moved",
    [
        {"cap_terminations_share": 0.9},
        {"cap_small_fleet": 90},
        {"cap_terminations_per_day": 90},
        {"cap_wipes_per_hour": 90},
        {"reconcile_shrink_share": 0.5},
        {"sell_despite": "dirty"},
    ],
    ids=lambda moved: next(iter(moved)),
)
def test_a_guard_that_was_moved_far_is_looked_at_by_a_person(moved: dict[str, float]) -> None:
    [found] = check_settings(Settings(**moved), 100)  # type: ignore[arg-type]
    assert found.verdict is Verdict.LOOK
    assert next(iter(moved)).upper() in found.what


def test_a_large_fleet_has_larger_caps() -> None:
    assert verdicts(check_settings(Settings(cap_terminations_per_day=90), 1_000)) == [Verdict.OK]


def test_the_demos_clock_is_wrong_in_production() -> None:
    assert verdicts(check_settings(Settings(clock_speed=60), 100)) == [Verdict.WRONG]
