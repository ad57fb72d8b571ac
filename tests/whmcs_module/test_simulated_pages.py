"""The simulated WHMCS itself: forms, buttons, pages and addons of a module."""

import pytest
import pytest_asyncio

from simulator.whmcs_php.control import FakeWhmcsError

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module")
async def service(whmcs):
    whmcs.client = await whmcs.add_client("ann@example.com")
    whmcs.product = await whmcs.add_product("Xeon", ["success"], module="sample")
    whmcs.panel = await whmcs.add_server("main", "dci.example.com", "admin", "right", module="sample")
    return await whmcs.order(whmcs.client, whmcs.product, "<b>.example.com", server=whmcs.panel)


async def test_the_product_form_asks_loaders_and_shows_what_they_throw(whmcs, service):
    fields = await whmcs.product_form(whmcs.product)
    assert [(field.name, field.value) for field in fields[:2]] == [("Answer", "success"), ("Operating system", "")]
    assert fields[1].options == {"debian": "Debian of dci.example.com"}
    assert fields[2].error == "cannot be read"
    assert fields[3].options == {"one": "one", "two": "two"}


async def test_options_of_a_service_come_without_their_labels(whmcs, service):
    await whmcs.choose(service, "os|System", "debian-12|Debian 12")
    await whmcs.choose(service, "ip", "3", kind="quantity")
    page = await whmcs.admin_page(service)
    assert page.fields == {"Order": '{"os":"debian-12","ip":3}'}


async def test_a_client_sees_only_his_own_service_and_presses_only_what_is_allowed(whmcs, service):
    stranger = await whmcs.add_client("bob@example.com")
    assert (await whmcs.client_page(service, stranger)).message == "Access denied"
    assert (await whmcs.client_page(service, whmcs.client, "TerminateAccount")).message == "Access denied"
    assert (await whmcs.client_page(service, whmcs.client)).html.strip() == "<p>&lt;b&gt;.example.com </p>"
    pressed = await whmcs.client_page(service, whmcs.client, "note")
    assert (pressed.message, pressed.html.strip()) == ("success", "<p>&lt;b&gt;.example.com 192.0.2.9</p>")


async def test_staff_press_a_button_by_its_label(whmcs, service):
    assert await whmcs.press(service, "Note") == "success"
    with pytest.raises(FakeWhmcsError, match="no button"):
        await whmcs.press(service, "Terminate")
    (note,) = await whmcs.sql("SELECT value FROM tblcustomfieldsvalues WHERE fieldname = ?", "Noted")
    assert note == {"value": "yes"}


async def test_a_connection_is_tested_before_and_after_it_is_saved(whmcs, service):
    assert (await whmcs.test_connection(whmcs.panel, module="sample")).success
    form = {"hostname": "new.example.com", "password": "wrong"}
    said = await whmcs.test_connection(module="sample", form=form)
    assert (said.success, said.error) == (False, "new.example.com")


async def test_an_addon_is_activated_upgraded_used_and_switched_off(whmcs):
    assert (await whmcs.activate("sampleaddon")).description == "tables made"
    assert "modulelink" not in await whmcs.addon_page("sampleaddon")
    await whmcs.configure("sampleaddon", version="1.0")
    await whmcs.addon_page("sampleaddon")
    page = await whmcs.addon_page("sampleaddon", post={"press": "it", "token": "wrong"})
    assert page == "Invalid CSRF Protection Token"
    await whmcs.addon_page("sampleaddon", post={"press": "it", "token": "simulated-csrf-token"})
    said = [line.description for line in (await whmcs.state()).activities]
    assert said == ["upgraded from 1.0", "form of admin 1"]
    await whmcs.deactivate("sampleaddon")
    assert await whmcs.sql("SELECT * FROM tbladdonmodules") == []
    await whmcs.cron()
    assert len((await whmcs.state()).activities) == 2
