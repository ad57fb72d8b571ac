import asyncio
from typing import Any

import pytest

from dciflow.demo.prefect_api import RunEnd
from tests.e2e.whmcs_clients import WhmcsClients

pytestmark = [pytest.mark.prefect, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

JUST_DONE_SECONDS = 6.0
"""What a run worked on within the last seconds is left for the next comparison."""


async def _reconcile(customers: WhmcsClients, repair: str) -> RunEnd:
    prefect = customers.prefect
    deployment = await prefect.deployment("reconcile/scheduled")
    await asyncio.sleep(JUST_DONE_SECONDS)
    while True:
        parameters: dict[str, Any] = {"panel": "main", "repair": repair}
        end = await prefect.wait(await prefect.create(deployment, "reconcile", parameters))
        if end.state != "CANCELLED":  # the scheduled one was just running
            return end


async def test_a_port_that_was_switched_off_is_found_repaired_and_told(customers: WhmcsClients) -> None:
    order = await customers.buy()
    assert (await customers.ask("activate", order)).state == "COMPLETED"
    server = await customers.server_of(order["service_id"])
    assert server is not None
    await customers.by_hand("switch_port", server, to="down")

    end = await _reconcile(customers, "safe")
    assert end.state == "COMPLETED", end.message
    run = (await customers.prefect.http.get(f"/flow_runs/{end.run_id}")).json()
    assert run["name"] == "reconcile main: 1 active-ports-off; 1 repaired"

    artifacts = await customers.of_run("artifacts", end.run_id)
    table = next(a for a in artifacts if a["key"] == "reconcile-main-active-ports-off")
    assert f'"service": {order["service_id"]}' in str(table["data"])
    variable = (await customers.prefect.http.get("/variables/name/dciflow_reconciliation_main")).json()["value"]
    assert (variable["counts"], variable["repaired"], variable["stopped"]) == ({"active-ports-off": 1}, 1, None)
    assert variable["open"] == []
    held = (await customers.prefect.http.get("/variables/name/dciflow_held")).json()["value"]
    assert held["total"] == len(held["services"])
    assert await _event(customers, "dciflow.reconciled", end.run_id) == {"active-ports-off": 1}

    end = await _reconcile(customers, "safe")
    run = (await customers.prefect.http.get(f"/flow_runs/{end.run_id}")).json()
    assert run["name"] == "reconcile main: no difference"
    await customers.delete(order)


async def test_two_runs_at_once_are_one(customers: WhmcsClients) -> None:
    prefect = customers.prefect
    deployment = await prefect.deployment("reconcile/scheduled")
    runs = [await prefect.create(deployment, "reconcile", {"panel": "main"}) for _ in range(4)]
    ends = [await prefect.wait(run) for run in runs]
    assert {end.state for end in ends} <= {"COMPLETED", "CANCELLED"}
    assert "COMPLETED" in {end.state for end in ends}


async def _event(customers: WhmcsClients, name: str, run_id: str) -> dict[str, int]:
    for _ in range(60):
        chosen = {"filter": {"event": {"name": [name]}}, "limit": 50}
        found = (await customers.prefect.http.post("/events/filter", json=chosen)).json()["events"]
        for event in found:
            if event["payload"]["run_id"] == run_id:
                counts: dict[str, int] = event["payload"]["counts"]
                return counts
        await asyncio.sleep(0.5)
    raise AssertionError(f"no event {name} of run {run_id}")
