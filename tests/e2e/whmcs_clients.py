"""Ordering and asking for actions as WHMCS does, for the end-to-end stories."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import httpx

from dciflow.demo.prefect_api import PrefectApi, RunEnd
from dciflow.demo.stack import Stack
from simulator.panel.profile import XEON
from simulator.whmcs.model import IDENTIFIER, SECRET


class WhmcsClients:
    """Buys services in the simulated WHMCS and starts runs through Prefect's REST API."""

    def __init__(self, stack: Stack, http: httpx.AsyncClient) -> None:
        self.stack = stack
        self.http = http
        self.prefect = PrefectApi(stack.api)

    async def buy(self, configuration: str = XEON) -> dict[str, Any]:
        """A new client with a new service: the parameters of its first activation."""
        name = f"client-{uuid4().hex[:8]}"
        settings = {"configuration": configuration, "os_template": "Debian-12-x86_64", "ip_pool": "public-v4"}
        body = {"email": f"{name}@example.com", "firstname": "A", "lastname": "B", "hostname": name}
        answer = await self.http.post(
            "/control/order", json={**body, "product": f"Dedicated {configuration}", "settings": settings}
        )
        ids = answer.raise_for_status().json()
        order = {**settings, "client_id": ids["client_id"], "hostname": f"{name}.example.com"}
        return {"service_id": ids["service_id"], "panel": "main", "order": order}

    async def buy_what_hangs(self) -> dict[str, Any]:
        """A service whose next OS installation goes on until a story ends it.

        Its time limit is ten simulated hours: a busy machine must not reach it before the story does.
        """
        bought = await self.buy()
        await self.http.post("/control/hang-next", json={"type": "os_install"})
        return {**bought, "order": {**bought["order"], "os_install_timeout_minutes": 600}}

    async def ask(self, flow: str, parameters: dict[str, Any], *, key: str | None = None) -> RunEnd:
        """Start a run and wait for its end."""
        return await self.prefect.run(flow, parameters, key=key)

    async def delete(self, parameters: dict[str, Any]) -> None:
        """Give the service's server back, so that the next story finds one; WHMCS notes what its module did."""
        end = await self.ask("terminate", again(parameters))
        assert end.state == "COMPLETED", end.message
        service_id = str(parameters["service_id"])
        await self._whmcs("UpdateClientProduct", serviceid=service_id, status="Terminated")

    async def until_it_installs(self, service_id: int) -> dict[str, Any]:
        """The service's server, once its OS installation runs."""
        for _ in range(240):
            server = await self.server_of(service_id)
            if server and server["operation"] and server["operation"]["status"] == "in_progress":
                return server
            await asyncio.sleep(0.25)
        raise AssertionError(f"service {service_id} does not install")

    async def until_it_is_claimed(self, service_id: int) -> None:
        """Until the service's client owns a server."""
        for _ in range(240):
            if await self.server_of(service_id):
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"service {service_id} gets no server")

    async def server_of(self, service_id: int) -> dict[str, Any] | None:
        """The server that the service's client owns."""
        state = (await self.http.get("/control/state")).json()
        name = next(s["domain"] for s in state["services"] if s["id"] == service_id).partition(".")[0]
        return next((dict(s) for s in state["servers"] if (s["owner"] or "").startswith(name)), None)

    async def by_hand(self, action: str, server: dict[str, Any], **more: object) -> None:
        """Somebody does something in the panel's own pages."""
        body = {"action": action, "server": server["id"], **more}
        (await self.http.post("/control/by-hand", json=body)).raise_for_status()

    async def password_of(self, service_id: int) -> str:
        """The service's password in WHMCS."""
        answer = await self._whmcs("GetClientsProducts", serviceid=str(service_id))
        return str(answer["products"]["product"][0]["password"])

    async def _whmcs(self, action: str, **form: str) -> dict[str, Any]:
        """One call of WHMCS's API."""
        credential = {"identifier": IDENTIFIER, "secret": SECRET, "action": action, "responsetype": "json"}
        answer = await self.http.post("/whmcs/includes/api.php", data={**credential, **form})
        said: dict[str, Any] = answer.raise_for_status().json()
        return said

    async def of_run(self, what: str, run_id: str) -> list[dict[str, Any]]:
        """Everything of that kind (logs, artifacts, task_runs) that Prefect keeps of a run."""
        key = {"logs": "logs", "artifacts": "artifacts", "task_runs": "task_runs"}[what]
        chosen = {"flow_runs": {"id": {"any_": [run_id]}}} if what == "task_runs" else {key: _of(run_id)}
        answer = await self.prefect.http.post(f"/{what}/filter", json={**chosen, "limit": 200})
        rows: list[dict[str, Any]] = answer.raise_for_status().json()
        return rows


@asynccontextmanager
async def whmcs_clients(stack: Stack) -> AsyncIterator[WhmcsClients]:
    """The customers of a running stack, with connections of their own."""
    async with httpx.AsyncClient(base_url=stack.simulator, timeout=30) as http:
        customers = WhmcsClients(stack, http)
        yield customers
        await customers.prefect.aclose()


def again(parameters: dict[str, Any]) -> dict[str, Any]:
    """The two parameters that are enough to run something on a service that was ordered before."""
    return {"service_id": parameters["service_id"], "panel": parameters["panel"]}


def _of(run_id: str) -> dict[str, Any]:
    return {"flow_run_id": {"any_": [run_id]}}
