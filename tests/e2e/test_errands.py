"""A button after the sale, from WHMCS's page to the panel and back; and a worker that dies in the middle of it."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio

from dciflow.demo.ordering import whmcs_ordering
from dciflow.demo.prefect_api import PrefectApi
from dciflow.demo.stack import running_stack
from simulator.panel.profile import XEON
from simulator.whmcs_php.browser import hidden_fields
from tests.e2e.orders import OrderStory
from tests.prefect_home import prefect_home

pytestmark = [pytest.mark.prefect, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(600)]

SPEED = 120.0
"""An installation takes 8 s, and a server a quarter of a second until it has power."""

ANSWERED_SECONDS = 4.0
"""The module gives Prefect two seconds; a busy machine may take as long again for PHP."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def story(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[OrderStory]:
    """A client with a server, of a product whose clients may press; and everything behind it."""
    home = prefect_home(tmp_path_factory, "errands")
    async with running_stack(home, print, speed=SPEED, keep=lambda: True) as stack:
        prefect = PrefectApi(stack.api)
        async with whmcs_ordering(stack, prefect) as shop:
            client = await shop.whmcs.add_client("anna@example.com", "Anna")
            settings = [XEON, "Debian-12-x86_64", "", "public-v4", "60", "", "", "", "0", "on"]
            product = await shop.whmcs.add_product("Xeon", settings)
            service = await shop.whmcs.order(client, product, "anna.example.com", server=shop.server)
            one = OrderStory(shop, client, service)
            assert await shop.whmcs.command(service, "CreateAccount", "payment") == "success"
            await one.mailed()  # only then has the module heard of the server
            yield one
            assert (await shop.whmcs.state()).php_faults == []
        await prefect.aclose()


@pytest_asyncio.fixture(loop_scope="module")
async def panel(story: OrderStory) -> AsyncIterator[httpx.AsyncClient]:
    """What the simulated panel says of itself, which no client of ours asks."""
    async with httpx.AsyncClient(base_url=story.shop.stack.simulator, timeout=30) as control:
        yield control


async def writes(panel: httpx.AsyncClient, endpoint: str) -> list[dict[str, Any]]:
    """The calls of that kind that the panel got."""
    said = (await panel.get("/control/writes")).raise_for_status().json()
    return [call for call in said if call["endpoint"] == endpoint]


async def server_of(panel: httpx.AsyncClient) -> dict[str, Any]:
    """The client's server."""
    state = (await panel.get("/control/state")).raise_for_status().json()
    return next(server for server in state["servers"] if (server["owner"] or "").startswith("anna"))


async def followed(story: OrderStory) -> str:
    """The client's page, refreshed, once the newest run of the errand has ended well."""
    run, *_ = await story.shop.prefect.runs("power", story.service)
    end = await story.shop.prefect.wait(run)
    assert end.state == "COMPLETED", end.message
    return await refreshed(story)


async def refreshed(story: OrderStory) -> str:
    """The client's page, once the module has looked at the run."""
    await story.whmcs.custom(story.service, "sync")
    return await story.client_page()


async def test_a_press_is_a_run_and_its_end_stands_on_the_page(story: OrderStory, panel: httpx.AsyncClient) -> None:
    drawn = hidden_fields(await story.client_page(), "power")
    began = time.monotonic()
    form = {"command": "off", "sure": "1", **drawn}
    page = await story.whmcs.client_page(story.service, story.client, "power", form)
    took = time.monotonic() - began
    assert page.message == "success"
    assert "Power: off, seen" in await followed(story)
    assert await story.whmcs.press(story.service, "Power on") == "success"
    assert "Power: on, seen" in await followed(story)
    assert [len(await writes(panel, call)) for call in ("power_off", "power_reset")] == [1, 0]
    assert await story.status() == "Active"
    assert took < ANSWERED_SECONDS


async def test_a_worker_that_is_killed_in_the_middle_reboots_no_server_twice(
    story: OrderStory, panel: httpx.AsyncClient
) -> None:
    stack, server = story.shop.stack, await server_of(panel)
    off = {"action": "power", "server": server["id"], "to": "off"}
    (await panel.post("/control/by-hand", json=off)).raise_for_status()
    assert await story.whmcs.press(story.service, "Reboot") == "success"
    for _ in range(3000):
        if await writes(panel, "power_reset"):
            break
        await asyncio.sleep(0.01)
    await stack.stop("worker", kill=True)
    run, *_ = await story.shop.prefect.runs("power", story.service)
    print(await stack.run("tests.e2e.stalled"))
    await stack.start_worker()
    end = await story.shop.prefect.wait(run)
    assert end.state == "COMPLETED" or "may have been rebooted, or not" in end.message, end
    assert len(await writes(panel, "power_reset")) == 1
    page = await refreshed(story)
    assert "done" in page
    assert "under way" not in page


async def test_what_was_pressed_long_ago_is_refused_when_a_worker_comes(
    story: OrderStory, panel: httpx.AsyncClient
) -> None:
    before = len(await writes(panel, "power_reset"))
    asked_at = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    wanted = {"service_id": story.service, "panel": "main", "command": "reboot", "asked_at": asked_at}
    end = await story.shop.prefect.run("power", {**wanted, "requested_by": "admin"})
    assert end.state == "FAILED"
    assert "minutes before it could begin" in end.message
    assert len(await writes(panel, "power_reset")) == before
