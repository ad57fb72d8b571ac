"""A hostile and a dead panel beside a good one, on a real Prefect server and worker (safety rules 18 and 25)."""

import asyncio
import time
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import Any

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings
from pydantic import SecretStr
from sqlalchemy import update
from sqlmodel import col

from dciflow.demo.stack import Stack
from ledger.database import Ledger
from ledger.tables import ClaimRow, HardwareRow, ServiceRow
from runtime.blocks import DcimanagerPanel
from tests.e2e.bad_panels import BadPanel, dead_panel, evil_panel
from tests.e2e.whmcs_clients import WhmcsClients, again
from tests.harness import trust_panel

pytestmark = [pytest.mark.prefect, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

EVIL, DEAD = "evil", "dead"
ORDERS = 10
"""Orders for each bad panel: more than the slots of ordinary runs."""
LONGEST_SECONDS = 30.0
"""Each takes some seconds, more on a busy machine; one that waits for a bad panel's run to end takes minutes."""


async def test_a_good_panels_services_do_not_wait_for_a_hostile_and_a_dead_panel_beside_it(
    stack: Stack, customers: WhmcsClients
) -> None:
    good, *bad = await asyncio.gather(*(customers.buy() for _ in range(3)))
    ends = await asyncio.gather(*(customers.ask("activate", order) for order in bad))
    assert {end.state for end in ends} == {"COMPLETED"}, ends
    theirs = dict(zip((EVIL, DEAD), bad, strict=True))
    async with evil_panel() as evil, dead_panel() as dead, _sold_from(stack, {EVIL: evil, DEAD: dead}, theirs):
        runs = await _flood(customers, theirs)
        try:
            await asyncio.gather(evil.until_asked(), dead.until_asked())
            for flow, parameters in (("activate", good), ("suspend", again(good)), ("unsuspend", again(good))):
                began = time.monotonic()
                end = await customers.ask(flow, parameters)
                assert end.state == "COMPLETED", end.message
                assert time.monotonic() - began < LONGEST_SECONDS, flow
            states = {name: [await _state(customers, run) for run in theirs] for name, theirs in runs.items()}
            assert "RUNNING" in states[DEAD], "the dead panel's runs were over: they held up nothing"
            assert "COMPLETED" not in [*states[EVIL], *states[DEAD]]
        finally:
            await _end(customers, [run for theirs in runs.values() for run in theirs])
    for order in (good, *bad):
        await customers.delete(order)


async def _flood(customers: WhmcsClients, theirs: dict[str, dict[str, Any]]) -> dict[str, list[str]]:
    """For each bad panel a suspension, which is urgent, and more orders than there are slots; the runs by panel."""
    runs: dict[str, list[str]] = {}
    for name, order in theirs.items():
        bought = await asyncio.gather(*(customers.buy() for _ in range(ORDERS)))
        orders = [{**one, "panel": name} for one in bought]
        runs[name] = [await customers.prefect.start("suspend", {**again(order), "panel": name})]
        runs[name] += await asyncio.gather(*(customers.prefect.start("activate", one) for one in orders))
    return runs


async def _state(customers: WhmcsClients, run_id: str) -> str:
    run = (await customers.prefect.send("GET", f"/flow_runs/{run_id}")).json()
    if run["state"]["type"] == "FAILED":
        assert len(run["state"]["message"].splitlines()) == 1, run["state"]
    return str(run["state"]["type"])


async def _end(customers: WhmcsClients, runs: Collection[str]) -> None:
    for run in runs:
        body: dict[str, Any] = {"state": {"type": "CANCELLING", "name": "Cancelling"}}
        if await _state(customers, run) not in ("FAILED", "COMPLETED", "CANCELLED"):
            await customers.prefect.send("POST", f"/flow_runs/{run}/set_state", body)
    await asyncio.gather(*(customers.prefect.wait(run) for run in runs))


@asynccontextmanager
async def _sold_from(
    stack: Stack, panels: dict[str, BadPanel], theirs: dict[str, dict[str, Any]]
) -> AsyncIterator[None]:
    """Store the bad panels, and make each service one of that panel until the end."""
    ledger = Ledger(stack.environment["DCIFLOW_LEDGER_URL"])
    with temporary_settings({PREFECT_API_URL: stack.api}):
        for name, panel in panels.items():
            await DcimanagerPanel(url=panel.url, username="u", password=SecretStr("password")).save(name)
    for name, order in theirs.items():
        await trust_panel(ledger, name=name)
        await _move(ledger, name, ServiceRow.service_id, order["service_id"])
    try:
        yield
    finally:
        for name in panels:
            await _move(ledger, "main", ServiceRow.panel, name)
            with temporary_settings({PREFECT_API_URL: stack.api}):
                await DcimanagerPanel.adelete(name)
        await ledger.dispose()


async def _move(ledger: Ledger, name: str, column: Any, value: object) -> None:
    async with ledger.transaction() as session:
        connection = await session.connection()
        for kind in (ServiceRow, ClaimRow, HardwareRow):
            where = col(getattr(kind, column.key)) == value
            await connection.execute(update(kind).where(where).values(panel=name))
