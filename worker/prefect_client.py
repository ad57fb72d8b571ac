"""Prefect's client with fewer calls and sooner retries, for all runs of a worker.

It leaves out two of the seven calls that a run costs Prefect's server: in a burst, all runs wait for that one process.
What it assumes of Prefect's engine is in docs/adr/0007, and tested in tests/contract/test_prefect_engine.py.
"""

from typing import Any
from uuid import UUID

import httpx
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun
from prefect.context import AsyncClientContext, ContextModel
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_KEY, PREFECT_API_URL
from tenacity import AsyncRetrying, retry_if_result, stop_after_delay, wait_random

NEVER_LOOKED_AT = frozenset({"flow_version", "empirical_policy"})
"""The engine writes to each run a hash of its flow's file, and that the run has no retries of its own."""

RETRY_SECONDS = (0.5, 2.0)
"""The wait between two tries, at random. Shorter waits keep a busy server from its work."""

BUSY_SECONDS = 10.0
"""How long a busy server is asked again; then Prefect's own client goes on at growing intervals."""


class RetryOn503Transport(httpx.AsyncBaseTransport):
    """Asks a server again soon that answers 503, as Prefect's does on SQLite when two write at once.

    Prefect's client would wait 2, 4, 8 and 16 s: in a burst, some runs would stand still for half a minute.
    """

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The answer; the last one if the server stays busy."""

        async def once() -> httpx.Response:
            answer = await self._inner.handle_async_request(request)
            if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
                await answer.aread()  # gives the connection back
            return answer

        tries = AsyncRetrying(
            retry=retry_if_result(lambda answer: answer.status_code == httpx.codes.SERVICE_UNAVAILABLE),
            wait=wait_random(*RETRY_SECONDS),
            stop=stop_after_delay(BUSY_SECONDS),
            retry_error_callback=lambda tried: tried.outcome.result() if tried.outcome else None,
        )
        return await tries(once)

    async def aclose(self) -> None:
        await self._inner.aclose()


class LeanPrefectClient(PrefectClient):
    """Prefect's client without the calls whose answers nobody reads or the worker knows."""

    def __init__(self) -> None:
        super().__init__(
            PREFECT_API_URL.value(), auth_string=PREFECT_API_AUTH_STRING.value(), api_key=PREFECT_API_KEY.value()
        )
        self._client._transport = RetryOn503Transport(self._client._transport)
        self._beginning: dict[UUID, tuple[FlowRun, FlowRun]] = {}

    def begins(self, run: FlowRun, executed: FlowRun) -> None:
        """Say that the engine begins the run, and which copy of it the engine executes and keeps the state in."""
        self._beginning[run.id] = run, executed

    def ends(self, run: FlowRun) -> None:
        """Say that the engine is done with the run."""
        self._beginning.pop(run.id, None)

    async def read_flow_run(self, flow_run_id: UUID) -> FlowRun:
        """The run. The engine's first question, right after the server accepted RUNNING, is answered without a call."""
        run, executed = self._beginning.pop(flow_run_id, (None, None))
        if run is None or executed is None or executed.state is None or not executed.state.is_running():
            return await super().read_flow_run(flow_run_id)
        return run.model_copy(
            update={
                "state": executed.state,
                "state_type": executed.state.type,
                "state_name": executed.state.name,
                "run_count": run.run_count + 1,
            }
        )

    async def update_flow_run(self, flow_run_id: UUID, *args: Any, **changes: Any) -> httpx.Response:
        """Change the run, unless nobody looks at what would change."""
        if not args and changes.keys() <= NEVER_LOOKED_AT:
            return httpx.Response(httpx.codes.NO_CONTENT)
        return await super().update_flow_run(flow_run_id, *args, **changes)


class LeanClientContext(AsyncClientContext):
    """Makes the lean client the one that Prefect's engine and our steps use."""

    client: LeanPrefectClient

    def __init__(self) -> None:
        ContextModel.__init__(self, client=LeanPrefectClient())
