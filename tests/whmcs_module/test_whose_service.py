"""A number that WHMCS gave out again shows its new client nothing of the old one, in pages and in mails."""

from pathlib import Path

import pytest

from tests.whmcs_module.stories import hurried

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def overlay(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hurried(tmp_path_factory.mktemp("overlay"))


async def given_out_again(scene, service):
    """WHMCS's row of the number is another client's from now on, with an order and a date of its own."""
    bob = await scene.whmcs.add_client("bob@example.com", "Bob", "Liepa")
    await scene.whmcs.edit(
        "tblhosting",
        service,
        userid=bob,
        orderid=9001,
        regdate="2031-05-05",
        domainstatus="Pending",
        dedicatedip="",
        assignedips="",
    )
    return bob


async def activated(scene):
    """A service of Ann's whose page shows addresses."""
    service = await scene.buy()
    await scene.whmcs.edit("tblhosting", service, orderid=501, regdate="2031-01-01")
    assert await scene.whmcs.command(service, "CreateAccount") == "success"
    run = scene.prefect.only(service)
    await scene.write_back(service)
    run.becomes("COMPLETED", step="ready", server=7, serial="ANNAS-SERIAL", state="ACTIVE", addresses="192.0.2.10")
    assert await scene.whmcs.custom(service, "sync") == "success"
    assert "192.0.2.10" in (await scene.whmcs.client_page(service, scene.client)).html
    return service


async def test_a_number_given_out_again_shows_nothing_of_the_old_service(scene):
    service = await activated(scene)
    mails = await scene.mails(service)
    bob = await given_out_again(scene, service)
    page = (await scene.whmcs.client_page(service, bob)).html
    assert "192.0.2.10" not in page and "Ready" not in page
    tab = str(await scene.whmcs.admin_page(service))
    assert "ANNAS-SERIAL" not in tab and "another service" in tab
    assert await scene.mails(service) == mails


async def test_its_activation_is_its_own_and_its_mail_waits_for_its_own_server(scene):
    service = await activated(scene)
    bob = await given_out_again(scene, service)
    assert await scene.whmcs.command(service, "CreateAccount") == "success"
    first, second = scene.prefect.of(service)
    assert second.parameters["identity"]["client_id"] == bob != first.parameters["identity"]["client_id"]
    assert (await scene.status(service), await scene.mails(service)) == ("Pending", 1)
    second.becomes("FAILED", held="client-changed", state="HELD")
    await scene.whmcs.custom(service, "sync")
    assert "192.0.2.10" not in (await scene.whmcs.client_page(service, bob)).html
    assert await scene.mails(service) == 1


async def test_a_service_that_was_handed_over_is_shown_to_its_new_client(scene):
    service = await activated(scene)
    bob = await scene.whmcs.add_client("bob@example.com", "Bob", "Liepa")
    await scene.whmcs.edit("tblhosting", service, userid=bob)
    assert "192.0.2.10" not in (await scene.whmcs.client_page(service, bob)).html
    assert await scene.whmcs.command(service, "SuspendAccount") == "success"
    scene.prefect.of(service)[-1].becomes("COMPLETED")
    await scene.whmcs.custom(service, "sync")
    assert "192.0.2.10" in (await scene.whmcs.client_page(service, bob)).html


async def test_another_services_open_request_is_not_joined(scene):
    service = await scene.buy()
    assert await scene.whmcs.command(service, "CreateAccount") == "success"
    await given_out_again(scene, service)
    said = await scene.whmcs.command(service, "CreateAccount")
    assert "another service's" in said
    assert len(scene.prefect.of(service)) == 1
