"""Days and closed months of traffic in WHMCS: what is billed by, what clients and staff see, and what is not known."""

import re
import xml.etree.ElementTree as ElementTree
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from pydantic import JsonValue

from tests.whmcs_module.stories import OVERLAY

pytestmark = pytest.mark.asyncio(loop_scope="module")
TODAY = datetime.now(UTC).date()
LAST = f"{TODAY.replace(day=1) - timedelta(days=1):%Y-%m}"
"""The month that is billed in this one."""
BEFORE = f"{(TODAY.replace(day=1) - timedelta(days=40)):%Y-%m}"
SINCE = 1_700_000_000
USED = ["traffic_in", "traffic_out", "traffic_total", "traffic_95th"]
SVG = "{http://www.w3.org/2000/svg}"


def ago(days: int) -> str:
    return f"{TODAY - timedelta(days=days):%Y-%m-%d}"


@pytest.fixture(scope="module")
def overlay() -> Any:
    return OVERLAY


class Billing:
    """The scene with services whose servers are known, and what a flow published of them."""

    def __init__(self, scene: Any) -> None:
        self.scene, self.whmcs = scene, scene.whmcs

    async def service(self, server: int) -> int:
        """An Active service with a server of that number on panel main."""
        service = int(await self.scene.buy())
        await self.whmcs.edit("tblhosting", service, domainstatus="Active", username="root")
        await self.whmcs.admin_page(service)  # makes the tables
        await self.whmcs.sql(
            "INSERT INTO mod_dcimanager6_service (service_id, client_id, server_id, panel, step, state, mail, "
            "updated_at) VALUES (?, ?, ?, 'main', 'ready', 'ACTIVE', 'none', '2026-01-01 00:00:00')",
            service,
            self.scene.client,
            server,
        )
        return service

    async def reads(self, lists: dict[str, list[JsonValue]], panel: str = "main") -> None:
        at = datetime.now(UTC).isoformat()
        name = f"dciflow_traffic_{panel}"
        self.scene.prefect.variables |= {f"{name}_1": {"at": at, **lists}, name: {"at": at, "parts": 1}}
        await self.whmcs.usage_update()

    async def billed(self, month: str = "2026-11") -> dict[tuple[int, str], float]:
        """What WHMCS has after a look at all usage, by service and metric."""
        await self.whmcs.collect_usage(month)
        rows = await self.whmcs.sql("SELECT relid, metric, month, value FROM fake_usage")
        return {(int(row["relid"]), row["metric"]): float(row["value"]) for row in rows}

    async def own(self, service: int) -> dict[str, Any]:
        return dict(await self.whmcs.control("ofService", serviceId=service))

    async def tenant(self, service: int) -> str:
        rows = await self.whmcs.sql(
            "SELECT value FROM tblcustomfieldsvalues WHERE relid = ? AND fieldname = 'DCI server'", service
        )
        return rows[0]["value"] if rows else ""

    async def graph(self, service: int) -> str:
        """The picture on the client's page; "" when there is none."""
        html = (await self.whmcs.client_page(service, self.scene.client)).html
        found = re.search(r"<svg.*</svg>", html, re.DOTALL)
        return found[0] if found else ""


@pytest_asyncio.fixture(loop_scope="module")
async def billing(scene: Any) -> Billing:
    return Billing(scene)


async def test_what_can_be_billed_is_told_without_a_server(billing: Billing) -> None:
    metrics = await billing.whmcs.metrics()
    assert [metric["name"] for metric in metrics] == USED
    assert {metric["type"] for metric in metrics} == {"month"}
    assert [metric["unit"] for metric in metrics] == ["Gigabytes"] * 3 + ["Megabits per second"]
    assert all(metric["words"].endswith("last month") for metric in metrics)


async def test_the_closed_month_is_billed_to_the_service_whose_server_moved_it(billing: Billing) -> None:
    one, two = await billing.service(7), await billing.service(8)
    await billing.reads({LAST: [[one, SINCE, 2048, 512, 93500], [two, SINCE, 1024, 0, None]]})
    assert await billing.billed() == {
        (one, "traffic_in"): 2.0,
        (one, "traffic_out"): 0.5,
        (one, "traffic_total"): 2.5,
        (one, "traffic_95th"): 93.5,
        (two, "traffic_in"): 1.0,
        (two, "traffic_out"): 0.0,
        (two, "traffic_total"): 1.0,
    }
    assert await billing.own(two) == {"traffic_in": 1, "traffic_out": 0, "traffic_total": 1, "traffic_95th": None}
    names = {row["username"] for row in await billing.whmcs.sql("SELECT username FROM tblhosting")}
    assert names == {"root"}


async def test_a_month_is_the_same_at_each_look_and_never_changes(billing: Billing) -> None:
    service = await billing.service(7)
    await billing.reads({LAST: [[service, SINCE, 2048, 0, None]]})
    first = await billing.billed()
    await billing.reads({LAST: [[service, SINCE, 9999, 9999, 9999]]})
    assert await billing.billed() == first
    (row,) = await billing.whmcs.sql("SELECT COUNT(*) AS count FROM fake_usage WHERE metric = 'traffic_in'")
    assert int(row["count"]) == 1


async def test_only_the_month_before_this_one_is_billed(billing: Billing) -> None:
    service = await billing.service(7)
    await billing.reads({BEFORE: [[service, SINCE, 5, 5, 5]], f"{TODAY:%Y-%m}": [[service, SINCE, 6, 6, 6]]})
    assert await billing.billed() == {}
    assert await billing.own(service) == dict.fromkeys(USED)


async def test_what_is_not_known_is_not_billed_as_zero(billing: Billing) -> None:
    known, unknown = await billing.service(7), await billing.service(8)
    await billing.reads({LAST: [[known, SINCE, 1024, 0, 0]], ago(1): [[unknown, SINCE, 5, 5, None]]})
    assert {service for service, _ in await billing.billed()} == {known}
    assert await billing.own(unknown) == dict.fromkeys(USED)


async def test_a_client_who_changes_the_field_gets_nobody_elses_usage_and_the_field_is_put_right(
    billing: Billing,
) -> None:
    one, two = await billing.service(7), await billing.service(8)
    rows: list[JsonValue] = [[one, SINCE, 2048, 0, None], [two, SINCE, 1024, 0, None]]
    await billing.reads({LAST: rows})
    tenant = await billing.tenant(one)
    assert tenant.startswith("7-")
    assert len({tenant, await billing.tenant(two)}) == 2
    for forged in ("8", "8-000000000000", tenant.replace("7-", "8-"), "", "8' OR 1=1"):
        await billing.whmcs.sql(
            "UPDATE tblcustomfieldsvalues SET value = ? WHERE relid = ? AND fieldname = 'DCI server'", forged, one
        )
        assert await billing.own(one) == dict.fromkeys(USED)
        assert one not in {service for service, _ in await billing.billed()}
    await billing.whmcs.usage_update()
    assert await billing.tenant(one) == tenant
    assert (await billing.billed())[one, "traffic_in"] == 2.0


async def test_two_services_that_are_said_to_have_one_server_are_not_billed_for_it(billing: Billing) -> None:
    one, two = await billing.service(7), await billing.service(7)
    await billing.reads({LAST: [[one, SINCE, 1024, 0, None], [two, SINCE, 1024, 0, None]]})
    assert await billing.billed() == {}


async def test_a_service_that_is_over_or_anothers_by_now_is_not_billed(billing: Billing) -> None:
    over, moved = await billing.service(7), await billing.service(8)
    await billing.reads(
        {LAST: [[over, SINCE, 1024, 0, None], [moved, SINCE, 1024, 0, None]], ago(1): [[moved, SINCE, 5, 5, 5]]}
    )
    await billing.whmcs.edit("tblhosting", over, domainstatus="Terminated")
    other = await billing.whmcs.add_client("eve@example.com", "Eve", "Other")
    await billing.whmcs.edit("tblhosting", moved, userid=other)
    assert await billing.billed() == {}
    assert "<svg" not in (await billing.whmcs.client_page(moved, other)).html
    assert "Traffic" not in (await billing.whmcs.admin_page(moved)).fields


async def test_the_number_of_a_service_that_comes_again_brings_no_traffic_with_it(billing: Billing) -> None:
    service = await billing.service(7)
    await billing.reads({LAST: [[service, SINCE, 1024, 0, None]], ago(1): [[service, SINCE, 5, 5, 5]]})
    other = await billing.whmcs.add_client("eve@example.com", "Eve", "Other")
    await billing.whmcs.edit("tblhosting", service, userid=other, orderid=9999, domainstatus="Pending")
    await billing.whmcs.command(service, "CreateAccount")
    rows = await billing.whmcs.sql("SELECT * FROM mod_dcimanager6_traffic WHERE service_id = ?", service)
    assert rows == []


async def test_what_an_earlier_use_of_a_server_moved_is_not_shown(billing: Billing) -> None:
    service = await billing.service(7)
    await billing.reads({ago(3): [[service, SINCE, 1024, 0, None]], LAST: [[service, SINCE, 1024, 0, None]]})
    await billing.reads({ago(1): [[service, SINCE + 9, 7, 0, None]]})
    assert "on the 1 days that are known; 29 of the last 30 are not." in await billing.graph(service)
    assert await billing.billed() == {}


async def test_rows_of_services_of_other_records_are_not_taken(billing: Billing) -> None:
    here = await billing.service(7)
    elsewhere = int(await billing.scene.buy(panel=1))
    await billing.whmcs.edit("tblhosting", elsewhere, domainstatus="Active")
    await billing.reads({LAST: [[here, SINCE, 1, 1, 1], [elsewhere, SINCE, 1, 1, 1], [999999, SINCE, 1, 1, 1]]})
    rows = await billing.whmcs.sql("SELECT service_id FROM mod_dcimanager6_traffic")
    assert [int(row["service_id"]) for row in rows] == [here]


@pytest.mark.parametrize(
    "row", ["x", [], [5], ["a", 1, 1, 1, 1], [5, SINCE, -1, 1, 1], [5, SINCE, 1.5, 1, 1], [5, SINCE, None, 1, 1],
            [5, SINCE, 1, 1, "1"], [5, SINCE, 1, 1, 1, 1], {}],
)  # fmt: skip
async def test_a_row_that_is_none_is_passed_over(billing: Billing, row: JsonValue) -> None:
    service = await billing.service(7)
    spoilt = [service if number == 5 else number for number in row] if isinstance(row, list) else row
    await billing.reads({LAST: [spoilt]})
    assert await billing.billed() == {}
    await billing.reads({LAST: [spoilt, [service, SINCE, 1024, 0, None]]})
    assert (await billing.billed())[service, "traffic_in"] == 1.0


@pytest.mark.parametrize("name", ["services", "2026", "2026-11-1", "2026-11-24x", "<b>2026-11</b>", "1999-01"])
async def test_a_list_that_is_no_month_and_no_day_is_passed_over(billing: Billing, name: str) -> None:
    service = await billing.service(7)
    await billing.reads({name: [[service, SINCE, 1, 1, 1]]})
    assert await billing.whmcs.sql("SELECT * FROM mod_dcimanager6_traffic") == []


async def test_traffic_that_is_off_writes_no_field_and_shows_nothing(billing: Billing) -> None:
    service = await billing.service(7)
    await billing.whmcs.usage_update()
    assert await billing.tenant(service) == ""
    assert await billing.graph(service) == ""
    assert "Traffic" not in (await billing.whmcs.admin_page(service)).fields
    assert await billing.own(service) == dict.fromkeys(USED)


async def test_client_and_staff_see_the_last_days_and_staff_the_closed_month(billing: Billing) -> None:
    service = await billing.service(7)
    await billing.reads({
        LAST: [[service, SINCE, 20480, 512, 93500]],
        ago(1): [[service, SINCE, 1024, 512, None]],
        ago(3): [[service, SINCE, 0, 1, None]],
        ago(31): [[service, SINCE, 9999, 9999, None]],
    })  # fmt: skip
    graph = await billing.graph(service)
    svg = ElementTree.fromstring(graph)  # noqa: S314 - our own
    assert svg.get("role") == "img"
    labels = {element.get("id"): element.text for element in svg if element.tag in (f"{SVG}title", f"{SVG}desc")}
    assert (svg.get("aria-labelledby") or "").split() == list(labels)
    said = "1.0 GB in (blue) and 513 MB out (orange) on the 2 days that are known; 28 of the last 30 are not."
    assert list(labels.values()) == ["Traffic of the last 30 days", said]
    days = {group[0].text: [bar.get("height") for bar in group[1:]] for group in svg.iter(f"{SVG}g")}
    assert days == {
        f"{ago(3)}: 0 MB in, 1 MB out": ["0", "1"],
        f"{ago(1)}: 1.0 GB in, 512 MB out": ["100", "50"],
    }
    assert not re.search(r"<script|style=|\bon[a-z]+=|href", graph)
    row = (await billing.whmcs.admin_page(service)).fields["Traffic"]
    assert graph in row
    assert f"<p>{LAST}: 20.0 GB in, 512 MB out, 95th percentile 93.5 Mbit/s</p>" in row


async def test_a_client_whose_address_is_not_verified_sees_no_traffic(billing: Billing) -> None:
    service = await billing.service(7)
    await billing.reads({ago(1): [[service, SINCE, 5, 5, 5]]})
    assert await billing.graph(service) != ""
    await billing.whmcs.edit("tblclients", billing.scene.client, email_verified=0)
    await billing.whmcs.edit("tblproducts", billing.scene.product, configoption7="on")
    assert await billing.graph(service) == ""


async def test_neither_bills_nor_pages_ask_prefect(billing: Billing) -> None:
    service = await billing.service(7)
    await billing.reads({LAST: [[service, SINCE, 1024, 0, None]], ago(1): [[service, SINCE, 5, 5, 5]]})
    asked = len(billing.scene.prefect.requests)
    await billing.billed()
    await billing.own(service)
    await billing.graph(service)
    await billing.whmcs.admin_page(service)
    assert len(billing.scene.prefect.requests) == asked


async def test_days_that_cannot_be_read_say_so_and_the_month_is_written_all_the_same(billing: Billing) -> None:
    service = await billing.service(7)
    at = datetime.now(UTC).isoformat()
    billing.scene.prefect.variables |= {
        "dcimanager_traffic_main_1": {"at": at, "services": [[service, 5, None]]},
        "dcimanager_traffic_main": {"at": at, "parts": 1},
    }
    billing.scene.prefect.then("500", on="dciflow_traffic_main")
    await billing.whmcs.usage_update()
    (row,) = await billing.whmcs.sql("SELECT bwusage FROM tblhosting WHERE id = ?", service)
    assert row["bwusage"] == "5"
    assert [line for line in await billing.scene.activities() if "the traffic of server" in line.description]


async def test_days_older_than_a_year_are_deleted(billing: Billing) -> None:
    service = await billing.service(7)
    await billing.reads({ago(420): [[service, SINCE, 5, 5, 5]], ago(1): [[service, SINCE, 5, 5, 5]]})
    rows = await billing.whmcs.sql("SELECT period FROM mod_dcimanager6_traffic")
    assert [row["period"] for row in rows] == [ago(1)]


async def test_the_table_comes_to_an_older_module_by_itself(billing: Billing) -> None:
    service = await billing.service(7)
    await billing.whmcs.sql("DROP TABLE mod_dcimanager6_traffic")
    await billing.whmcs.sql("UPDATE mod_dcimanager6_setting SET value = '4' WHERE name = 'schema'")
    assert await billing.graph(service) == ""
    await billing.reads({ago(1): [[service, SINCE, 5, 5, 5]]})
    assert await billing.graph(service) != ""
