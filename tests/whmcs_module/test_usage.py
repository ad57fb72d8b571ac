"""The month's traffic in WHMCS, once a day: what is known is written, and nothing else is touched."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from pydantic import JsonValue

from tests.whmcs_module.stories import OVERLAY

pytestmark = pytest.mark.asyncio(loop_scope="module")
UNTOUCHED = (None, None, None)


@pytest.fixture(scope="module")
def overlay() -> Any:
    return OVERLAY


class Month:
    """The scene with services of two panels, main and second."""

    def __init__(self, scene: Any) -> None:
        self.scene, self.whmcs = scene, scene.whmcs

    def moved(self, panel: str, *rows: JsonValue, age_hours: float = 1) -> None:
        """Keep traffic in one part for each row, as the flow does with many."""
        at = (datetime.now(UTC) - timedelta(hours=age_hours)).isoformat()
        name = f"dcimanager_traffic_{panel}"
        for number, row in enumerate(rows, start=1):
            self.scene.prefect.variables[f"{name}_{number}"] = {"at": at, "services": [row]}
        self.scene.prefect.variables[name] = {"at": at, "parts": len(rows)}

    async def service(self, *, panel: int = 0, status: str = "Active") -> int:
        service = await self.scene.buy(panel=panel)
        await self.whmcs.edit("tblhosting", service, domainstatus=status)
        return int(service)

    async def written(self, service: int) -> tuple[str | None, str | None, str | None]:
        """bwusage, bwlimit and lastupdate."""
        (row,) = await self.whmcs.sql("SELECT bwusage, bwlimit, lastupdate FROM tblhosting WHERE id = ?", service)
        return row["bwusage"], row["bwlimit"], row["lastupdate"]

    async def lines(self) -> list[str]:
        return [line.description for line in await self.scene.activities() if "traffic" in line.description]


@pytest_asyncio.fixture(loop_scope="module")
async def month(scene: Any) -> Month:
    return Month(scene)


async def test_what_services_moved_is_written_with_its_limit_and_the_time(month: Month) -> None:
    one, two = await month.service(), await month.service(status="Suspended")
    month.moved("main", [one, 1500, 10000], [two, 0, None])
    await month.whmcs.usage_update()
    used, limit, at = await month.written(one)
    assert (used, limit) == ("1500", "10000")
    assert at is not None and at[:2] == "20"
    assert (await month.written(two))[:2] == ("0", None)
    assert await month.lines() == []


async def test_a_limit_that_the_panel_does_not_tell_stays_what_it_is(month: Month) -> None:
    service = await month.service()
    await month.whmcs.edit("tblhosting", service, bwlimit="777")
    month.moved("main", [service, 5, None])
    await month.whmcs.usage_update()
    assert (await month.written(service))[:2] == ("5", "777")


async def test_a_service_that_is_not_listed_is_not_touched(month: Month) -> None:
    listed, missing = await month.service(), await month.service()
    month.moved("main", [listed, 5, None])
    await month.whmcs.usage_update()
    assert await month.written(missing) == UNTOUCHED


async def test_only_services_of_the_record_and_with_a_server_are_written(month: Month) -> None:
    elsewhere, over = await month.service(panel=1), await month.service(status="Terminated")
    month.moved("main", [elsewhere, 5, 5], [over, 5, 5], [999999, 5, 5])
    await month.whmcs.usage_update()
    assert (await month.written(elsewhere), await month.written(over)) == (UNTOUCHED, UNTOUCHED)
    month.moved("second", [elsewhere, 6, 6])
    await month.whmcs.usage_update()
    assert (await month.written(elsewhere))[:2] == ("6", "6")


async def test_traffic_that_is_off_is_silence(month: Month) -> None:
    service = await month.service()
    await month.whmcs.usage_update()
    assert await month.written(service) == UNTOUCHED
    assert await month.lines() == []


@pytest.mark.parametrize(
    ("spoil", "said"),
    [("old", "too old"), ("torn", "do not fit together"), ("Prefect is down", "Prefect answered 500")],
)
async def test_what_is_old_or_cannot_be_read_is_not_written_and_translate_errors(
    month: Month, spoil: str, said: str
) -> None:
    service = await month.service()
    month.moved("main", [service, 5, 5], age_hours=49 if spoil == "old" else 47)
    if spoil == "torn":
        month.scene.prefect.variables["dcimanager_traffic_main_1"]["at"] = "2026-01-01T00:00:00+00:00"
    if spoil == "Prefect is down":
        month.scene.prefect.then("500", on="dcimanager_traffic_main")
    await month.whmcs.usage_update()
    assert await month.written(service) == UNTOUCHED
    (line,) = await month.lines()
    assert said in line and f"server {month.scene.panels[0]} " in line


async def test_two_days_are_not_too_old(month: Month) -> None:
    service = await month.service()
    month.moved("main", [service, 5, 5], age_hours=47)
    await month.whmcs.usage_update()
    assert (await month.written(service))[:2] == ("5", "5")


@pytest.mark.parametrize("row", ["x", [], [5], ["a", 1, 1], [5, "1", 1], [5, -1, 1], [5, 1.5, 1], [5, 1, 1, 1], {}])
async def test_a_row_that_is_none_is_passed_over(month: Month, row: JsonValue) -> None:
    service = await month.service()
    spoilt = [service if number == 5 else number for number in row] if isinstance(row, list) else row
    month.moved("main", spoilt)
    await month.whmcs.usage_update()
    assert await month.written(service) == UNTOUCHED
    month.moved("main", spoilt, [service, 8, -1])
    await month.whmcs.usage_update()
    assert (await month.written(service))[:2] == ("8", None)
