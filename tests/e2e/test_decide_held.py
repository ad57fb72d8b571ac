"""A HELD service is decided on in Prefect's UI: a suspended run waits with a form, and costs the worker nothing."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from dciflow.demo.prefect_api import RunEnd
from dciflow.demo.stack import Stack
from tests.e2e.whmcs_clients import WhmcsClients, again

pytestmark = [pytest.mark.prefect, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

FORM_SECONDS = 90
"""The janitor looks every 30 s; the rest is a busy machine."""


async def form_of(customers: WhmcsClients, service_id: int) -> dict[str, Any]:
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


async def input_of(customers: WhmcsClients, run: dict[str, Any], what: str) -> str:
    """What the form was saved with: its schema or its description."""
    key = run["state"]["state_details"]["run_input_keyset"][what]
    for _ in range(40):
        answer = await customers.prefect.http.get(f"/flow_runs/{run['id']}/input/{key}")
        if answer.is_success:
            return answer.text
        await asyncio.sleep(0.25)
    raise AssertionError(f"the form has no {what}")


@pytest_asyncio.fixture(loop_scope="session")
async def held(customers: WhmcsClients) -> AsyncIterator[tuple[dict[str, Any], dict[str, Any]]]:
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


async def resumed(customers: WhmcsClients, run: dict[str, Any], answer: dict[str, str]) -> str:
    """What Prefect says to a form's answer; a server on SQLite that is busy says 503, and its UI asks again, too."""
    for _ in range(20):
        said = await customers.prefect.http.post(f"/flow_runs/{run['id']}/resume", json={"run_input": answer})
        if said.status_code != httpx.codes.SERVICE_UNAVAILABLE:
            return str(said.json()["status"])
        await asyncio.sleep(0.5)
    raise AssertionError("Prefect's server is busy for ten seconds")


async def test_a_form_in_the_ui_ends_a_hold_and_the_stopped_action_goes_on(
    customers: WhmcsClients, held: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    order, server = held
    run = await form_of(customers, order["service_id"])
    assert "owner-changed" in await input_of(customers, run, "description")
    assert "forget-server" in await input_of(customers, run, "schema")
    await customers.by_hand("set_owner", server, email=server["owner"])

    assert await resumed(customers, run, {"decision": "x"}) == "REJECT"
    answer = {"decision": "retry", "why": "owner set right again", "who": "anna"}
    began = time.monotonic()
    assert await resumed(customers, run, answer) == "ACCEPT"
    end = await customers.prefect.wait(run["id"])
    print(f"from the answer to the decision carried out: {time.monotonic() - began:.1f} s")
    assert end.state == "COMPLETED", end.message

    again_suspended = await customers.prefect.find("suspend", order["service_id"], within_seconds=30)
    assert (await customers.prefect.wait(again_suspended)).state == "COMPLETED"
    shown = (await customers.stack.command("held", "list")).split()
    assert str(order["service_id"]) not in shown


async def test_a_decision_by_command_closes_the_form(
    stack: Stack, customers: WhmcsClients, held: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    order, _ = held
    run = await form_of(customers, order["service_id"])
    await stack.command("held", "release", str(order["service_id"]), "--why", "the stranger is the client's brother")
    end = await customers.prefect.wait(run["id"])
    assert (end.state, end.message) == ("COMPLETED", "The decision was made elsewhere.")


async def decided_through_whmcs(customers: WhmcsClients, service_id: int, **decision: Any) -> RunEnd:
    """How a decision ends that the door starts in the name of a WHMCS."""
    parameters = {"service_id": service_id, "who": "the boss", "why": "we close", "asked_through": "a1b2", **decision}
    deployment = await customers.prefect.deployment("decide-held/whmcs")
    started = await customers.prefect.http.post(
        f"/deployments/{deployment}/create_flow_run", json={"parameters": parameters}
    )
    return await customers.prefect.wait(started.raise_for_status().json()["id"])


async def test_through_whmcs_a_deletion_is_not_decided_and_a_release_is(
    customers: WhmcsClients, held: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    order, _ = held
    service_id = order["service_id"]
    end = await decided_through_whmcs(customers, service_id, decision="terminate")
    assert (end.state, f"dciflow held terminate {service_id}" in end.message) == ("FAILED", True), end.message
    end = await decided_through_whmcs(customers, service_id, decision="retry", past_cap=True)
    assert (end.state, f"dciflow held retry {service_id} --past-cap" in end.message) == ("FAILED", True), end.message
    end = await decided_through_whmcs(customers, service_id, decision="release")
    assert end.state == "COMPLETED", end.message
    shown = await customers.stack.command("held", "show", str(service_id))
    assert "WHMCS a1b2, by its own word the boss" in " ".join(shown.split())
