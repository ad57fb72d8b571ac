"""The variables that flows write for WHMCS: each example of contract.json is what Python writes and what PHP reads."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from ledger.snapshots import Service
from ledger.states import State
from ledger.traffic import Figures
from simulator.whmcs_php.host import FakeWhmcs
from tasks.published.catalogue import Catalogue, OfferedConfiguration, OfferedLocation
from tasks.published.traffic import MonthOfTraffic, Used
from tasks.published.traffic_days import PublishedTraffic
from tasks.reconciliation.comparison import Comparison
from tasks.reconciliation.differences import Difference, Drift
from tasks.reconciliation.report import compared, waiting
from tests.contract.contract import HAS_PHP, MODULE, VARIABLES
from tests.whmcs_module.fake_prefect import FakePrefect, serving
from tests.whmcs_module.stories import ADDON, AUTH

PANEL = "main-2"
AT = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
HELD_AT = datetime(2026, 11, 24, 9, 15, 0, 123456, tzinfo=UTC)
RUN_ID = "0c4cf5f2-0c5e-4c5b-8f1c-1df3f8b0a001"
IN_WHMCS = [
    pytest.mark.skipif(not HAS_PHP, reason="no php here"),
    pytest.mark.asyncio(loop_scope="module"),
]


def example(name: str) -> dict[str, Any]:
    """The variables of an entry of the contract."""
    found: dict[str, Any] = VARIABLES[name]["example"]
    return found


def test_the_flow_writes_the_catalogue_so() -> None:
    catalogue = Catalogue(
        at=AT,
        panel=PANEL,
        configurations=[
            OfferedConfiguration(name="Xeon E-2388G", fit={"3": 2}, total=2),
            OfferedConfiguration(name="EPYC 7302", fit=None, total=None),
        ],
        os_templates=["Debian 12"],
        ip_pools=["public-v4"],
        locations=[OfferedLocation(id=3, name="Falkenstein")],
    )
    assert list(catalogue.variables()) == list(example("dcimanager_catalogue").items())


def test_the_flow_writes_the_traffic_so() -> None:
    used = [
        Used(service_id=1001, used_mb=2048, limit_mb=1048576),
        Used(service_id=1002, used_mb=512, limit_mb=None),
    ]
    month = MonthOfTraffic(at=AT, panel=PANEL, services=used)
    assert list(month.variables()) == list(example("dcimanager_traffic").items())


def test_the_flow_writes_months_and_days_of_traffic_so() -> None:
    mb, kbit = 1024 * 1024, 1000
    month = [
        Figures(1001, 1788000000, 20480 * mb + 9, 4096 * mb, 93000 * kbit + 9),
        Figures(1002, 1788000000, 512 * mb, mb - 1, None),
    ]
    day = [Figures(1001, 1788000000, 700 * mb, 100 * mb, 95000 * kbit)]
    published = PublishedTraffic(at=AT, panel=PANEL, months={date(2026, 10, 1): month}, days={date(2026, 11, 23): day})
    assert list(published.variables()) == list(example("dciflow_traffic").items())


def test_the_flow_writes_a_comparison_so() -> None:
    difference = Difference(
        drift=Drift.OWNER_CHANGED,
        what="the panel names another owner",
        service_id=1001,
        server_id=7,
        client_id=3,
        since=HELD_AT,
    )
    comparison = Comparison(
        panel=PANEL,
        flow_run_id=RUN_ID,
        at=AT,
        list_lengths={},
        products=frozenset(),
        differences=[difference],
        known={},
    )
    assert dict([compared(comparison, [])]) == example("dciflow_reconciliation")


def test_the_flow_writes_who_is_held_so() -> None:
    held = Service(
        service_id=1001,
        panel=PANEL,
        client_id=3,
        state=State.HELD,
        generation=1,
        epoch=1,
        order=None,
        held_reason="owner-changed",
        held_evidence=None,
        held_from=State.ACTIVE,
        held_at=HELD_AT,
        created_at=AT,
        updated_at=AT,
    )
    assert dict([waiting([held], AT, {})]) == example("dciflow_held")


@pytest.fixture(scope="module")
def overlay() -> Path:
    return MODULE


class Shop:
    """A WHMCS with the module and one panel, whose Prefect has what the examples say."""

    def __init__(self, whmcs: FakeWhmcs, prefect: FakePrefect, server: int) -> None:
        self.whmcs, self.prefect, self.server = whmcs, prefect, server

    def reads(self, name: str, **replaced: int) -> None:
        """Put an example of now into Prefect, with other numbers in the place of the example's."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        text = json.dumps(example(name)).replace(AT.isoformat(), now)
        for number, other in replaced.items():
            text = text.replace(number.removeprefix("_"), str(other))
        self.prefect.variables = json.loads(text)

    async def product(self, location: str = "") -> int:
        """A product whose stock follows the panel."""
        settings = ["Xeon E-2388G", "Debian 12", "", "public-v4", "60", location, "", "on"]
        product = await self.whmcs.add_product("Xeon", settings)
        await self.whmcs.edit("tblproducts", product, stockcontrol=1, qty=9)
        return product


@pytest_asyncio.fixture(loop_scope="module")
async def shop(whmcs: FakeWhmcs, prefect: FakePrefect) -> AsyncIterator[Shop]:
    with serving(prefect) as api:
        assert (await whmcs.activate(ADDON)).status == "success"
        await whmcs.configure(ADDON, api_url=api, auth=AUTH, ui_url="https://prefect.example.com/v2")
        server = await whmcs.add_server("Main 2", "main.example.com", "admin@example.com", "secret")
        yield Shop(whmcs, prefect, server)
        assert (await whmcs.state()).php_faults == []


class TestTheModuleReads:
    """What a host sees in WHMCS when Prefect has the examples."""

    pytestmark = IN_WHMCS

    async def test_the_catalogue(self, shop: Shop) -> None:
        product = await shop.product(location="3")
        shop.reads("dcimanager_catalogue")
        fields = {field.name: field.options for field in await shop.whmcs.product_form(product)}
        configurations = {"Xeon E-2388G": "Xeon E-2388G (2 free)", "EPYC 7302": "EPYC 7302"}
        assert fields["Server configuration type"] == configurations
        assert fields["Operation system"] == {"Debian 12": "Debian 12"}
        assert fields["IP address group"] == {"public-v4": "public-v4"}
        assert fields["Location ID"]["3"] == "3 Falkenstein"
        await shop.whmcs.cron()
        (row,) = await shop.whmcs.sql("SELECT qty FROM tblproducts WHERE id = ?", product)
        assert int(row["qty"]) == 2

    async def test_the_traffic(self, shop: Shop) -> None:
        client = await shop.whmcs.add_client("ann@example.com", "Ann", "Other")
        product = await shop.product()
        one, two = [await shop.whmcs.order(client, product, "a.example.com", server=shop.server) for _ in range(2)]
        for service in (one, two):
            await shop.whmcs.edit("tblhosting", service, domainstatus="Active")
        shop.reads("dcimanager_traffic", _1001=one, _1002=two)
        await shop.whmcs.usage_update()
        rows = await shop.whmcs.sql("SELECT bwusage, bwlimit FROM tblhosting ORDER BY id")
        assert [(row["bwusage"], row["bwlimit"]) for row in rows] == [("2048", "1048576"), ("512", None)]

    async def test_months_and_days_of_traffic(self, shop: Shop) -> None:
        client = await shop.whmcs.add_client("ann@example.com", "Ann", "Other")
        service = await shop.whmcs.order(client, await shop.product(), "a.example.com", server=shop.server)
        await shop.whmcs.edit("tblhosting", service, domainstatus="Active")
        shop.reads("dciflow_traffic", _1001=service)
        await shop.whmcs.usage_update()
        columns = "service_id, since, period, received_mb, sent_mb, rate_kbit"
        rows = await shop.whmcs.sql(f"SELECT {columns} FROM mod_dcimanager6_traffic ORDER BY period")  # noqa: S608
        assert [[str(value) for value in row.values()] for row in rows] == [
            [str(service), "1788000000", "2026-10", "20480", "4096", "93000"],
            [str(service), "1788000000", "2026-11-23", "700", "100", "95000"],
        ]

    async def test_a_comparison(self, shop: Shop) -> None:
        await shop.whmcs.test_connection(shop.server)  # names the panel
        shop.reads("dciflow_reconciliation")
        page = await shop.whmcs.addon_page(ADDON)
        for shown in ("owner-changed: 1, repaired: 0", "service 1001, server 7: the panel names another owner", RUN_ID):
            assert shown in page

    async def test_who_is_held(self, shop: Shop) -> None:
        shop.reads("dciflow_held")
        page = await shop.whmcs.addon_page(ADDON)
        for shown in ("<td>1001</td><td>main-2</td><td>owner-changed</td>", HELD_AT.isoformat()):
            assert shown in page
        assert '<option value="release">' in page and '<option value="retry">' not in page
        assert "<code>dciflow held retry 1001 --why &quot;...&quot;</code>" in page
