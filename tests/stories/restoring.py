"""Back-ups in a story: of the ledger's file, and of what the panel, WHMCS and Prefect remember."""

import shutil
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

from ledger import requests
from ledger.incarnation import Side
from runtime.incarnation import ADVANCE_EVERY, Standing, look
from tasks.restored.going_through import Plan, go_through, plan
from tasks.restored.runs import OpenRun
from tests.harness import Harness, trust_panel


class PrefectsRuns:
    """Prefect's runs that are not over, and what became of them."""

    def __init__(self) -> None:
        self.open: dict[str, OpenRun] = {}
        self.ended: dict[str, str] = {}

    async def not_over(self) -> list[OpenRun]:
        return list(self.open.values())

    async def end(self, run: OpenRun, why: str) -> None:
        del self.open[run.run_id]
        self.ended[run.run_id] = why


class BackUps:
    """Back-ups of all sides of one harness, each taken and restored when the story says so."""

    def __init__(self, harness: Harness, folder: Path) -> None:
        self.harness = harness
        self.runs = PrefectsRuns()
        self._dump = folder / "ledger.dump"
        self._saved: dict[Side, Any] = {}
        self._under_way: list[OpenRun] = []

    @property
    def _file(self) -> Path:
        file = self.harness.ledger._file
        assert file is not None
        return file

    def _remove(self, *ends: str) -> None:
        for end in ends:
            Path(f"{self._file}{end}").unlink(missing_ok=True)

    def take(self, *under_way: str) -> None:
        """One back-up of each side, all of the same moment; `under_way`: the flows that run by then."""
        self._dump.unlink(missing_ok=True)
        with closing(sqlite3.connect(self._file)) as source, closing(sqlite3.connect(self._dump)) as dump:
            source.backup(dump)
        self._saved = {
            "whmcs": self.harness.whmcs.save(),
            "panel": self.harness.panel.world.save(),
            "prefect": self.harness.outside,
        }
        self._under_way = [
            OpenRun(
                run_id=f"run of {flow}", name=flow, flow=flow, created=self.harness.clock.now(),
                began=True, is_scheduled_again=False,
            )
            for flow in under_way
        ]  # fmt: skip

    async def work_goes_on(self) -> None:
        """A worker looks, as it does every 15 seconds; ledger and Prefect belong together."""
        self.harness.clock.simulated.advance(ADVANCE_EVERY.total_seconds())
        standing = await look()
        assert standing.is_good, standing.line

    async def lose_ledger(self) -> Standing:
        """There is no back-up of the ledger: `dciflow setup` makes a new one, and a person trusts the panel again."""
        await self.harness.ledger.dispose()
        self._remove("", "-wal", "-shm")
        await self.harness.ledger.upgrade()
        await trust_panel(self.harness.ledger)
        self.harness.connect()
        return await look()

    async def restore(self, side: Side) -> Standing:
        """Restore that side, all others stay as they are; returns what a worker sees then."""
        match side:
            case "ledger":
                await self.harness.ledger.dispose()
                self._remove("-wal", "-shm")
                shutil.copy(self._dump, self._file)
            case "prefect":
                self.harness.outside = self._saved["prefect"]
                self.runs.open = {run.run_id: run for run in self._under_way}
            case "whmcs":
                self.harness.whmcs.restore(self._saved["whmcs"])
            case "panel":
                self.harness.panel.world.restore(self._saved["panel"])
        self.harness.connect()
        return await look()

    async def go_through(self, side: Side) -> Plan:
        """What a person types then: the plan first, which changes nothing, and then all of it."""
        planned = await plan(side, self.runs)
        done = await go_through(side, self.runs, who="shift", say=lambda line: None)
        assert (planned.of("hold"), planned.of("set-aside")) == (done.of("hold"), done.of("set-aside"))
        assert self.runs.open == {}
        assert await requests.open_requests(self.harness.ledger) == []
        await self.work_goes_on()
        return done


def later(harness: Harness, **span: float) -> None:
    """Time passes, and nobody looks."""
    harness.clock.simulated.advance(timedelta(**span).total_seconds())
