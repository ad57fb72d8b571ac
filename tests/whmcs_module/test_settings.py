"""What the module takes from WHMCS: a product's settings, a client's options, and server records."""

import re
from pathlib import Path

import pytest

from tests.whmcs_module.stories import PANEL_PASSWORD, SETTINGS, hurried, order_of

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def overlay(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hurried(tmp_path_factory.mktemp("overlay"))


async def test_the_product_and_the_client_make_the_order(scene):
    service = await scene.buy("web1.example.com")
    assert await order_of(scene, service) == {
        "client_id": scene.client,
        "configuration": "Xeon E-2388G",
        "os_template": "Debian-12-x86_64",
        "ip_pool": "public-v4",
        "ipv4_count": 1,
        "location_id": None,
        "wait_for_os": True,
        "os_install_timeout_minutes": 60,
        "hostname": "web1.example.com",
        "wipe_delay_hours": 0,
        "suspension_mode": "ports",
        "suspension_grace_hours": 0,
        "reinstall_templates": ["Debian-12-x86_64"],
    }


async def test_every_setting_of_the_product_reaches_the_order(scene):
    product = await scene.whmcs.add_product("EPYC", ["EPYC 7302", "Alma 9", "on", "pool", "90", "3", "", "", "72"])
    order = await order_of(scene, await scene.buy(product=product))
    assert (order["configuration"], order["os_template"], order["ip_pool"]) == ("EPYC 7302", "Alma 9", "pool")
    assert (order["wait_for_os"], order["os_install_timeout_minutes"], order["location_id"]) == (False, 90, 3)
    assert order["wipe_delay_hours"] == 72


async def test_what_clients_may_install_later_is_the_products_list_else_what_is_sold(scene):
    settings = [*SETTINGS, *[""] * (13 - len(SETTINGS))]
    written = "Debian-12-x86_64, Alma &lt;9&gt;\r\n\n , Debian-12-x86_64"
    listed = await scene.whmcs.add_product("Listed", [*settings, written])
    order = await order_of(scene, await scene.buy(product=listed))
    assert order["reinstall_templates"] == ["Debian-12-x86_64", "Alma <9>"]
    service = await scene.buy(product=await scene.whmcs.add_product("Sold", [*settings, " , "]))
    await scene.whmcs.choose(service, "OS|Operating system", "Alma-9|AlmaLinux 9")
    assert (await order_of(scene, service))["reinstall_templates"] == ["Debian-12-x86_64", "Alma-9"]


@pytest.mark.parametrize("name", ["OS", "os", "ostemplate"])
async def test_the_clients_operating_system_goes_over_the_products(scene, name):
    service = await scene.buy()
    await scene.whmcs.choose(service, f"{name}|Operating system", "Alma-9|AlmaLinux 9")
    assert (await order_of(scene, service))["os_template"] == "Alma-9"


@pytest.mark.parametrize("name", ["ip", "IP", "ipv4", "IPv4"])
@pytest.mark.parametrize(("chosen", "count"), [("3", 3), ("0", 1)])
async def test_the_clients_addresses_are_counted_from_one(scene, name, chosen, count):
    service = await scene.buy()
    await scene.whmcs.choose(service, name, chosen, kind="quantity")
    assert (await order_of(scene, service))["ipv4_count"] == count


@pytest.mark.parametrize("name", ["Os", "Operating system", "OSTemplate", "Ip", "IPs", "IPV4"])
async def test_another_spelling_does_nothing_and_is_named_to_staff(scene, name):
    service = await scene.buy()
    await scene.whmcs.choose(service, name, "7", kind="quantity")
    order = await order_of(scene, service)
    assert (order["os_template"], order["ipv4_count"]) == ("Debian-12-x86_64", 1)
    assert name in " ".join((await scene.whmcs.admin_page(service)).fields.values())


async def test_two_server_records_are_two_panels_with_their_own_credentials(scene):
    one, two = await scene.buy(panel=0), await scene.buy(panel=1)
    for service in (one, two):
        await scene.whmcs.command(service, "CreateAccount")
    assert [scene.prefect.only(service).parameters["panel"] for service in (one, two)] == ["main", "second"]
    assert {name: block["url"] for name, block in scene.prefect.blocks.items()} == {
        "main": "https://main.example.com",
        "second": "https://second.example.com",
    }
    assert {block["password"] for block in scene.prefect.blocks.values()} == {PANEL_PASSWORD}


async def test_a_server_record_without_a_host_name_is_reached_by_its_ip_address(scene):
    await scene.whmcs.add_server("third", "", "admin", PANEL_PASSWORD, ipaddress="192.0.2.77")
    assert scene.prefect.blocks["third"]["url"] == "https://192.0.2.77"


async def test_panels_of_one_name_keep_apart_and_a_rename_changes_nothing(scene):
    twin = await scene.whmcs.add_server("Main!", "twin.example.com", "admin", PANEL_PASSWORD)
    assert scene.prefect.blocks[f"main-{twin}"]["url"] == "https://twin.example.com"
    await scene.whmcs.edit("tblservers", twin, name="renamed")
    service = await scene.buy()
    await scene.whmcs.edit("tblhosting", service, server=twin)
    await scene.whmcs.command(service, "CreateAccount")
    assert scene.prefect.only(service).parameters["panel"] == f"main-{twin}"


async def test_a_panels_name_is_never_longer_than_the_workers_take(scene):
    long = "a panel in the second hall of the data centre at the river"
    names = set(scene.prefect.blocks)
    for host in ("one.example.com", "two.example.com"):
        await scene.whmcs.add_server(long, host, "admin", PANEL_PASSWORD)
    made = set(scene.prefect.blocks) - names
    assert len(made) == 2
    assert all(re.fullmatch("[a-z0-9-]{1,40}", name) for name in made)


async def test_a_panel_of_an_old_release_whose_name_no_worker_takes_is_told_and_asks_nothing(scene):
    await scene.whmcs.sql("UPDATE mod_dcimanager6_panel SET name = ? WHERE server_id = ?", "main?x=1", scene.panels[0])
    service = await scene.buy()
    failed = await scene.whmcs.command(service, "CreateAccount")
    assert "has no good name" in failed
    assert scene.prefect.runs == []


async def test_a_changed_password_reaches_prefect_before_the_next_run(scene):
    await scene.whmcs.edit("tblservers", scene.panels[0], password="canary-new")
    service = await scene.buy()
    await scene.whmcs.command(service, "CreateAccount")
    assert scene.prefect.blocks["main"]["password"] == "canary-new"


async def test_test_connection_says_what_the_panels_check_said(scene):
    scene.prefect.ends["check-panel"] = ("COMPLETED", "", {})
    assert (await scene.whmcs.test_connection(scene.panels[0])).success
    said = "Flow run encountered an exception: Refusal: The panel refused the password."
    scene.prefect.ends["check-panel"] = ("FAILED", said, {})
    form = {"hostname": "new.example.com", "username": "admin", "password": "canary-unsaved", "secure": "on"}
    failed = await scene.whmcs.test_connection(form=form)
    assert not failed.success and failed.error.startswith("The panel refused the password.")
    assert scene.prefect.runs[-1].parameters == {"panel": "whmcs-unsaved"}
    assert scene.prefect.blocks["whmcs-unsaved"]["url"] == "https://new.example.com"


async def test_a_test_of_another_port_does_not_turn_the_panel_that_sells_to_it(scene):
    scene.prefect.ends["check-panel"] = ("COMPLETED", "", {})
    await scene.whmcs.test_connection(scene.panels[0])
    before = dict(scene.prefect.blocks["main"])
    form = {"hostname": "main.example.com", "username": "admin@example.com", "password": PANEL_PASSWORD, "port": "1500"}
    await scene.whmcs.test_connection(scene.panels[0], form=form)
    assert scene.prefect.blocks["main"] == before
    assert scene.prefect.blocks["whmcs-unsaved"]["url"].endswith(":1500")


async def test_the_product_form_has_the_manuals_settings_in_its_order(scene):
    names = [field.name for field in await scene.whmcs.product_form(scene.product)]
    assert names[:7] == [
        "Server configuration type",
        "Operation system",
        "Don't wait the OS install",
        "IP address group",
        "OS Installation timeout (minute)",
        "Location ID",
        "User email verifying option check",
    ]


async def test_the_product_form_offers_the_catalogue_and_keeps_what_was_saved(scene):
    part = {
        "at": "t1",
        "configurations": [{"name": "EPYC 7302", "fit": {"1": 2}, "total": 2}],
        "os_templates": ["Debian 12"],
        "ip_pools": ["public-v4"],
        "locations": [{"id": 1, "name": "Riga"}],
    }
    scene.prefect.variables = {
        "dcimanager_catalogue_main": {"at": "t1", "parts": 1},
        "dcimanager_catalogue_main_1": part,
    }
    fields = await scene.whmcs.product_form(scene.product)
    assert set(fields[0].options) == {"EPYC 7302", SETTINGS[0]}
    assert set(fields[5].options) >= {"1"}
    assert [field.error for field in fields] == [""] * len(fields)


async def test_a_catalogue_that_cannot_be_read_is_said_and_never_an_empty_list(scene):
    head = {"at": "t2", "parts": 1}
    torn = {"dcimanager_catalogue_main": head, "dcimanager_catalogue_main_1": {"at": "t1", "os_templates": ["x"]}}
    for variables in ({}, torn):
        scene.prefect.variables = variables
        fields = await scene.whmcs.product_form(scene.product)
        for number in (0, 1, 3, 5):
            assert fields[number].type == "text" and fields[number].error != ""
    scene.prefect.requests.clear()
    scene.prefect.then(*["403"] * 8, on="variables")
    fields = await scene.whmcs.product_form(scene.product)
    assert [fields[number].error != "" for number in (0, 1, 3, 5)] == [True] * 4
    assert len([path for _, path in scene.prefect.requests if "variables" in path]) <= 1  # one answer does for all
    assert len(scene.prefect.faults) == 7
    scene.prefect.faults.clear()


async def test_a_host_name_that_no_server_can_have_is_refused_in_the_cart(scene):
    foreign = await scene.whmcs.add_product("Not ours", [])
    await scene.whmcs.edit("tblproducts", foreign, servertype="sample")

    async def said(name: str, product: int) -> list[str]:
        cart = [{"pid": product, "domain": name, "server": {"hostname": name}}]
        [of_form] = await scene.whmcs.hook_of_cart("ShoppingCartValidateProductUpdate", cart, i="0", hostname=name)
        [of_all] = await scene.whmcs.hook_of_cart("ShoppingCartValidateCheckout", cart)
        assert of_form == of_all
        return of_all

    for name, why in {"web_1.example.com": "underscore", "1.2.3.4": "IP address", "web one": "letters, digits"}.items():
        [line] = await said(name, scene.product)
        assert why in line
        assert await said(name, foreign) == []
    for name in ("http://x.example.com", "example.com.", "m\u00fcnchen.de", ""):
        assert await said(name, scene.product) == []


async def test_a_cart_without_anything_in_it_is_no_error(scene):
    assert await scene.whmcs.hook("ShoppingCartValidateCheckout", by="client") == [[]]
    assert await scene.whmcs.hook("ShoppingCartValidateProductUpdate", by="client", hostname="a_b") == [[]]


async def test_encoded_settings_and_host_names_as_clients_type_them_reach_the_order_as_people_mean_them(scene):
    product = await scene.whmcs.add_product(
        "Encoded", ["R&amp;D &quot;big&quot;", *SETTINGS[1:3], "o&#039;brien", *SETTINGS[4:]]
    )
    service = await scene.buy(product=product)
    await scene.whmcs.edit("tblhosting", service, domain="http://M\u00fcnchen.de/")
    order = await order_of(scene, service)
    assert (order["configuration"], order["ip_pool"]) == ('R&D "big"', "o'brien")
    assert order["hostname"] == "xn--mnchen-3ya.de"
