"""The ledger's database: reached, of this release, with room, on time, backed up; and the caps that guard it."""

import shutil
import time
from pathlib import Path

from dciflow.doctor.findings import Answer, Finding, look, ok, wrong
from ledger.database import Ledger
from ledger.errors import LedgerError
from runtime.ledger_time import follow_ledger, skews
from runtime.settings import Settings

MEGABYTE = 1_000_000
LEAST_FREE, LITTLE_FREE = 500 * MEGABYTE, 5_000 * MEGABYTE
"""Bytes: a database that cannot write stops everything; a day of runs with their logs is some hundred megabytes."""

LARGEST_WAL = 200 * MEGABYTE
"""SQLite keeps its write-ahead log at some megabytes, unless a reader never ends."""

OLDEST_BACKUP = 26 * 3600.0
"""Seconds: one a day, and two hours for it."""

OF_BOTH = ("ledger-", "prefect-")
"""How the files begin that docs/operate.md ("Back-ups") writes."""


async def check_ledger(ledger: Ledger) -> Answer:
    """Whether the database answers and has this release's tables."""
    try:
        await ledger.check()
    except LedgerError as error:
        return [wrong(str(error), "start the database, or type dciflow setup")]
    kind = "a file here, for one machine only" if ledger.on_this_machine else "PostgreSQL"
    return [ok(f"it answers and has this release's tables ({kind})")]


def check_room(file: Path | None, home: Path) -> Answer:
    """How much room the disks have that are written to. file: a SQLite ledger's, None elsewhere; home: Prefect's."""
    found: list[Finding] = []
    for folder in dict.fromkeys(_there(path) for path in (home, *([] if file is None else [file.parent]))):
        free = shutil.disk_usage(folder).free
        said = f"{free / MEGABYTE:,.0f} MB are free on the disk of {folder}"
        verdict = wrong if free < LEAST_FREE else look if free < LITTLE_FREE else None
        found.append(verdict(said, "make room, or nothing can be written soon") if verdict else ok(said))
    wal = None if file is None else file.with_name(f"{file.name}-wal")
    if wal is not None and wal.exists() and wal.stat().st_size > LARGEST_WAL:
        size = wal.stat().st_size / MEGABYTE
        found.append(look(f"{wal} has {size:,.0f} MB", "find the program that reads the ledger and never ends"))
    return found


def _there(path: Path) -> Path:
    """The folder, or the nearest above it that exists."""
    return next(one for one in (path, *path.absolute().parents) if one.is_dir())


async def check_clock(ledger: Ledger) -> Answer:
    """Whether this machine's clock and the database's agree. Raises LedgerError."""
    await ledger.check()  # of a SQLite ledger that is not there a question would make an empty one
    apart = skews(await follow_ledger(at_once=True))
    if apart:
        return [wrong(line, "until then nothing is wiped: timedatectl set-ntp true") for line in apart]
    return [ok("this machine's clock agrees with the database's")]


def check_backups(folder: Path | None, now: float | None = None) -> Answer:
    """How old the newest back-up of the ledger and of Prefect's database is."""
    if folder is None:
        return [look("nothing says how old the last back-up is", "name their folder: dciflow doctor --backups FOLDER")]
    if not folder.is_dir():
        return [wrong(f"{folder} is no folder", "name the folder of the back-ups (docs/operate.md, Back-ups)")]
    return [_newest(folder, begin, time.time() if now is None else now) for begin in OF_BOTH]


def _newest(folder: Path, begin: str, now: float) -> Finding:
    files = [path for path in folder.glob(f"{begin}*") if path.is_file() and path.stat().st_size > 0]
    if not files:
        return wrong(f"{folder} has no file {begin}*", "back up both databases daily (docs/operate.md, Back-ups)")
    newest = max(files, key=lambda path: path.stat().st_mtime)
    hours = (now - newest.stat().st_mtime) / 3600
    said = f"{newest.name} is {hours:.0f} h old"
    return wrong(said, "find out why none was made since") if hours * 3600 > OLDEST_BACKUP else ok(said)


def check_settings(settings: Settings, servers: int) -> Answer:
    """Whether settings that guard against loss were moved to where they guard little. servers: those promised now."""
    found = list(_caps(settings, servers))
    if settings.clock_speed != 1:
        found.append(wrong(f"DCIFLOW_CLOCK_SPEED is {settings.clock_speed:g}", "take it away: it is for the demo"))
    if settings.sell_despite:
        waived = ", ".join(sorted(settings.sell_despite))
        found.append(look(f"DCIFLOW_SELL_DESPITE waives {waived}", "see whether that is still meant (docs/limits.md)"))
    return found or [ok("the caps are where they guard")]


def _caps(settings: Settings, servers: int) -> Answer:
    moved = "nothing, if it is meant for today; else take the setting away (docs/operate.md, Caps)"
    most = max(10, servers // 2)
    for name, value, limit in (
        ("DCIFLOW_CAP_TERMINATIONS_SHARE", settings.cap_terminations_share, 0.5),
        ("DCIFLOW_RECONCILE_SHRINK_SHARE", settings.reconcile_shrink_share, 0.3),
        ("DCIFLOW_CAP_SMALL_FLEET", settings.cap_small_fleet, most),
        ("DCIFLOW_CAP_TERMINATIONS_PER_DAY", settings.cap_terminations_per_day, max(50, most)),
        ("DCIFLOW_CAP_WIPES_PER_HOUR", settings.cap_wipes_per_hour, max(30, most)),
    ):
        if value > limit:
            yield look(f"{name} is {value:g}: {servers} servers are promised", moved)
