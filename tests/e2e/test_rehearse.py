import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from dciflow.demo.stack import Stack, free_port
from dcimanager.endpoints import load_dialect
from runtime.errors import StepRefused
from runtime.gate import needed
from simulator.panel.profile import Profile
from tasks.rehearsal.report import REHEARSED
from tests.e2e.conftest import SPEED
from tests.e2e.whmcs_clients import WhmcsClients, again

pytestmark = [pytest.mark.prefect, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

NEW = "new"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def data_centre(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[httpx.AsyncClient]:
    """Another simulated panel with machines of its own, of which nothing is proved; its control."""
    port, profile = free_port(), Profile.demo().model_copy(update={"first_machine": 500})
    file = tmp_path_factory.mktemp("new-panel") / "profile.json"  # it holds the password that the panel is to have
    await asyncio.to_thread(file.write_text, profile.model_dump_json(), encoding="utf-8")
    options = ("--port", str(port), "--speed", str(SPEED), "--profile", str(file))
    await stack.start("new-simulator", "dciflow", "simulate", *options)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as control:
        await stack.answers("new-simulator", f"{control.base_url}/control/state")
        await stack.command(
            "panel", "add", NEW, "--url", str(control.base_url), "--username", profile.admin_email,
            secrets={"DCIFLOW_PANEL_PASSWORD": profile.admin_password},
        )  # fmt: skip
        yield control
    await stack.run("prefect", "block", "delete", f"dcimanager-panel/{NEW}")
    await stack.stop("new-simulator")


async def free_servers(data_centre: httpx.AsyncClient) -> list[dict[str, Any]]:
    """The servers that have no owner."""
    state = (await data_centre.get("/control/state")).raise_for_status().json()
    return [server for server in state["servers"] if server["owner"] is None]


async def test_a_new_panel_is_surveyed_and_learned_without_a_change_on_it(
    stack: Stack, data_centre: httpx.AsyncClient, tmp_path: Path
) -> None:
    before = (await data_centre.get("/control/writes")).raise_for_status().json()
    assert "servers could be sold now" in await stack.command("panel", "survey", NEW)
    file = tmp_path / "endpoints.toml"
    said = await stack.command("panel", "learn", NEW, "--write", str(file))
    assert "diagnostics" in said
    learned, ours = load_dialect(file), load_dialect()
    assert all(learned[entry].call == ours[entry].call for entry in needed())
    assert (await data_centre.get("/control/writes")).raise_for_status().json() == before


async def test_nothing_is_sold_from_a_new_panel_until_it_was_rehearsed_on(
    stack: Stack, customers: WhmcsClients, data_centre: httpx.AsyncClient
) -> None:
    order, free = {**await customers.buy(), "panel": NEW}, await free_servers(data_centre)
    refused = await customers.ask("activate", order)
    assert refused.state == "FAILED"
    assert f"dciflow panel rehearse {NEW} --server N" in refused.message
    assert await free_servers(data_centre) == free

    spare = str(free[-1]["id"])
    with pytest.raises(StepRefused, match="say --yes"):
        await stack.command("panel", "rehearse", NEW, "--server", spare)
    began = time.monotonic()
    said = await stack.command("panel", "rehearse", NEW, "--server", spare, "--yes")
    print(f"a rehearsal through Prefect: {time.monotonic() - began:.1f} s")
    assert f"server {spare} is free again" in said
    assert all(entry in said for entry in REHEARSED)
    shown = await stack.command("panel", "check", NEW)
    assert "proved on" in shown
    assert "unproved" not in shown

    end = await customers.ask("activate", order)
    assert end.state == "COMPLETED", end.message
    end = await customers.ask("terminate", again(order))
    assert end.state == "COMPLETED", end.message
