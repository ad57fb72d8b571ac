"""README.md and docs/api-orders.md can be followed: their commands are typed into one shell, against a real stack.

The `make` targets are left out: a stack that is running already stands for what `make up` starts.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from dciflow.demo.stack import Stack
from ledger.orders import Order
from simulator.panel.profile import Profile
from simulator.whmcs.model import IDENTIFIER, SECRET
from tests.docs.documents import API_ORDERS, PROJECT, README, shell_blocks
from tests.e2e.whmcs_clients import WhmcsClients

pytestmark = [pytest.mark.prefect, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

BEGIN = "-- block --"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def said(stack: Stack, customers: WhmcsClients) -> AsyncIterator[dict[str, list[str]]]:
    """What each block said, by the heading it stands under. Fails: a command ended with another exit code than 0."""
    profile = Profile.demo()
    reader = {
        "SIMULATOR_URL": stack.simulator,
        "PANEL_URL": stack.simulator,
        "PANEL_USERNAME": profile.admin_email,
        "DCIFLOW_PANEL_PASSWORD": profile.admin_password,
        "WHMCS_URL": f"{stack.simulator}/whmcs",
        "WHMCS_IDENTIFIER": IDENTIFIER,
        "DCIFLOW_WHMCS_SECRET": SECRET,
    }
    typed = [block for block in shell_blocks(README, API_ORDERS) if not block.is_make]
    script = "\n".join(["set -euo pipefail", *(f"echo '{BEGIN}'\n{block.text}" for block in typed)])
    shell = await asyncio.create_subprocess_exec(
        "bash", "-c", script,
        cwd=PROJECT, env={**stack.environment, **reader}, stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output = (await shell.communicate())[0].decode(errors="replace")
    parts = output.split(f"{BEGIN}\n")[1:]
    assert shell.returncode == 0, f"{typed[len(parts) - 1].text}\nended with {shell.returncode}: {parts[-1]}"
    answers: dict[str, list[str]] = {}
    for block, part in zip(typed, parts, strict=True):
        answers.setdefault(block.heading, []).append(part.strip())
    yield answers
    for answer in answers["With curl"]:
        # Nobody waits for these runs, but the next stories want a worker that is theirs.
        body = {"state": {"type": "CANCELLING", "name": "Cancelling"}}
        await customers.prefect.http.post(f"/flow_runs/{_run_id(answer)}/set_state", json=body)
        await customers.prefect.wait(_run_id(answer))


async def test_the_panel_of_the_readme_is_ready(said: dict[str, list[str]]) -> None:
    connected = said["Connect the real WHMCS and panel"][0]
    assert "The deployments of prefect.yaml are registered." in connected
    assert "Ready for orders: yes." in connected
    assert "Ready for deletions: yes." in connected
    assert "WHMCS is stored." in connected


async def test_the_list_of_held_services_is_shown(said: dict[str, list[str]]) -> None:
    assert "Reason" in said["When something is HELD"][0]


async def test_the_order_by_curl_becomes_a_run_with_parameters_that_can_be_done(
    said: dict[str, list[str]], customers: WhmcsClients
) -> None:
    run = await _run_of(said["With curl"][0], customers)
    service_id = _ordered(said)["service_id"]
    assert run["idempotency_key"] == f"my-whmcs:order-{service_id}"
    parameters = run["parameters"]
    assert parameters.keys() == {"service_id", "panel", "requested_by", "order"}
    assert (parameters["service_id"], parameters["panel"]) == (service_id, "main")
    order = Order.model_validate(parameters["order"])
    assert order.problems() == []
    assert order.client_id == _ordered(said)["client_id"]


async def test_the_second_request_by_curl_is_another_run_with_two_parameters(
    said: dict[str, list[str]], customers: WhmcsClients
) -> None:
    first, second = [await _run_of(answer, customers) for answer in said["With curl"]]
    assert first["id"] != second["id"]
    assert second["parameters"].items() >= {"service_id": _ordered(said)["service_id"], "panel": "main"}.items()
    assert second["parameters"].get("order") is None


def _run_id(answer: str) -> str:
    found = re.search(r'"id":"([0-9a-f-]{36})"', answer)
    assert found is not None, answer
    return found[1]


async def _run_of(answer: str, customers: WhmcsClients) -> dict[str, Any]:
    response = await customers.prefect.http.get(f"/flow_runs/{_run_id(answer)}")
    run: dict[str, Any] = response.raise_for_status().json()
    return run


def _ordered(said: dict[str, list[str]]) -> dict[str, int]:
    ids = re.findall(r'"(client_id|service_id)":\s*(\d+)', said["Run it"][1])
    return {name: int(value) for name, value in ids}
