"""Prefect's client as the runs use it: it leaves out what the worker knows, and asks a busy server again soon.

Left out are two of the seven calls that a run costs Prefect's server, whose one process is what a burst waits for.
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
"""Of a run the engine writes down a hash of its flow's file and that it has no retries of its own."""

AGAIN_SECONDS = (0.5, 2.0)
"""Asked again more often than that, a server that is busy with hundreds of runs gets done less."""

BUSY_SECONDS = 10.0
"""So long a busy server is asked again and again; then Prefect's own client goes on more patiently."""


class SoonAgain(httpx.AsyncBaseTransport):
    """The way to a server that says 503 for a moment, as Prefect's does on SQLite when two write at once.

    Prefect's client would wait 2, 4, 8 and 16 s, and in a burst of runs the unlucky ones stand still for half a minute.
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
            wait=wait_random(*AGAIN_SECONDS),
            stop=stop_after_delay(BUSY_SECONDS),
            retry_error_callback=lambda tried: tried.outcome.result() if tried.outcome else None,
        )
        return await tries(once)

    async def aclose(self) -> None:
        await self._inner.aclose()


class ThriftyClient(PrefectClient):
    """Prefect's client, less what the engine writes down for nobody and asks although it has just been told."""

    def __init__(self) -> None:
        super().__init__(
            PREFECT_API_URL.value(), auth_string=PREFECT_API_AUTH_STRING.value(), api_key=PREFECT_API_KEY.value()
        )
        self._client._transport = SoonAgain(self._client._transport)
        self._beginning: dict[UUID, tuple[FlowRun, FlowRun]] = {}

    def begins(self, run: FlowRun, played: FlowRun) -> None:
        """Say that the run's engine begins, and which copy it plays and keeps the state in."""
        self._beginning[run.id] = run, played

    def ends(self, run: FlowRun) -> None:
        """Say that the run's engine has ended."""
        self._beginning.pop(run.id, None)

    async def read_flow_run(self, flow_run_id: UUID) -> FlowRun:
        """The run. The engine's first question, right after the server accepted RUNNING, is answered from here."""
        run, played = self._beginning.pop(flow_run_id, (None, None))
        if run is None or played is None or played.state is None or not played.state.is_running():
            return await super().read_flow_run(flow_run_id)
        return run.model_copy(
            update={
                "state": played.state,
                "state_type": played.state.type,
                "state_name": played.state.name,
                "run_count": run.run_count + 1,
            }
        )

    async def update_flow_run(self, flow_run_id: UUID, *args: Any, **changes: Any) -> httpx.Response:
        """Change the run, unless it is only about what nobody looks at."""
        if not args and changes.keys() <= NEVER_LOOKED_AT:
            return httpx.Response(httpx.codes.NO_CONTENT)
        return await super().update_flow_run(flow_run_id, *args, **changes)


class ThriftyContext(AsyncClientContext):
    """Makes the thrifty client the one that Prefect's engine and our steps use."""

    client: ThriftyClient

    def __init__(self) -> None:
        ContextModel.__init__(self, client=ThriftyClient())
