"""The client that leaves out what Prefect's engine asks for nothing: each other question still reaches the server."""

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

from worker.thrift import ThriftyClient, ThriftyContext


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
async def client(asked: list[str]) -> AsyncIterator[ThriftyClient]:
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:1/api"}):
        yield ThriftyContext().client


async def test_the_engines_first_question_is_answered_from_here_and_the_next_one_by_the_server(
    client: ThriftyClient, asked: list[str]
) -> None:
    run = FlowRun(flow_id=uuid4(), name="suspend-service-7", deployment_id=uuid4(), state=Pending())
    played = run.model_copy(update={"deployment_id": None, "state": Running()})
    client.begins(run, played)
    answer = await client.read_flow_run(run.id)
    assert asked == []
    assert (answer.deployment_id, answer.state, answer.run_count) == (run.deployment_id, played.state, 1)
    assert answer.state_name == "Running"
    assert (await client.read_flow_run(run.id)).name == "as the server has it"


async def test_a_run_that_the_server_did_not_let_run_is_asked_for(client: ThriftyClient, asked: list[str]) -> None:
    run = FlowRun(flow_id=uuid4(), name="a run", state=Pending())
    client.begins(run, run.model_copy())
    assert (await client.read_flow_run(run.id)).name == "as the server has it"


async def test_a_run_that_has_ended_is_asked_for(client: ThriftyClient, asked: list[str]) -> None:
    run = FlowRun(flow_id=uuid4(), name="a run", state=Running())
    client.begins(run, run)
    client.ends(run)
    assert (await client.read_flow_run(run.id)).name == "as the server has it"


async def test_only_what_nobody_looks_at_is_not_written_down(client: ThriftyClient, asked: list[str]) -> None:
    run_id = uuid4()
    await client.update_flow_run(flow_run_id=run_id, flow_version="0123", empirical_policy=None)
    assert asked == []
    await client.update_flow_run(run_id, flow_version="0123", name="suspend-service-7")
    await client.update_flow_run(run_id, "0123")
    assert asked == ["update () ['flow_version', 'name']", "update ('0123',) []"]
