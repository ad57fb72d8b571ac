"""Whole stories from an order in WHMCS to its end: the PHP module, a real Prefect server, the flows, the simulator."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from dciflow.demo.ordering import ADDON, WhmcsOrdering, whmcs_ordering
from dciflow.demo.prefect_api import PrefectApi
from dciflow.demo.stack import WHY_TRUSTED, running_stack
from simulator.panel.profile import XEON, Profile
from simulator.processes import free_port
from tests.e2e.orders import decided_on_the_page, ordered, scheduled
from tests.mariadb import mariadb
from tests.prefect_home import prefect_home

pytestmark = [pytest.mark.prefect, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]

SPEED = 90.0
"""An OS installation takes 10 s: longer than the module waits for a run."""
STEPS = ("Reserved", "Installing", "Ready")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shop(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[WhmcsOrdering]:
    """A WHMCS with the module in it, on MariaDB, and everything behind it."""
    database = await mariadb()
    home = prefect_home(tmp_path_factory, "shop")
    async with running_stack(home, print, speed=SPEED, keep=lambda: True) as stack:
        prefect = PrefectApi(stack.api)
        async with whmcs_ordering(stack, prefect, database=database) as shop:
            yield shop
            assert (await shop.whmcs.state()).php_faults == []
        await prefect.aclose()


@pytest.mark.parametrize("order", ["status,hook,mail", "mail,hook,status"])
async def test_an_order_goes_its_whole_way(shop: WhmcsOrdering, order: str) -> None:
    await shop.whmcs.switch("order", order)
    story = await ordered(shop, f"whole{len(order)}{order[0]}")
    password = (await shop.whmcs.state()).service(story.service).password
    assert await shop.whmcs.command(story.service, "CreateAccount", "payment") == "success"

    assert await story.status() == "Pending"
    assert (await shop.whmcs.state()).client_mails(story.service) == []
    page = await story.client_page()
    assert [step for step in STEPS if step not in page] == []
    (run,) = await shop.prefect.runs("activate", story.service)
    assert f"/v2/runs/flow-run/{run}" in await story.admin_page()

    await story.eventually("Active")
    state = await story.mailed()
    service = state.service(story.service)
    (mail,) = state.client_mails(story.service)
    assert service.dedicatedip and service.dedicatedip in service.assignedips
    assert (service.username, service.password) == ("root", password)
    assert [text for text in (service.dedicatedip, "root", password) if text not in mail.message] == []
    assert service.dedicatedip in await story.client_page()
    assert service.dedicatedip in await story.admin_page()

    assert await shop.whmcs.command(story.service, "SuspendAccount", "automation") == "success"
    assert await story.status() == "Suspended"
    assert await shop.whmcs.command(story.service, "UnsuspendAccount", "payment") == "success"
    assert await story.status() == "Active"
    await story.give_back()
    state = await shop.whmcs.state()
    assert len(state.client_mails(story.service)) == 1
    assert state.waiting(story.service) == []


async def test_a_payment_that_comes_four_times_at_once_gets_one_server(shop: WhmcsOrdering) -> None:
    story = await ordered(shop, "often", dont_wait="on")
    said = await asyncio.gather(
        *(shop.whmcs.command(story.service, "CreateAccount", by) for by in ("payment", "payment", "admin", "api"))
    )
    assert said == ["success"] * 4
    assert len(await shop.prefect.runs("activate", story.service)) == 1
    await story.eventually("Active")
    assert len((await story.mailed()).client_mails(story.service)) == 1
    await story.give_back()


async def test_a_service_that_is_cancelled_while_it_installs_gives_its_server_back(shop: WhmcsOrdering) -> None:
    story = await ordered(shop, "leaver")
    assert await shop.whmcs.command(story.service, "CreateAccount", "payment") == "success"
    await shop.whmcs.edit("tblhosting", story.service, domainstatus="Cancelled")
    (run,) = await shop.prefect.runs("activate", story.service)
    assert (await shop.prefect.wait(run)).state == "FAILED"
    taken_back = await shop.prefect.find("terminate", story.service, within_seconds=30)
    assert (await shop.prefect.wait(taken_back)).state == "COMPLETED"
    state = await shop.whmcs.state()
    service = state.service(story.service)
    assert (service.domainstatus, service.dedicatedip) == ("Cancelled", "")
    assert state.client_mails(story.service) == []


async def test_strict_mode_says_done_when_it_is_done(shop: WhmcsOrdering) -> None:
    await shop.whmcs.configure(ADDON, strict="on")
    try:
        story = await ordered(shop, "strict")
        said = await shop.whmcs.command(story.service, "CreateAccount", "automation")
        assert "has started" in said
        assert await story.status() == "Pending"
        await story.eventually("Active")
        state = await story.mailed()
        assert len(state.client_mails(story.service)) == 1
        for _ in range(40):
            if not (state := await shop.whmcs.state()).waiting(story.service):
                break
            await asyncio.sleep(0.5)
        assert state.waiting(story.service) == []
    finally:
        await shop.whmcs.configure(ADDON, strict="")
    await story.give_back()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def second_panel(shop: WhmcsOrdering, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """Another panel; as WHMCS knows it from its story on, it has to answer until the last one's end."""
    port = free_port()
    panel = f"http://127.0.0.1:{port}"
    machines = tmp_path_factory.mktemp("second-panel") / "profile.json"
    machines.write_text(Profile.demo().model_copy(update={"first_machine": 500}).model_dump_json())
    options = ("--port", str(port), "--speed", str(SPEED), "--profile", str(machines))
    await shop.stack.start("second-simulator", "dciflow", "simulate", *options)
    await shop.stack.answers("second-simulator", f"{panel}/control/state")
    yield panel
    await shop.stack.stop("second-simulator")


async def test_two_server_records_sell_from_two_panels(shop: WhmcsOrdering, second_panel: str) -> None:
    profile, port = Profile.demo(), httpx.URL(second_panel).port
    second = await shop.whmcs.add_server(
        "second", "127.0.0.1", profile.admin_email, profile.admin_password, port=port, secure=False
    )
    assert (await shop.whmcs.test_connection(second)).success
    await shop.stack.command("panel", "trust", "second", "--why", WHY_TRUSTED)
    stories = [await ordered(shop, name, server=server) for name, server in (("here", shop.server), ("there", second))]
    for story in stories:
        assert await shop.whmcs.command(story.service, "CreateAccount", "payment") == "success"
    for story in stories:
        await story.mailed()
        assert await story.status() == "Active"
    here, there = [await owners(panel) for panel in (shop.stack.simulator, second_panel)]
    assert ("here@example.com" in here, "there@example.com" in here) == (True, False)
    assert there == ["there@example.com"]
    assert await shop.whmcs.command(stories[1].service, "SuspendAccount", "automation") == "success"
    for story in stories:
        await story.give_back()
    assert await owners(second_panel) == []
    assert "here@example.com" not in await owners(shop.stack.simulator)


async def owners(panel: str) -> list[str]:
    """The owners of the panel's servers."""
    async with httpx.AsyncClient(base_url=panel, timeout=30) as control:
        state = (await control.get("/control/state")).raise_for_status().json()
    return [server["owner"] for server in state["servers"] if server["owner"]]


async def test_a_wrong_password_is_told_by_test_connection_and_mended_by_the_right_one(shop: WhmcsOrdering) -> None:
    right = Profile.demo().admin_password
    await shop.whmcs.edit("tblservers", shop.server, password="not-the-password")
    refused = await shop.whmcs.test_connection(shop.server)
    assert not refused.success and "password" in refused.error and "not-the-password" not in refused.error
    await shop.whmcs.edit("tblservers", shop.server, password=right)
    assert (await shop.whmcs.test_connection(shop.server)).success


async def test_the_drop_downs_come_from_the_panel(shop: WhmcsOrdering) -> None:
    story = await ordered(shop, "chooser")
    await scheduled(shop, "catalogue")
    assert {XEON, "Debian-12-x86_64", "public-v4"} <= await story.offered()


async def test_no_secret_is_kept_anywhere(shop: WhmcsOrdering, stack_files: list[Path]) -> None:
    story = await ordered(shop, "canary", dont_wait="on")
    await shop.whmcs.edit("tblhosting", story.service, password="canary-of-the-service")
    assert await shop.whmcs.command(story.service, "CreateAccount", "payment") == "success"
    await story.eventually("Active")
    state = await story.mailed()
    await story.give_back()
    canaries = ["canary-of-the-service", Profile.demo().admin_password]
    said = " ".join(
        [
            *(f"{row.request} {row.response} {row.arrdata}" for row in state.module_log),
            *(line.description for line in state.activities),
            *(note.message for note in state.notifications),
            await story.client_page(),
            await story.admin_page(),
            await shop.whmcs.addon_page(ADDON),
        ]
    )
    assert said
    assert [canary for canary in canaries if canary in said] == []
    for file in stack_files:
        content = await asyncio.to_thread(file.read_bytes)
        assert [canary for canary in canaries if canary.encode() in content] == [], file.name


@pytest.fixture
def stack_files(shop: WhmcsOrdering) -> list[Path]:
    """What Prefect, the ledger and the worker keep in files."""
    home = shop.stack.home
    found = [file for file in home.rglob("*") if file.is_file() and not file.name.endswith("simulator.log")]
    assert {"prefect.db", "ledger.db", "worker.log"} <= {file.name for file in found}
    return [file for file in found if "whmcs" not in file.relative_to(home).parts]


async def test_a_prefect_that_is_away_is_told_in_one_line_and_retry_goes_on(shop: WhmcsOrdering) -> None:
    story = await ordered(shop, "patient", dont_wait="on")
    await shop.whmcs.configure(ADDON, api_url="http://127.0.0.1:9/api")
    try:
        said = await shop.whmcs.command(story.service, "CreateAccount", "payment")
    finally:
        await shop.whmcs.configure(ADDON, api_url=shop.stack.api)
    assert said != "success" and "\n" not in said
    (row,) = (await shop.whmcs.state()).waiting(story.service)
    assert await shop.whmcs.retry(row.id) == "success"
    await story.mailed()
    assert await story.status() == "Active"
    await story.give_back()


async def test_a_held_service_is_decided_on_from_the_addons_page(shop: WhmcsOrdering) -> None:
    await decided_on_the_page(shop)
