"""A HELD service is decided on in Prefect's UI: a suspended run waits with a form, and costs the worker nothing."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from dciflow.stack import Stack
from tests.e2e.billing import Customers, again

pytestmark = [pytest.mark.prefect, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

FORM_SECONDS = 90
"""The janitor looks every 30 s; the rest is a busy machine."""


async def form_of(customers: Customers, service_id: int) -> dict[str, Any]:
    """The suspended run that asks for a decision on the service, with its form's schema and description."""
    wanted = {
        "flows": {"name": {"any_": ["decide-held"]}},
        "flow_runs": {
            "name": {"any_": [f"decide-held-service-{service_id}"]},
            "state": {"type": {"any_": ["PAUSED"]}},
        },
    }
    deadline = time.monotonic() + FORM_SECONDS
    while time.monotonic() < deadline:
        answer = await customers.prefect.http.post("/flow_runs/filter", json=wanted)
        runs: list[dict[str, Any]] = answer.raise_for_status().json()
        if runs:
            return runs[0]
        await asyncio.sleep(0.5)
    raise AssertionError(f"nobody asks what shall become of service {service_id}")


async def input_of(customers: Customers, run: dict[str, Any], what: str) -> str:
    """What the form was saved with: its schema or its description."""
    key = run["state"]["state_details"]["run_input_keyset"][what]
    for _ in range(40):
        answer = await customers.prefect.http.get(f"/flow_runs/{run['id']}/input/{key}")
        if answer.is_success:
            return answer.text
        await asyncio.sleep(0.25)
    raise AssertionError(f"the form has no {what}")


@pytest_asyncio.fixture(loop_scope="session")
async def held(customers: Customers) -> AsyncIterator[tuple[dict[str, Any], dict[str, Any]]]:
    """A service whose server somebody gave to another client, and which was to be suspended then; and the server."""
    order = await customers.buy()
    end = await customers.ask("activate", order)
    assert end.state == "COMPLETED", end.message
    server = await customers.server_of(order["service_id"])
    assert server is not None
    await customers.by_hand("set_owner", server, email="stranger@example.com")
    end = await customers.ask("suspend", again(order))
    assert "HELD (owner-changed)" in end.message
    yield order, server
    await customers.by_hand("set_owner", server, email=server["owner"])
    await customers.delete(order)


async def test_a_form_in_the_ui_ends_a_hold_and_the_stopped_action_goes_on(
    customers: Customers, held: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    order, server = held
    run = await form_of(customers, order["service_id"])
    assert "owner-changed" in await input_of(customers, run, "description")
    assert "forget-server" in await input_of(customers, run, "schema")
    await customers.by_hand("set_owner", server, email=server["owner"])

    unfit = await customers.prefect.http.post(f"/flow_runs/{run['id']}/resume", json={"run_input": {"decision": "x"}})
    assert unfit.json()["status"] == "REJECT"
    answer = {"decision": "retry", "why": "owner set right again", "who": "anna"}
    began = time.monotonic()
    resumed = await customers.prefect.http.post(f"/flow_runs/{run['id']}/resume", json={"run_input": answer})
    assert resumed.json()["status"] == "ACCEPT"
    end = await customers.prefect.wait(run["id"])
    print(f"from the answer to the decision carried out: {time.monotonic() - began:.1f} s")
    assert end.state == "COMPLETED", end.message

    again_suspended = await customers.prefect.find("suspend", order["service_id"], within_seconds=30)
    assert (await customers.prefect.wait(again_suspended)).state == "COMPLETED"
    shown = (await customers.stack.command("held", "list")).split()
    assert str(order["service_id"]) not in shown


async def test_a_decision_by_command_closes_the_form(
    stack: Stack, customers: Customers, held: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    order, _ = held
    run = await form_of(customers, order["service_id"])
    await stack.command("held", "release", str(order["service_id"]), "--why", "the stranger is the client's brother")
    end = await customers.prefect.wait(run["id"])
    assert (end.state, end.message) == ("COMPLETED", "The decision was made elsewhere.")
