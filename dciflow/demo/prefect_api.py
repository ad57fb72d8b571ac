"""Starting a run through Prefect's REST API as WHMCS does: safe to repeat, watched to its end."""

import asyncio
import time
from uuid import uuid4

import httpx
from pydantic import BaseModel, ConfigDict, JsonValue
from tenacity import AsyncRetrying, retry_if_exception, stop_after_delay, wait_random_exponential

from runtime.flow_run import run_name, run_tags

FINAL = frozenset({"COMPLETED", "FAILED", "CRASHED", "CANCELLED"})

TRIGGER_SECONDS = 60
"""A trigger that got 503 (SQLite under load) or no answer is repeated this long, with the same idempotency key."""


class RunEnd(BaseModel):
    """How a run ended."""

    model_config = ConfigDict(frozen=True)

    run_id: str
    state: str
    message: str
    seconds: float


class PrefectApi:
    """The few calls of Prefect's REST API that start and watch runs."""

    def __init__(self, api: str) -> None:
        self.http = httpx.AsyncClient(base_url=api, timeout=10)

    async def aclose(self) -> None:
        """Close the connections."""
        await self.http.aclose()

    async def run(self, flow: str, parameters: dict[str, JsonValue], *, key: str | None = None) -> RunEnd:
        """Start `flow`/whmcs and wait for its end. Raises httpx.HTTPError: Prefect did not answer in time."""
        started = time.monotonic()
        end = await self.wait(await self.start(flow, parameters, key=key))
        return end.model_copy(update={"seconds": time.monotonic() - started})

    async def start(self, flow: str, parameters: dict[str, JsonValue], *, key: str | None = None) -> str:
        """Start `flow`/whmcs once, however often it has to be asked; returns the run's id."""
        return await self.create(await self.deployment(f"{flow}/whmcs"), flow, parameters, key=key)

    async def deployment(self, name: str) -> str:
        """The id of a deployment by its name, `flow/deployment`."""
        return str((await self._ask("GET", f"/deployments/name/{name}"))["id"])

    async def create(
        self, deployment_id: str, flow: str, parameters: dict[str, JsonValue], *, key: str | None = None
    ) -> str:
        """Start a run of a deployment once, however often it has to be asked; returns the run's id."""
        body: dict[str, JsonValue] = {"parameters": parameters, "idempotency_key": key or f"demo:{uuid4()}"}
        body |= _labels(flow, parameters)
        run = await self._ask("POST", f"/deployments/{deployment_id}/create_flow_run", body)
        return str(run["id"])

    async def find(self, flow: str, service_id: int, *, within_seconds: float) -> str:
        """The id of the newest run of a flow for a service; waits until there is one. Raises LookupError: none came."""
        deadline = time.monotonic() + within_seconds
        while time.monotonic() < deadline:
            found = await self.runs(flow, service_id)
            if found:
                return found[0]
            await asyncio.sleep(0.3)
        raise LookupError(f"no run of {flow} for service {service_id} within {within_seconds:.0f} s")

    async def runs(self, flow: str, service_id: int) -> list[str]:
        """The ids of a flow's runs for a service, newest first."""
        body: dict[str, JsonValue] = {
            "flows": {"name": {"any_": [flow]}},
            "flow_runs": {"name": {"any_": [run_name(flow, service_id)]}},
            "sort": "EXPECTED_START_TIME_DESC",
        }
        return await self._ask_list("/flow_runs/filter", body)

    async def wait(self, run_id: str) -> RunEnd:
        """Wait for the end of a run that is known by its id."""
        started = time.monotonic()
        while True:
            state = (await self._ask("GET", f"/flow_runs/{run_id}"))["state"]
            if isinstance(state, dict) and state["type"] in FINAL:
                message = " ".join(str(state["message"] or "").split())
                seconds = time.monotonic() - started
                return RunEnd(run_id=run_id, state=str(state["type"]), message=message, seconds=seconds)
            await asyncio.sleep(0.3)

    async def send(self, method: str, path: str, body: dict[str, JsonValue] | None = None) -> httpx.Response:
        """One call, repeated while Prefect is busy or does not answer. Raises httpx.HTTPError: it stays so."""

        async def once() -> httpx.Response:
            response = await self.http.request(method, path, json=body)
            response.raise_for_status()
            return response

        return await AsyncRetrying(
            retry=retry_if_exception(_worth_repeating),
            wait=wait_random_exponential(multiplier=0.2, max=3),
            stop=stop_after_delay(TRIGGER_SECONDS),
            reraise=True,
        )(once)

    async def _ask_list(self, path: str, body: dict[str, JsonValue]) -> list[str]:
        response = await self.send("POST", path, body)
        return [str(row["id"]) for row in response.json()]

    async def _ask(self, method: str, path: str, body: dict[str, JsonValue] | None = None) -> dict[str, JsonValue]:
        answer: dict[str, JsonValue] = (await self.send(method, path, body)).json()
        return answer


def _labels(flow: str, parameters: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """Name and tags that a request brings along, so that the run need not ask for them; none without a service."""
    if "service_id" not in parameters:
        return {}
    order = parameters.get("order")
    client_id = order["client_id"] if isinstance(order, dict) else None
    tags: list[JsonValue] = [*run_tags(parameters["service_id"], parameters["panel"], client_id)]
    return {"name": run_name(flow, parameters["service_id"]), "tags": tags}


def _worth_repeating(error: BaseException) -> bool:
    if isinstance(error, httpx.HTTPStatusError):
        return error.response.status_code in (429, 502, 503)
    return isinstance(error, httpx.TransportError)
