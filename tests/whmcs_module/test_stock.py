"""WHMCS's stock follows the free servers, and stays as it is whenever nobody knows how many there are."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.whmcs_module.stocked_shop import BEFORE, XEON, StockedShop, counted
from tests.whmcs_module.stories import ADDON, SETTINGS, hurried

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def overlay(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hurried(tmp_path_factory.mktemp("overlay"))


@pytest_asyncio.fixture(loop_scope="module")
async def shop(scene: Any) -> StockedShop:
    product = await scene.whmcs.add_product("Xeon in stock", [*SETTINGS, "on"])
    group = await scene.whmcs.add_group("main only", [scene.panels[0]])
    await scene.whmcs.edit("tblproducts", product, stockcontrol=1, qty=BEFORE, servergroup=group)
    return StockedShop(scene, product)


async def test_the_stock_is_what_the_panel_has_free(shop: StockedShop) -> None:
    shop.offers("main", counted(3, at_1=2, at_2=1), counted(90, name="Other"))
    assert await shop.stock() == 3
    page = await shop.page()
    assert "<td>3</td>" in page and "UTC</td><td></td>" in page
    shop.offers("main", counted(0))
    assert await shop.stock() == 0


async def test_parts_that_stand_apart_from_another_panels_index_are_read(shop: StockedShop) -> None:
    shop.offers("main", counted(3, at_1=2, at_2=1), apart=True)
    shop.scene.prefect.variables["dcimanager_catalogue_main_2"] = {"at": "of panel main-2", "parts": 1}
    assert await shop.stock() == 3


async def test_only_a_product_that_asks_for_it_is_touched(shop: StockedShop) -> None:
    shop.offers("main", counted(0))
    shop.offers("second", counted(0))
    silent = await shop.another([*SETTINGS, ""])
    uncounted = await shop.another([*SETTINGS, "on"], stockcontrol=0)
    foreign = await shop.another([*SETTINGS, "on"], servertype="sample")
    await shop.whmcs.cron()
    assert [await shop.quantity(product) for product in (silent, uncounted, foreign)] == [BEFORE] * 3
    assert "Stock Control of the product is off" in await shop.page()
    assert [line for line in await shop.lines() if f"product {shop.product} " not in line] == []


async def test_a_product_of_one_location_counts_the_servers_there(shop: StockedShop) -> None:
    shop.offers("main", counted(5, at_1=5))
    settings = [*SETTINGS, "on"]
    here, there, nowhere = [
        await shop.another([*settings[:5], place, *settings[6:]], servergroup=0) for place in ("1", "2", "9")
    ]
    shop.offers("second", counted(1, at_1=1))
    await shop.whmcs.cron()
    assert [await shop.quantity(product) for product in (here, there, nowhere)] == [6, 0, BEFORE]
    assert "has no location 9" in await shop.page()


async def test_a_product_without_a_group_is_sold_from_every_panel_that_is_not_disabled(shop: StockedShop) -> None:
    shop.offers("main", counted(2))
    shop.offers("second", counted(3))
    product = await shop.another([*SETTINGS, "on"])
    assert await shop.stock(product) == 5
    assert await shop.quantity() == 2
    await shop.whmcs.edit("tblservers", shop.scene.panels[1], disabled=1)
    assert await shop.stock(product) == 2


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        ("missing", "no catalogue of panel main"),
        ("a part is missing", "do not fit together"),
        ("torn", "do not fit together"),
        ("old", "too old"),
        ("from the future", "too old"),
        ("null", "could not count"),
        ("negative", "could not count"),
        ("not listed", "no configuration"),
        ("Prefect is down", "Prefect"),
        ("no moment", "do not fit together"),
    ],
)
async def test_what_is_not_known_is_not_zero(shop: StockedShop, spoil: str, said: str) -> None:
    variables = shop.scene.prefect.variables
    shop.offers("main", counted(3))
    match spoil:
        case "missing":
            del variables["dcimanager_catalogue_main"]
        case "a part is missing":
            del variables["dcimanager_catalogue_main_2"]
        case "torn":
            variables["dcimanager_catalogue_main_2"] |= {"at": datetime.now(UTC).isoformat()}
        case "old":
            shop.offers("main", counted(0), age_minutes=61)
        case "from the future":
            shop.offers("main", counted(0), age_minutes=-61)
        case "null":
            shop.offers("main", counted(None))
        case "negative":
            shop.offers("main", counted(-1))
        case "not listed":
            shop.offers("main", counted(3, name="Another"))
        case "Prefect is down":
            shop.scene.prefect.then(*["500"] * 2, on="variables")
        case "no moment":
            variables["dcimanager_catalogue_main"] = {"parts": 2}
    assert await shop.stock() == BEFORE
    assert said in await shop.page()
    assert await shop.lines() == []


async def test_a_sum_with_one_unknown_panel_is_unknown_and_other_products_are_counted(shop: StockedShop) -> None:
    shop.offers("main", counted(2))
    shop.offers("second", counted(None))
    product = await shop.another([*SETTINGS, "on"])
    assert await shop.stock(product) == BEFORE
    assert await shop.quantity() == 2
    shop.offers("second", counted(1))
    assert await shop.stock(product) == 3
    assert "could not count" not in await shop.page()


async def test_a_failing_read_is_made_once_and_does_not_stop_the_other_products(shop: StockedShop) -> None:
    shop.offers("second", counted(4))
    await shop.another([*SETTINGS, "on"])
    group = await shop.whmcs.add_group("second only", [shop.scene.panels[1]])
    product = await shop.another([*SETTINGS, "on"], servergroup=group)
    assert (await shop.stock(product), await shop.quantity()) == (4, BEFORE)
    read = [path for _, path in shop.scene.prefect.requests if path.endswith("dcimanager_catalogue_main")]
    assert len(read) == 1


async def test_a_group_without_a_panel_is_no_stock_of_zero(shop: StockedShop) -> None:
    shop.offers("main", counted(2))
    product = await shop.another([*SETTINGS, "on"], servergroup=await shop.whmcs.add_group("empty", []))
    assert await shop.stock(product) == BEFORE
    assert "no DCImanager 6 server that it may be sold from" in await shop.page()


async def test_an_activation_counts_until_the_catalogue_knows_its_server(shop: StockedShop) -> None:
    shop.offers("main", counted(2))
    service = await shop.scene.buy()
    assert await shop.whmcs.command(service, "CreateAccount") == "success"
    assert await shop.stock() == 1  # it has no server yet
    run = shop.scene.prefect.only(service)
    run.becomes("RUNNING", step="reserved", server=7)
    assert await shop.whmcs.custom(service, "sync") == "success"
    assert await shop.stock() == 1  # it has one of the two that were counted
    later = dict(age_minutes=-1)
    shop.offers("main", counted(1), **later)
    assert await shop.stock() == 1  # counted without it
    shop.offers("main", counted(2))
    await shop.scene.finish(service, run)
    assert await shop.stock() == 1  # done, and still one of the two
    shop.offers("main", counted(1), **later)
    assert await shop.stock() == 1


async def test_a_second_life_of_a_service_counts_again(shop: StockedShop) -> None:
    shop.scene.prefect.ends["terminate"] = ("COMPLETED", "", {})  # labels may be lost
    service = await shop.scene.activated()
    await shop.whmcs.sql("UPDATE mod_dcimanager6_service SET server_since = '2026-01-01 00:00:00'")
    assert await shop.whmcs.command(service, "TerminateAccount") == "success"
    await shop.whmcs.edit("tblhosting", service, domainstatus="Pending")
    shop.offers("main", counted(2), age_minutes=-1)
    assert await shop.stock() == 2
    assert await shop.whmcs.command(service, "CreateAccount") == "success"
    assert await shop.stock() == 1


async def test_a_retry_of_an_activation_that_lost_its_server_counts_again(shop: StockedShop) -> None:
    service = await shop.scene.buy()
    assert await shop.whmcs.command(service, "CreateAccount") == "success"
    run = shop.scene.prefect.only(service)
    run.becomes("RUNNING", step="reserved", server=7)
    await shop.whmcs.custom(service, "sync")
    await shop.whmcs.sql("UPDATE mod_dcimanager6_service SET server_since = '2026-01-01 00:00:00'")
    run.becomes("FAILED", "Refusal: Somebody else was quicker.", state="NEW")
    await shop.whmcs.custom(service, "sync")
    shop.offers("main", counted(2), age_minutes=-1)
    assert await shop.stock() == 2
    assert await shop.whmcs.command(service, "CreateAccount") == "success"
    assert await shop.stock() == 1


async def test_an_activation_that_has_just_failed_counts_until_the_next_catalogue(shop: StockedShop) -> None:
    shop.scene.prefect.ends["activate"] = ("FAILED", "Refusal: No such OS template.", {})
    shop.offers("main", counted(2))
    assert await shop.whmcs.command(await shop.scene.buy(), "CreateAccount") != "success"
    assert await shop.stock() == 1  # whether it kept a server, the catalogue will tell
    shop.offers("main", counted(2), age_minutes=-1)
    assert await shop.stock() == 2


@pytest.mark.parametrize(("place", "left"), [("", 1), ("1", 1), ("2", 2)])
async def test_an_order_for_another_location_takes_nothing_away_and_one_for_all_may(
    shop: StockedShop, place: str, left: int
) -> None:
    shop.offers("main", counted(4, at_1=2, at_2=2))
    (group,) = await shop.whmcs.sql("SELECT servergroup FROM tblproducts WHERE id = ?", shop.product)
    settings = [*SETTINGS, "on"]
    here, ordered = [
        await shop.another([*settings[:5], where, *settings[6:]], servergroup=group["servergroup"])
        for where in ("1", place)
    ]
    assert await shop.whmcs.command(await shop.scene.buy(product=ordered), "CreateAccount") == "success"
    assert await shop.stock(here) == left
    assert await shop.quantity() == 3


async def test_an_activation_of_something_else_takes_nothing_away(shop: StockedShop) -> None:
    shop.offers("main", counted(2))
    other = await shop.another(["Other", *SETTINGS[1:], ""])
    services = [await shop.scene.buy(product=other), await shop.scene.buy(panel=1)]
    for service in services:
        assert await shop.whmcs.command(service, "CreateAccount") == "success"
    assert await shop.stock() == 2


async def test_more_activations_than_servers_are_a_stock_of_zero_and_not_less(shop: StockedShop) -> None:
    shop.offers("main", counted(1))
    for _ in range(2):
        assert await shop.whmcs.command(await shop.scene.buy(), "CreateAccount") == "success"
    assert await shop.stock() == 0


async def test_the_activity_log_tells_when_it_is_sold_out_and_when_it_comes_back_and_nothing_else(
    shop: StockedShop,
) -> None:
    for free in (3, 2, 0, 0, 1, 4):
        shop.offers("main", counted(free))
        await shop.whmcs.cron()
    sold_out, back = await shop.lines()
    assert "sold out" in sold_out
    assert "can be sold again: 1 free" in back


async def test_an_order_that_whmcs_has_counted_itself_is_told_nowhere(shop: StockedShop) -> None:
    shop.offers("main", counted(1))
    assert await shop.stock() == 1
    await shop.whmcs.order(shop.scene.client, shop.product, "web9.example.com", server=shop.scene.panels[0])
    assert await shop.quantity() == 0
    assert await shop.stock() == 1  # not paid yet: no activation is open
    assert await shop.lines() == []


async def test_a_stock_that_is_right_is_not_written(shop: StockedShop) -> None:
    shop.offers("main", counted(BEFORE))
    await shop.whmcs.sql("CREATE TABLE mod_guard (id INT)")
    await shop.whmcs.sql(
        "CREATE TRIGGER guard AFTER UPDATE ON tblproducts FOR EACH ROW INSERT INTO mod_guard VALUES (1)"
    )
    try:
        await shop.whmcs.cron()
        assert await shop.whmcs.sql("SELECT * FROM mod_guard") == []
        shop.offers("main", counted(1))
        await shop.whmcs.cron()
        assert len(await shop.whmcs.sql("SELECT * FROM mod_guard")) == 1
    finally:
        await shop.whmcs.sql("DROP TRIGGER guard")


async def test_a_shop_of_the_first_release_is_widened(shop: StockedShop) -> None:
    await shop.becomes_one_of_the_first_release()
    shop.offers("main", counted(2))
    assert await shop.stock() == 2


async def test_an_upgrade_of_the_addon_widens_its_tables_and_keeps_their_rows(shop: StockedShop) -> None:
    await shop.becomes_one_of_the_first_release()
    kept = await shop.whmcs.sql("SELECT * FROM mod_dcimanager6_setting WHERE name <> 'schema'")
    await shop.whmcs.configure(ADDON, version="0.0.1")
    await shop.page()
    assert await shop.whmcs.sql("SELECT server_since FROM mod_dcimanager6_service") == []
    assert await shop.whmcs.sql("SELECT * FROM mod_dcimanager6_stock") == []
    assert await shop.whmcs.sql("SELECT * FROM mod_dcimanager6_setting WHERE name <> 'schema'") == kept


async def test_the_setting_is_the_eighth_and_the_drop_downs_read_the_same_catalogue(shop: StockedShop) -> None:
    await shop.whmcs.edit("tblservers", shop.scene.panels[1], disabled=1)
    shop.offers("main", counted(3), counted(None, name="Unknown"))
    fields = await shop.whmcs.product_form(shop.product)
    assert (fields[7].name, fields[7].type, fields[7].value) == ("Stock of free servers", "yesno", "on")
    assert fields[0].options == {XEON: f"{XEON} (3 free)", "Unknown": "Unknown"}
    assert fields[5].options == {"": "Every location", "1": "1 Place 1", "2": "2 Place 2"}
