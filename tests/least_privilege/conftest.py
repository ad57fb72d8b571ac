"""A real Prefect server with an auth string, everything registered, no worker; and the door in front of it."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from dciflow.stack import Stack, environment, free_port
from tests.least_privilege.door import ASKS_FOR_AUTH, AUTH, AUTH_STRING, Door, nginx, open_door

PANEL_PASSWORD = "canary-of-the-panel"
API_SECRET = "canary-of-whmcs"


@dataclass(frozen=True)
class House:
    """The server, past the door (`inside`) and through it (`whmcs`); ids of the deployments by flow, and of a run."""

    stack: Stack
    door: Door
    inside: httpx.AsyncClient
    whmcs: httpx.AsyncClient
    deployments: dict[str, str]
    run: str


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """Started once for all tests of this folder."""
    nginx()
    home: Path = tmp_path_factory.mktemp("house")
    port = free_port()
    prefect = f"http://127.0.0.1:{port}"
    stack = Stack("", prefect, home, {**environment(home, prefect, 60), **ASKS_FOR_AUTH})
    try:
        await stack.start("prefect-server", "dciflow.prefect_server", "--host", "127.0.0.1", "--port", str(port))
        await stack.answers("prefect-server", f"{prefect}/api/health")
        await stack.command("setup")
        secret = {"DCIFLOW_PANEL_PASSWORD": PANEL_PASSWORD, "DCIFLOW_WHMCS_SECRET": API_SECRET}
        await stack.command("panel", "add", "main", "--url", "https://panel.example", "--username", "a@example.com",
                            secrets=secret)  # fmt: skip
        await stack.command("whmcs", "set", "--url", "https://billing.example", "--identifier", "it", secrets=secret)
        folder = tmp_path_factory.mktemp("door")
        async with (
            open_door(stack, folder, AUTH_STRING) as door,
            httpx.AsyncClient(base_url=stack.api, auth=AUTH, timeout=30) as inside,
            client_of(door, door.secret) as whmcs,
        ):
            listed = await inside.post("/deployments/filter", json={})
            flows = {row["id"]: row["entrypoint"].rpartition(".")[2] for row in listed.raise_for_status().json()}
            deployments = {flow.replace("_", "-"): deployment for deployment, flow in flows.items()}
            run = (await start(inside, deployments["suspend"], "test:the-run")).raise_for_status().json()["id"]
            yield House(stack, door, inside, whmcs, deployments, run)
    finally:
        await stack.stop_all(kill=True)


def client_of(door: Door, secret: str, *, source: str | None = None) -> httpx.AsyncClient:
    """What calls the door as WHMCS does; `source`: the address that it comes from."""
    trust = ssl.create_default_context(cafile=str(door.certificate))
    transport = httpx.AsyncHTTPTransport(verify=trust, local_address=source)
    return httpx.AsyncClient(base_url=door.url, auth=("whmcs", secret), timeout=30, transport=transport)


OF_A_SERVICE: Mapping[str, str | int] = {"service_id": 1042, "panel": "main", "requested_by": "cron"}


async def start(
    http: httpx.AsyncClient, deployment: str, key: str, parameters: Mapping[str, str | int] = OF_A_SERVICE
) -> httpx.Response:
    """Start a run, again while Prefect is busy (SQLite under load), as the module does."""
    tags = ["service:1042", "panel:main", "client:7"]
    body = {"name": "suspend-service-1042", "tags": tags, "parameters": parameters, "idempotency_key": key}
    for _ in range(20):
        answer = await http.post(f"/deployments/{deployment}/create_flow_run", json=body)
        if answer.status_code != 503:
            break
        await asyncio.sleep(1)
    return answer
