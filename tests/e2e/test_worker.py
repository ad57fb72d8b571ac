"""What happens to runs when their worker stops, and to the worker when it is asked to."""

import asyncio
import signal
import sys
import time
from typing import Any

import pytest

from dciflow.demo.stack import Stack
from dciflow.registration import POOL, PROJECT
from tests.e2e.whmcs_clients import WhmcsClients

pytestmark = [pytest.mark.prefect, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

SOON_SECONDS = 20
"""A worker that has only waiting runs stops within seconds; the rest is a busy machine."""


async def test_a_worker_that_stops_hands_back_what_waits_and_the_next_one_goes_on(
    stack: Stack, customers: WhmcsClients
) -> None:
    order = await customers.buy_what_hangs()
    run_id = await customers.prefect.start("activate", order)
    server = await customers.until_it_installs(order["service_id"])
    try:
        worker, began = stack.processes.pop("worker"), time.monotonic()
        worker.send_signal(signal.SIGTERM)
        await worker.wait()
        assert time.monotonic() - began < SOON_SECONDS
        run = (await customers.prefect.http.get(f"/flow_runs/{run_id}")).json()
        assert (run["state"]["type"], run["state"]["name"]) == ("SCHEDULED", "AwaitingRetry")
        assert "Returned to the queue by worker" in run["state"]["message"]
    finally:
        await stack.start_worker()
    await customers.by_hand("end_operation", server, status="finished")
    end = await customers.prefect.wait(run_id)
    assert end.state == "COMPLETED", end.message
    await _installed_once(customers, order, server)
    await customers.delete(order)


async def test_a_prefect_server_that_dies_and_comes_back_ends_no_run(stack: Stack, customers: WhmcsClients) -> None:
    waits, works = await customers.buy_what_hangs(), await customers.buy()
    run_of_waits = await customers.prefect.start("activate", waits)
    server = await customers.until_it_installs(waits["service_id"])
    run_of_works = await customers.prefect.start("activate", works)
    await customers.until_it_is_claimed(works["service_id"])
    await stack.stop("prefect-server", kill=True)
    try:
        await customers.by_hand("end_operation", server, status="finished")
    finally:
        await stack.start_prefect()
    await stack.prefect_answers()
    for run_id in (run_of_waits, run_of_works):
        end = await customers.prefect.wait(run_id)
        assert end.state == "COMPLETED", end.message
    await _installed_once(customers, waits, server)
    for order in (waits, works):
        await customers.delete(order)


async def test_a_worker_that_a_script_started_in_the_background_stops_when_asked(stack: Stack) -> None:
    command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", POOL, "--name", "background"]
    worker = await asyncio.create_subprocess_exec(
        "sh", "-c", 'trap "" INT; exec "$@"', "sh", *command,
        cwd=PROJECT, env=stack.environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    assert worker.stdout is not None
    while b"started" not in (line := await worker.stdout.readline()):
        assert line, "the worker ended by itself"
    began = time.monotonic()
    worker.send_signal(signal.SIGTERM)
    said = (await worker.communicate())[0].decode()
    assert time.monotonic() - began < SOON_SECONDS
    assert "Worker 'background' stops" in said
    assert worker.returncode == 0


async def _installed_once(customers: WhmcsClients, order: dict[str, Any], before: dict[str, Any]) -> None:
    """The service has the server that it had, and on that the very installation that ran before."""
    now = await customers.server_of(order["service_id"])
    assert now is not None and now["id"] == before["id"]
    assert now["operation"]["id"] == before["operation"]["id"], "it was installed twice"
