"""The box on WHMCS's admin home page: what waits for a person, drawn without asking anybody."""

import html
import re
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio

from tests.whmcs_module.stories import SETTINGS, hurried

pytestmark = pytest.mark.asyncio(loop_scope="module")

TITLE = "DCImanager 6 flows"
SCRIPT = "<script>alert(1)</script>"
ROW = re.compile(r'<span class="label label-\w+">(\w+)</span></td><td>(.*?)</td>')


@pytest.fixture(scope="module")
def overlay(tmp_path_factory):
    return hurried(tmp_path_factory.mktemp("overlay"))


class Home:
    """The admin's home page of a scene."""

    def __init__(self, scene) -> None:
        self.scene, self.whmcs, self.prefect = scene, scene.whmcs, scene.prefect

    async def rows(self) -> list[tuple[str, str]]:
        """Word and text of each line; nobody is asked for them."""
        asked = len(self.prefect.everything_sent)
        box = (await self.whmcs.home_page())[TITLE]
        assert len(self.prefect.everything_sent) == asked
        assert "<script" not in box
        return [(word, html.unescape(text)) for word, text in ROW.findall(box)]

    async def after_cron(self) -> list[tuple[str, str]]:
        await self.whmcs.cron()
        return await self.rows()

    def compared(self, panel: str, *, minutes_ago: float = 5, stopped: str | None = None, **counts: int) -> None:
        at = (datetime.now(UTC) - timedelta(minutes=minutes_ago)).isoformat()
        self.prefect.variables[f"dciflow_reconciliation_{panel}"] = {
            "at": at, "run_id": "", "counts": counts, "repaired": 0, "stopped": stopped, "open": [],
        }  # fmt: skip


@pytest_asyncio.fixture(loop_scope="module")
async def home(scene) -> Home:
    home = Home(scene)
    home.compared("main")
    home.compared("second")
    return home


async def test_where_all_is_well_every_line_says_so(home):
    rows = await home.after_cron()
    assert [word for word, _ in rows] == ["good"] * 4
    assert rows[0][1].startswith("Prefect answered ")
    assert rows[1][1] == "Requests: 0 running, 0 not with Prefect yet, 0 failed in seven days."


async def test_before_the_cron_has_run_nothing_is_called_good_that_nobody_looked_at(home):
    rows = await home.rows()
    assert rows[0] == ("look", "WHMCS's cron has not asked Prefect yet.")
    assert "differences" not in str(rows)


async def test_an_addon_without_an_address_is_to_be_connected(home):
    await home.whmcs.configure("dcimanager6flows", api_url="")
    assert (await home.after_cron())[0] == (
        "look",
        "Prefect is not connected yet: fill in the addon's settings.",
    )


async def test_requests_are_counted_by_what_became_of_them(home):
    running, failed, waiting = [await home.scene.buy() for _ in range(3)]
    for service in (running, failed):
        assert await home.whmcs.command(service, "CreateAccount", "payment") == "success"
    home.prefect.only(failed).becomes("FAILED", "Refusal: no.")
    await home.whmcs.custom(failed, "sync")
    home.prefect.then("401")
    assert await home.whmcs.command(waiting, "CreateAccount", "payment") != "success"
    assert (await home.rows())[1] == ("act", "Requests: 1 running, 1 not with Prefect yet, 1 failed in seven days.")
    assert await home.whmcs.command(failed, "CreateAccount", "admin") == "success"
    assert (await home.rows())[1] == ("look", "Requests: 2 running, 1 not with Prefect yet, 0 failed in seven days.")


async def test_held_services_and_differences_are_counted_over_all_panels(home):
    home.prefect.variables["dciflow_held"] = {"at": "t", "total": 3, "services": []}
    home.compared("main", **{"owner-changed": 1, "unclaimed-server": 2})
    home.compared("second", **{"owner-changed": 4})
    rows = await home.after_cron()
    assert rows[2:] == [
        ("act", "Services that wait for a person's decision: 3."),
        ("look", "Differences between WHMCS, the ledger and the panels: 7."),
    ]


async def test_a_panel_that_is_not_compared_is_named(home):
    home.compared("main", minutes_ago=180)
    home.compared("second", stopped=f"it does not answer {SCRIPT}")
    rows = await home.after_cron()
    assert rows[3] == (
        "act",
        "Panel main was last compared 3 h 0 min ago: look whether a worker runs (dciflow doctor).",
    )
    assert rows[4] == ("act", "Panel second could not be compared: it does not answer (script)alert(1)(/script)")
    del home.prefect.variables["dciflow_reconciliation_main"]
    home.compared("second")
    assert (await home.after_cron())[3:] == [("look", "Panel main has not been compared yet.")]


async def test_while_prefect_is_silent_the_last_report_stays_and_the_silence_is_counted_from_its_begin(home):
    home.prefect.variables["dciflow_held"] = {"at": "t", "total": 2, "services": []}
    await home.whmcs.cron()
    home.prefect.then(*["500"] * 40, on="variables")
    await home.whmcs.cron()
    await home.whmcs.sql(
        "UPDATE mod_dcimanager6_setting SET value = REPLACE(value, ?, ?) WHERE name = 'overview'",
        f'"silent":"{datetime.now(UTC):%Y-%m-%d %H}',
        f'"silent":"{datetime.now(UTC) - timedelta(hours=2):%Y-%m-%d %H}',
    )
    rows = await home.after_cron()
    assert rows[0][0] == "act"
    assert rows[0][1].startswith("Prefect has not answered for 2 h ")
    assert rows[2] == ("act", "Services that wait for a person's decision: 2.")
    home.prefect.faults.clear()
    assert (await home.after_cron())[0][0] == "good"


async def test_a_cron_that_stopped_is_noticed(home):
    await home.whmcs.cron()
    await home.whmcs.sql(
        "UPDATE mod_dcimanager6_setting SET value = REPLACE(value, ?, ?) WHERE name = 'overview'",
        f'"heard":"{datetime.now(UTC):%Y-%m-%d}',
        f'"heard":"{datetime.now(UTC) - timedelta(days=1):%Y-%m-%d}',
    )
    word, text = (await home.rows())[0]
    assert (word, text.endswith("look whether WHMCS's cron runs.")) == ("act", True)


async def test_a_product_that_is_sold_out_or_whose_stock_nobody_knows_is_named(home):
    product = await home.whmcs.add_product("Xeon in stock", [*SETTINGS, "on"])
    await home.whmcs.edit("tblproducts", product, stockcontrol=1, qty=0)
    assert (await home.rows())[-1] == ("look", "Stock: Xeon in stock is sold out.")
    await home.whmcs.edit("tblproducts", product, qty=1)
    assert (await home.rows())[-1] == ("look", "Stock: Xeon in stock has 1.")
    assert (await home.after_cron())[-1] == ("look", "Stock: Xeon in stock is not known now.")
    await home.whmcs.edit("tblproducts", product, stockcontrol=0)
    assert "Stock" not in str(await home.rows())


async def test_what_was_kept_by_another_version_is_no_fault(home):
    await home.after_cron()
    await home.whmcs.sql(
        "UPDATE mod_dcimanager6_setting SET value = ? WHERE name = 'overview'", '{"heard": [1], "a": 1}'
    )
    assert (await home.rows())[0] == ("look", "WHMCS's cron has not asked Prefect yet.")


async def test_a_copy_of_whmcs_says_that_it_is_one_and_nothing_else(home):
    await home.after_cron()
    await home.whmcs.sql(
        "UPDATE tblconfiguration SET value = ? WHERE setting = 'SystemURL'", "https://copy.example.com/"
    )
    ((word, text),) = await home.rows()
    assert (word, "Nothing is started from a copy" in text) == ("act", True)


async def test_a_fault_of_ours_leaves_the_home_page_standing(home):
    await home.after_cron()
    await home.whmcs.sql("RENAME TABLE mod_dcimanager6_request TO mod_dcimanager6_elsewhere")
    box = (await home.whmcs.home_page())[TITLE]
    await home.whmcs.sql("RENAME TABLE mod_dcimanager6_elsewhere TO mod_dcimanager6_request")
    assert "Something unforeseen went wrong" in box
