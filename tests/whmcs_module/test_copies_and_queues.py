"""A copied WHMCS touches nothing, and no request waits for ever behind others."""

from pathlib import Path

import pytest

from tests.whmcs_module.stories import ADDON, SETTINGS, hurried

pytestmark = pytest.mark.asyncio(loop_scope="module")
TOKEN = "simulated-csrf-token"


@pytest.fixture(scope="module")
def overlay(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hurried(tmp_path_factory.mktemp("overlay"))


async def goes_to(scene, url):
    """The database finds itself in a WHMCS with this System URL."""
    await scene.whmcs.sql("UPDATE tblconfiguration SET value = ? WHERE setting = 'SystemURL'", url)


async def test_a_copy_starts_nothing_by_command_button_or_cron(scene):
    service = await scene.activated()
    waiting = await scene.buy()
    with_address = await scene.whmcs.addon_page(ADDON)
    assert "drive its services from here" not in with_address
    scene.prefect.then("401")
    assert "401" in await scene.whmcs.command(waiting, "CreateAccount")
    await scene.later()

    await goes_to(scene, "https://staging.example.com/")
    runs, seen = len(scene.prefect.runs), len(scene.prefect.requests)
    for command in ("SuspendAccount", "TerminateAccount"):
        said = await scene.whmcs.command(service, command)
        assert "staging.example.com" in said and "billing.example.com/whmcs" in said and "copy" in said
    await scene.whmcs.cron()
    assert "copy" in await scene.whmcs.custom(service, "sync")
    assert "copy" in (await scene.whmcs.test_connection(scene.panels[0])).error
    assert (len(scene.prefect.runs), len(scene.prefect.requests)) == (runs, seen)
    assert await scene.status(service) == "Active"


async def test_a_whmcs_that_moved_goes_on_once_staff_say_so(scene):
    service = await scene.activated()
    await goes_to(scene, "https://new.example.com/billing/")
    page = await scene.whmcs.addon_page(ADDON)
    assert "new.example.com/billing" in page and "drive its services from here" in page
    assert "Token" in await scene.whmcs.addon_page(ADDON, post={"task": "move"})
    assert "copy" in await scene.whmcs.command(service, "SuspendAccount")
    page = await scene.whmcs.addon_page(ADDON, post={"task": "move", "token": TOKEN})
    assert "driven from here again" in page and "Open and failed requests" in page
    assert await scene.whmcs.command(service, "SuspendAccount") == "success"
    assert any("new.example.com/billing" in line.description for line in await scene.activities())


@pytest.mark.parametrize("url", ["https://billing.example.com/whmcs", "HTTP://Billing.example.com/whmcs/"])
async def test_https_makes_no_other_whmcs_of_it(scene, url):
    service = await scene.activated()
    await goes_to(scene, url)
    assert await scene.whmcs.command(service, "SuspendAccount") == "success"


async def test_a_certain_failure_does_not_take_back_what_another_send_left_unknown(scene):
    """Prefect may have the request of the first send: nobody may overtake it by another action."""
    service = await scene.activated()
    await scene.later()
    scene.prefect.then(*["lost"] * 40)
    assert await scene.whmcs.command(service, "SuspendAccount") != "success"
    scene.prefect.faults.clear()
    scene.prefect.then("401")
    assert "401" in await scene.whmcs.command(service, "SuspendAccount")
    (row,) = await scene.whmcs.sql("SELECT maybe_sent FROM mod_dcimanager6_request WHERE open_for = ?", service)
    assert int(row["maybe_sent"]) >= 1


async def test_what_certainly_failed_can_be_overtaken(scene):
    service = await scene.activated()
    await scene.later()
    for _ in range(3):
        scene.prefect.then("401")
        assert "401" in await scene.whmcs.command(service, "SuspendAccount")
    (row,) = await scene.whmcs.sql("SELECT maybe_sent FROM mod_dcimanager6_request WHERE open_for = ?", service)
    assert int(row["maybe_sent"]) == 0


async def test_a_hundred_who_never_verify_do_not_keep_the_others_waiting(scene):
    product = await scene.whmcs.add_product("Verified", [*SETTINGS[:6], "on"])
    await scene.whmcs.edit("tblclients", scene.client, email_verified=0)
    first = await scene.buy(product=product)
    assert "not verified" in await scene.whmcs.command(first, "CreateAccount", "payment")
    columns = "state, told, panel, parameters, message, service_id, client_id, action, requested_by, maybe_sent, "
    columns += "known_before, created_at, updated_at"
    for _ in range(7):  # 128 rows like the first one
        await scene.whmcs.sql(
            f"INSERT INTO mod_dcimanager6_request ({columns}) SELECT {columns} "  # noqa: S608 - names of the line above
            "FROM mod_dcimanager6_request WHERE state = 'waiting'"
        )
    eager = await scene.whmcs.add_client("eager@example.com", "Eager")
    await scene.whmcs.edit("tblclients", eager, email_verified=0)
    last = await scene.whmcs.order(eager, product, "last.example.com", server=scene.panels[0])
    assert "not verified" in await scene.whmcs.command(last, "CreateAccount", "payment")
    await scene.whmcs.edit("tblclients", eager, email_verified=1)
    await scene.later(1)
    await scene.whmcs.cron()
    await scene.whmcs.cron()
    assert [run.flow for run in scene.prefect.of(last)] == ["activate"]
