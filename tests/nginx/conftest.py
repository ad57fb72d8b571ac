"""A real Prefect server with an auth string, everything registered, no worker; and the proxy in front of it."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import pytest_asyncio

from dciflow.demo.stack import Stack, environment
from door.shapes import FLOWS
from simulator.processes import free_port
from tests.door.bodies import start_of
from tests.nginx.nginx_proxy import ASKS_FOR_AUTH, AUTH, AUTH_STRING, NginxProxy, nginx, open_proxy
from tests.prefect_home import prefect_home

PANEL_PASSWORD = "canary-of-the-panel"
API_SECRET = "canary-of-whmcs"


@dataclass(frozen=True)
class ProxiedStack:
    """The server, past the proxy (`inside`) and through it (`whmcs`); Prefect's ids of the deployments by flow.

    `run`: a run that nobody started through the door; `own_run`: one that this WHMCS did.
    """

    stack: Stack
    proxy: NginxProxy
    inside: httpx.AsyncClient
    whmcs: httpx.AsyncClient
    deployments: dict[str, str]
    run: str
    own_run: str


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def proxied(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ProxiedStack]:
    """Started once for all tests of this folder."""
    nginx()
    home = prefect_home(tmp_path_factory, "proxied")
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
        folder = tmp_path_factory.mktemp("proxy")
        async with (
            open_proxy(stack, folder, AUTH_STRING) as proxy,
            httpx.AsyncClient(base_url=stack.api, auth=AUTH, timeout=30) as inside,
            client_of(proxy, proxy.auth[1]) as whmcs,
        ):
            listed = await inside.post("/deployments/filter", json={})
            flows = {row["id"]: row["entrypoint"].rpartition(".")[2] for row in listed.raise_for_status().json()}
            deployments = {flow.replace("_", "-"): deployment for deployment, flow in flows.items()}
            run = (await start(inside, deployments["suspend"], "test:the-run")).raise_for_status().json()["id"]
            own = (await start(whmcs, FLOWS["suspend"].id, "test:own-run")).raise_for_status().json()["id"]
            yield ProxiedStack(stack, proxy, inside, whmcs, deployments, run, own)
    finally:
        await stack.stop_all(kill=True)


def client_of(proxy: NginxProxy, secret: str, *, source: str | None = None) -> httpx.AsyncClient:
    """A client that calls the proxy as WHMCS does; `source`: the address that it calls from."""
    trust = ssl.create_default_context(cafile=str(proxy.certificate))
    transport = httpx.AsyncHTTPTransport(verify=trust, local_address=source)
    return httpx.AsyncClient(base_url=proxy.url, auth=(proxy.auth[0], secret), timeout=30, transport=transport)


async def start(http: httpx.AsyncClient, deployment: str, key: str, flow: str = "suspend") -> httpx.Response:
    """Start a run."""
    return await started(http, deployment, start_of(flow, key))


async def started(http: httpx.AsyncClient, deployment: str, body: dict[str, Any]) -> httpx.Response:
    """Start a run with this body, again while Prefect is busy (SQLite under load), as the module does."""
    for _ in range(20):
        answer = await http.post(f"/deployments/{deployment}/create_flow_run", json=body)
        if answer.status_code != 503:
            break
        await asyncio.sleep(1)
    return answer
