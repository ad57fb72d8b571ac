"""The lean client leaves out what Prefect's engine asks for without need. Every other call reaches the server."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import pytest_asyncio
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Pending, Running

from worker import prefect_client
from worker.prefect_client import LeanClientContext, LeanPrefectClient, RetryOn503Transport


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What reached the server."""
    asked: list[str] = []

    async def read(_: PrefectClient, flow_run_id: UUID) -> FlowRun:
        asked.append("read")
        return FlowRun(id=flow_run_id, flow_id=uuid4(), name="as the server has it")

    async def update(_: PrefectClient, flow_run_id: UUID, *args: Any, **changes: Any) -> httpx.Response:
        asked.append(f"update {args} {sorted(changes)}")
        return httpx.Response(204)

    monkeypatch.setattr(PrefectClient, "read_flow_run", read)
    monkeypatch.setattr(PrefectClient, "update_flow_run", update)
    return asked


@pytest_asyncio.fixture
async def client(asked: list[str]) -> AsyncIterator[LeanPrefectClient]:
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:1/api"}):
        yield LeanClientContext().client


async def test_the_engines_first_question_is_answered_from_here_and_the_next_one_by_the_server(
    client: LeanPrefectClient, asked: list[str]
) -> None:
    run = FlowRun(flow_id=uuid4(), name="suspend-service-7", deployment_id=uuid4(), state=Pending())
    executed = run.model_copy(update={"deployment_id": None, "state": Running()})
    client.begins(run, executed)
    answer = await client.read_flow_run(run.id)
    assert asked == []
    assert (answer.deployment_id, answer.state, answer.run_count) == (run.deployment_id, executed.state, 1)
    assert answer.state_name == "Running"
    assert (await client.read_flow_run(run.id)).name == "as the server has it"


async def test_a_run_that_the_server_did_not_let_run_is_asked_for(client: LeanPrefectClient, asked: list[str]) -> None:
    run = FlowRun(flow_id=uuid4(), name="a run", state=Pending())
    client.begins(run, run.model_copy())
    assert (await client.read_flow_run(run.id)).name == "as the server has it"


async def test_a_run_that_has_ended_is_asked_for(client: LeanPrefectClient, asked: list[str]) -> None:
    run = FlowRun(flow_id=uuid4(), name="a run", state=Running())
    client.begins(run, run)
    client.ends(run)
    assert (await client.read_flow_run(run.id)).name == "as the server has it"


async def test_only_what_nobody_looks_at_is_not_written_down(client: LeanPrefectClient, asked: list[str]) -> None:
    run_id = uuid4()
    await client.update_flow_run(flow_run_id=run_id, flow_version="0123", empirical_policy=None)
    assert asked == []
    await client.update_flow_run(run_id, flow_version="0123", name="suspend-service-7")
    await client.update_flow_run(run_id, "0123")
    assert asked == ["update () ['flow_version', 'name']", "update ('0123',) []"]


class BusyTransport(httpx.AsyncBaseTransport):
    """A server that says 503 so many times."""

    def __init__(self, times: int) -> None:
        self.times = times
        self.asked: list[bytes] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(await request.aread())
        return httpx.Response(503 if len(self.asked) <= self.times else 201, json={"asked": len(self.asked)})


async def test_a_server_that_is_busy_for_a_moment_is_asked_again_soon() -> None:
    server = BusyTransport(3)
    async with httpx.AsyncClient(transport=RetryOn503Transport(server), base_url="http://prefect") as http:
        answer = await http.post("/flow_runs/", json={"state": "RUNNING"})
    assert (answer.status_code, answer.json()) == (201, {"asked": 4})
    assert set(server.asked) == {b'{"state":"RUNNING"}'}


async def test_one_that_stays_busy_is_left_to_prefects_own_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prefect_client, "BUSY_SECONDS", 0.3)
    async with httpx.AsyncClient(transport=RetryOn503Transport(BusyTransport(1000)), base_url="http://prefect") as http:
        answer = await http.get("/flow_runs/")
    assert answer.status_code == 503
    assert answer.json()["asked"] > 1


async def test_the_runs_client_goes_that_way(client: LeanPrefectClient) -> None:
    assert isinstance(client._client._transport, RetryOn503Transport)
