"""What dciflow assumes of the calls that Prefect 3.8.8's engine and client make: one test for each assumption.

A flow is executed by the real engine; the client has no server and records what the engine asks.
"""

import logging
import os
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import pytest_asyncio
from prefect import Task, flow, flow_engine, get_client, task
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun, State
from prefect.client.schemas.responses import OrchestrationResult, SetStateStatus, StateAcceptDetails
from prefect.context import AsyncClientContext, ContextModel, FlowRunContext
from prefect.events import Event
from prefect.exceptions import Abort
from prefect.filesystems import LocalFileSystem
from prefect.flow_engine import run_flow_async
from prefect.results import aget_default_result_storage
from prefect.settings import (
    PREFECT_API_URL,
    PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
    PREFECT_LOGGING_TO_API_ENABLED,
    PREFECT_RESULTS_DEFAULT_STORAGE_BLOCK,
    PREFECT_SERVER_ALLOW_EPHEMERAL_MODE,
    temporary_settings,
)
from prefect.states import Pending, Running

from runtime.run_log import FINISHED, quiet_expected_ends
from worker.prefect_client import NEVER_LOOKED_AT, LeanClientContext, RetryOn503Transport

NOWHERE = "http://127.0.0.1:1/api"


class RecordingClient(PrefectClient):
    """A client of no server: it accepts each state and keeps what the engine asks, in order."""

    def __init__(self, run: FlowRun) -> None:
        super().__init__(NOWHERE)
        self.run = run
        self.asked: list[str] = []
        self.updates: list[set[str]] = []

    async def set_flow_run_state(
        self, flow_run_id: UUID | str, state: "State[Any]", force: bool = False
    ) -> OrchestrationResult[Any]:
        self.asked.append(f"set {state.type.value}")
        return OrchestrationResult(state=state, status=SetStateStatus.ACCEPT, details=StateAcceptDetails())

    async def read_flow_run(self, flow_run_id: UUID) -> FlowRun:
        self.asked.append("read")
        return self.run.model_copy(update={"state": Running()})

    async def update_flow_run(self, flow_run_id: UUID, *args: Any, **changes: Any) -> httpx.Response:
        assert not args
        self.asked.append("update")
        self.updates.append(set(changes))
        return httpx.Response(httpx.codes.NO_CONTENT)


class RecordingContext(AsyncClientContext):
    """Made as our own context is: past the initialiser of Prefect's."""

    def __init__(self, run: FlowRun) -> None:
        ContextModel.__init__(self, client=RecordingClient(run))


@pytest.fixture
def run() -> FlowRun:
    return FlowRun(flow_id=uuid4(), name="suspend-service-7", deployment_id=uuid4(), state=Pending())


@pytest.fixture(autouse=True)
def _no_server() -> Iterator[None]:
    settings = {
        PREFECT_API_URL: NOWHERE,
        PREFECT_SERVER_ALLOW_EPHEMERAL_MODE: False,
        PREFECT_LOGGING_TO_API_ENABLED: False,
        PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None,
        PREFECT_RESULTS_DEFAULT_STORAGE_BLOCK: None,
    }
    with temporary_settings(settings):
        yield


@pytest.fixture(autouse=True)
def _storage(monkeypatch: pytest.MonkeyPatch) -> None:
    """A default storage that needs no server, and no events to one."""
    from prefect import results

    async def of_no_server() -> None:
        return None

    monkeypatch.setattr("prefect.events.utilities.should_emit_events", lambda: False)
    monkeypatch.setattr(results, "_aread_server_default_result_storage_block_id", of_no_server)
    monkeypatch.setattr(results, "_read_server_default_result_storage_block_id", lambda: None)


@pytest_asyncio.fixture
async def client(run: FlowRun) -> AsyncIterator[RecordingClient]:
    async with RecordingContext(run) as context:
        assert isinstance(context.client, RecordingClient)
        yield context.client


async def execute(body: Any, run: FlowRun) -> None:
    await run_flow_async(body, flow_run=run, parameters={}, return_type="state")


def without_deployment(run: FlowRun) -> FlowRun:
    return run.model_copy(update={"deployment_id": None})


@flow(name="of-the-contract", persist_result=False, validate_parameters=False)
async def does_nothing() -> None:
    """A flow without steps."""


async def test_only_a_run_with_a_deployment_is_observed_by_a_thread_of_its_own(
    client: RecordingClient, run: FlowRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    observed: list[UUID] = []

    @contextmanager
    def observe(flow_run_id: UUID, request: object) -> Iterator[None]:
        observed.append(flow_run_id)
        yield

    monkeypatch.setattr(flow_engine, "observe_flow_run_suspension", observe)
    threads = set(threading.enumerate())
    await execute(does_nothing, without_deployment(run))
    assert observed == []
    assert not [thread for thread in set(threading.enumerate()) - threads if "uspen" in thread.name]
    await execute(does_nothing, run)
    assert observed == [run.id]


async def test_after_running_the_engine_reads_the_run_once_and_before_anything_uses_its_deployment(
    client: RecordingClient, run: FlowRun
) -> None:
    seen: list[UUID | None] = []

    @flow(name="of-the-contract", persist_result=False)
    async def body() -> None:
        client.asked.append("body")
        context = FlowRunContext.get()
        assert context is not None and context.flow_run is not None
        seen.append(context.flow_run.deployment_id)

    await execute(body, without_deployment(run))
    assert client.asked == ["update", "set RUNNING", "read", "body", "set COMPLETED"]
    assert seen == [run.deployment_id]


async def test_before_running_the_engine_writes_only_what_nobody_looks_at(
    client: RecordingClient, run: FlowRun
) -> None:
    await execute(does_nothing, without_deployment(run))
    assert client.updates == [set(NEVER_LOOKED_AT)]


async def test_prefects_client_sends_by_the_transport_of_its_httpx_client(monkeypatch: pytest.MonkeyPatch) -> None:
    reached: list[httpx.URL] = []

    async def answer(_: RetryOn503Transport, request: httpx.Request) -> httpx.Response:
        reached.append(request.url)
        return httpx.Response(200, json={})

    monkeypatch.setattr(RetryOn503Transport, "handle_async_request", answer)
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    async with LeanClientContext() as context:
        assert await context.client.api_healthcheck() is None
    assert [url.path for url in reached] == ["/api/health"]


async def test_the_engine_and_get_client_use_the_client_of_the_context() -> None:
    async with LeanClientContext() as ours:
        async with AsyncClientContext.get_or_create() as found:
            assert found is ours
        assert get_client() is ours.client
        engine = flow_engine.AsyncFlowRunEngine[Any, Any](
            flow=does_nothing, flow_run=FlowRun(flow_id=uuid4(), state=Running())
        )
        with pytest.MonkeyPatch.context() as patched:

            async def taken(*_: object, **__: object) -> httpx.Response:
                return httpx.Response(204)

            patched.setattr(PrefectClient, "update_flow_run", taken)
            async with engine.initialize_run():
                assert engine.client is ours.client


async def test_the_default_result_storage_is_kept_once_it_was_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[object] = []

    async def resolve(block: object, **_: object) -> LocalFileSystem:
        loaded.append(block)
        return LocalFileSystem(basepath="/nowhere")

    monkeypatch.setattr("prefect.results.aresolve_result_storage", resolve)
    name = f"local-file-system/contract-{uuid4()}"
    with temporary_settings({PREFECT_RESULTS_DEFAULT_STORAGE_BLOCK: name}):
        first, second = await aget_default_result_storage(), await aget_default_result_storage()
    assert first is second
    assert loaded == [name]


@pytest.mark.parametrize("seconds", [None, 60])
async def test_a_run_has_a_thread_for_heartbeats_only_if_the_setting_has_a_frequency(
    client: RecordingClient, run: FlowRun, monkeypatch: pytest.MonkeyPatch, seconds: int | None
) -> None:
    emitted: list[str] = []
    heard = threading.Event()

    def emit(event: str, **_: object) -> Event | None:
        emitted.append(event)
        heard.set()
        return None

    @flow(name="of-the-contract", persist_result=False)
    async def body() -> None:
        heard.wait(5 if seconds else 0.2)

    monkeypatch.setattr(flow_engine, "emit_event", emit)
    with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: seconds}):
        await execute(body, without_deployment(run))
    assert ("prefect.flow-run.heartbeat" in emitted) is (seconds is not None)


async def test_a_run_that_raises_abort_is_reported_to_nobody(client: RecordingClient, run: FlowRun) -> None:
    @flow(name="of-the-contract", persist_result=False)
    async def aborts() -> None:
        raise Abort("The run was returned to the queue.")

    with pytest.raises(Abort):
        await execute(aborts, without_deployment(run))
    assert client.asked == ["update", "set RUNNING", "read"]


async def test_a_result_storage_set_on_a_task_is_used(client: RecordingClient, run: FlowRun, tmp_path: Path) -> None:
    async def body() -> int:
        return 7

    step: Task[..., Any] = task(
        name="kept", persist_result=True, result_serializer="json", result_storage_key="the-key", cache_policy=None
    )(body)
    step.result_storage = LocalFileSystem(basepath=str(tmp_path))

    @flow(name="of-the-contract", persist_result=False)
    async def keeps() -> None:
        await step()

    await execute(keeps, without_deployment(run))
    assert os.listdir(tmp_path) == ["the-key"]


async def test_all_records_of_runs_go_through_two_loggers_and_a_step_ends_in_a_line_that_we_rewrite(
    client: RecordingClient, run: FlowRun
) -> None:
    records: list[logging.LogRecord] = []

    class Keep(logging.Filter):
        def filter(self, record: logging.LogRecord) -> bool:
            records.append(logging.makeLogRecord(record.__dict__))
            return True

    @task(name="disable_ports", task_run_name="ports off")
    async def step() -> None:
        """Does nothing."""

    @flow(name="of-the-contract", persist_result=False)
    async def body() -> None:
        await step()

    loggers = [logging.getLogger(name) for name in ("prefect.flow_runs", "prefect.task_runs")]
    before = [list(logger.filters) for logger in loggers]
    keep = Keep()
    try:
        for logger in loggers:
            logger.filters = [keep]
        await execute(body, without_deployment(run))
        ends = [record for record in records if record.name == "prefect.task_runs"]
        assert [(record.levelno, record.getMessage()) for record in ends] == [(logging.INFO, f"{FINISHED} Completed()")]
        assert ends[0].__dict__["task_run_name"] == "ports off"
        assert [record.getMessage() for record in records if record.name == "prefect.flow_runs"][-1].startswith(
            FINISHED
        )
        records.clear()
        for logger in loggers:
            logger.filters = []
        quiet_expected_ends()
        for logger in loggers:
            logger.addFilter(keep)
        await execute(body, without_deployment(run))
        assert [record.getMessage() for record in records if record.name == "prefect.task_runs"] == [
            "step ports off: done"
        ]
    finally:
        for logger, filters in zip(loggers, before, strict=True):
            logger.filters = filters
