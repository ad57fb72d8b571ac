"""The traffic of days and months: read from the panel once, kept in the ledger, and published for WHMCS.

Clients are billed by it, so unknown is never zero: a day that could not be read is missing, its month stays open, and
the run says so. A month whose days are not what the panel tells of it as a whole stays open, too.
"""

import json
from collections.abc import Collection, Iterator
from datetime import date, datetime, timedelta
from itertools import islice

from pydantic import BaseModel, ConfigDict, JsonValue

from dcimanager.endpoints import DialectError
from dcimanager.errors import PanelError, PanelUnreachable
from dcimanager.panel import Panel
from ledger import traffic
from ledger.traffic import Figures, KnownMonth, ReadDay, Use, days, last_day, midnight, use_of
from runtime.clock import clock
from runtime.connections import connections, ledger, panel_named
from runtime.errors import StepRefused
from runtime.gate import is_answered_for
from runtime.run_log import run_log
from runtime.steps import ensures, reads
from tasks.published.traffic import MB, SILENT_IN_A_ROW, servers_in_use
from tasks.published.variables import MOST_PARTS, PART_CHARACTERS, TRAFFIC_DAYS, NamedValue, chunked, publish_chunks

SETTLED = timedelta(hours=1)
"""So long after its end a day is read: the panel writes its points every five minutes, and some come late."""

AT_ONCE = 10
"""Days of one server that one run reads at most: after a long outage every server has its turn."""

MAY_DIFFER = 0.01
"""How much of a month its days and the panel's own number of it may differ by: a point belongs to both its sides."""

DAYS_SHOWN = 30
KEPT_DAYS = 400
"""Days are kept for more than a year: as long as the panel keeps its points, and the month they were billed in."""

KBIT = 1000

LINES = 20
"""Services whose open month has a line of its own in the log."""


class PublishedTraffic(BaseModel):
    """Days and the last closed month of one panel's services, as WHMCS reads them."""

    model_config = ConfigDict(frozen=True)

    at: datetime
    panel: str
    months: dict[date, list[Figures]]
    days: dict[date, list[Figures]]
    """The newest first."""

    def variables(self, panels: Collection[str] = ()) -> Iterator[NamedValue]:
        """Names and values of the variables that WHMCS's module reads; days that have no room are left out whole.

        `panels`: all there are.
        """
        lists = {f"{month:%Y-%m}": _rows(figures) for month, figures in self.months.items()}
        left = (MOST_PARTS - 1) * PART_CHARACTERS - sum(map(_characters, lists.values()))
        for day, figures in self.days.items():
            rows = _rows(figures)
            # A part is left when the next row does not fit, so each may lack most of a row.
            left -= _characters(rows) + _characters(rows) // 50
            if left < 0:
                break
            lists[f"{day:%Y-%m-%d}"] = rows
        return chunked(TRAFFIC_DAYS, self.panel, self.at, lists, panels)


def _rows(figures: list[Figures]) -> list[JsonValue]:
    return [
        [one.service_id, one.since, one.received // MB, one.sent // MB, None if one.rate is None else one.rate // KBIT]
        for one in figures
    ]


def _characters(rows: list[JsonValue]) -> int:
    return sum(len(json.dumps(row)) + len(", ") for row in rows)


@ensures("days and months of traffic are in the ledger", run_name="keep the days of traffic of panel {name}")
async def keep_days(name: str) -> bool:
    """Read the days that are over and not known, and close the last month of the services whose days are all known.

    May be called many times: a day is kept once, a month closed once. False, and nothing is asked: nobody has answered
    for [server_traffic] of this panel. Raises StepRefused: the table cannot ask for single days; PanelUnreachable: the
    panel is silent.
    """
    panel = await panel_named(name)
    if not await is_answered_for(panel, "server_traffic"):
        run_log().info(
            "panel %s: days of traffic are not kept, as nobody has answered for its numbers: "
            "dciflow panel trust %s --entry server_traffic --why ...",
            name,
            name,
        )
        return False
    try:
        panel.traffic.check_days()
    except DialectError as error:
        raise StepRefused(str(error)) from None
    reader = _Reader(panel)
    async for claim in servers_in_use(name):
        use = use_of(claim)
        if use is not None:
            await reader.look_at(use)
    await traffic.forget_before(ledger(), clock().now().date() - timedelta(days=KEPT_DAYS))
    reader.tell()
    return True


class _Reader:
    """One run's reading of one panel, and what it could not read or close."""

    def __init__(self, panel: Panel) -> None:
        self._panel = panel
        self._today = (clock().now() - SETTLED).date()
        self._last_month = (self._today.replace(day=1) - timedelta(days=1)).replace(day=1)
        self._silent = 0
        self._failed: list[PanelError] = []
        self._open: dict[int, str] = {}
        """Services whose last month stays open, and why."""

    async def look_at(self, use: Use) -> None:
        """Read a use's days, then close its last month if that can be done. Raises PanelUnreachable."""
        try:
            await self._read_days(use)
            await self._close(use)
        except PanelError as error:
            self._silent = self._silent + 1 if isinstance(error, PanelUnreachable) else 0
            if self._silent == SILENT_IN_A_ROW:
                raise
            self._failed.append(error)
        else:
            self._silent = 0

    def tell(self) -> None:
        """Log what is not known."""
        name = self._panel.name
        if self._failed:
            text = "the days of %s of panel %s's servers could not be read; one: %s"
            run_log().warning(text, len(self._failed), name, self._failed[0])
        month = f"{self._last_month:%Y-%m}"
        for service_id, why in islice(self._open.items(), LINES):
            run_log().warning("%s of service %s stays open: %s", month, service_id, why)
        if len(self._open) > LINES:
            run_log().warning("%s of %s more services stays open", month, len(self._open) - LINES)

    async def _read_days(self, use: Use) -> None:
        first = max(self._last_month, use.began.date())
        known = await traffic.known_days(ledger(), use, first)
        missing = [day for day in days(first, self._today - timedelta(days=1)) if day not in known]
        for day in missing[:AT_ONCE]:
            began, ended = max(midnight(day), use.began), midnight(day + timedelta(days=1))
            moved = await self._panel.traffic.of(use.server_id, since=began, until=ended)
            read = ReadDay(
                day=day,
                received=moved.received,
                sent=moved.sent,
                rates_in=tuple(point.rate_in for point in moved.points),
                rates_out=tuple(point.rate_out for point in moved.points),
            )
            await traffic.keep_day(ledger(), use, read, clock().now())

    async def _close(self, use: Use) -> None:
        month, last = self._last_month, last_day(self._last_month)
        if use.began.date() > last:
            return
        known = await traffic.month_of(ledger(), use, month)
        if known.closed_at is not None:
            return
        if known.missing:
            shown = ", ".join(f"{day:%d}" for day in known.missing)
            self._open[use.service_id] = f"nothing is known of {len(known.missing)} of its days ({shown})"
            return
        began, ended = max(midnight(month), use.began), midnight(last + timedelta(days=1))
        whole = (await self._panel.traffic.of(use.server_id, since=began, until=ended)).total
        if not _agree(known, whole):
            self._open[use.service_id] = (
                f"its days are {known.received + known.sent} bytes together, and the panel tells {whole} of the month: "
                "correct [server_traffic]"
            )
            return
        await traffic.close_month(ledger(), use, month, clock().now())


def _agree(known: KnownMonth, whole: int) -> bool:
    together = known.received + known.sent
    return abs(together - whole) <= max(MAY_DIFFER * max(together, whole), MB)


@reads("the days of traffic", run_name="read the days of traffic of panel {name} from the ledger")
async def days_to_publish(name: str) -> PublishedTraffic:
    """What WHMCS is told: the last month, where it is closed, and the last days; who is not in it is not known."""
    now = clock().now()
    today = now.date()
    month = (today.replace(day=1) - timedelta(days=1)).replace(day=1)
    found: dict[date, list[Figures]] = {}
    characters = 0
    for day in reversed(list(days(today - timedelta(days=DAYS_SHOWN), today - timedelta(days=1)))):
        figures = await traffic.of_day(ledger(), name, day)
        characters += _characters(_rows(figures))
        if characters > MOST_PARTS * PART_CHARACTERS:
            break
        if figures:
            found[day] = figures
    closed = await traffic.of_closed_month(ledger(), name, month)
    return PublishedTraffic(at=now, panel=name, months={month: closed} if closed else {}, days=found)


@ensures("WHMCS can read the days of traffic", run_name="keep the days of traffic of panel {known.panel} for WHMCS")
async def publish_days(known: PublishedTraffic) -> None:
    """Write them into Prefect's variables. Raises PrefectUnreachable."""
    await publish_chunks(known.variables(await connections().name_panels()))
