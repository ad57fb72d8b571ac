"""What was tried against the WHMCS host's way to Prefect, through the real nginx and at the door itself."""

import asyncio
import base64
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import httpx
import pytest

from door.shapes import FLOWS
from tests.door.bodies import PARAMETERS, start_of
from tests.nginx.conftest import PANEL_PASSWORD, ProxiedStack, start, started
from tests.nginx.test_nginx_proxy import PANEL_TYPE, RUNS_EMPTY_SECONDS

pytestmark = [pytest.mark.prefect, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

BOMB = {"__prefect_kind": "jinja", "template": "{{ 9**(9**9) % 7 }}"}
HARMLESS = {"__prefect_kind": "jinja", "template": "{{ 'ma' + 'in' }}"}
LATER = {"type": "SCHEDULED", "state_details": {"scheduled_time": "2027-06-01T00:00:00Z"}}


async def refused(proxied: ProxiedStack, flow: str, body: dict[str, Any]) -> int:
    """Try it at the door itself and through nginx; the status, which is the same."""
    path = f"/deployments/{FLOWS[flow].id}/create_flow_run"
    async with httpx.AsyncClient(auth=proxied.proxy.auth, timeout=20) as http:
        there = await http.post(f"{proxied.proxy.plain}{path}", json=body)
    through = await proxied.whmcs.post(path, json=body)
    assert there.status_code == through.status_code
    assert "\n" not in through.json()["detail"]
    return through.status_code


@pytest.mark.parametrize("key", ["service_id", "panel", "identity", "asked_at"])
async def test_a_template_does_not_reach_prefect_which_would_render_it(proxied: ProxiedStack, key: str) -> None:
    body = start_of("terminate", f"test:{uuid4()}")
    body["parameters"] = {**body["parameters"], key: BOMB}
    began = time.monotonic()
    assert await refused(proxied, "terminate", body) == 422
    assert (await proxied.inside.get("/health")).status_code == 200
    assert time.monotonic() - began < 10


async def test_prefect_itself_renders_templates_and_takes_states(proxied: ProxiedStack) -> None:
    path = f"/deployments/{proxied.deployments['suspend']}/create_flow_run"
    body = {"parameters": {**PARAMETERS["suspend"], "panel": HARMLESS}, "state": LATER}
    run = (await proxied.inside.post(path, json=body)).raise_for_status().json()
    assert run["parameters"]["panel"] == "main"
    assert run["state"]["state_details"]["scheduled_time"].startswith("2027-06-01")


@pytest.mark.parametrize(
    "more",
    [
        {"state": LATER},
        {"labels": {"dciflow.state": "ACTIVE"}},
        {"job_variables": {"env": {"X": "{{ prefect.blocks.whmcs.default.secret }}"}}},
        {"work_queue_name": "urgent"},
        {"enforce_parameter_schema": False},
        {"empirical_policy": {"retries": 100}},
        {"context": {}},
    ],
    ids=lambda more: next(iter(more)),
)
async def test_no_time_bomb_and_nothing_else_of_prefects_body(proxied: ProxiedStack, more: dict[str, Any]) -> None:
    assert await refused(proxied, "terminate", {**start_of("terminate", f"test:{uuid4()}"), **more}) == 422


async def test_prefect_itself_takes_stars_for_the_password_that_it_has(proxied: ProxiedStack) -> None:
    path = f"{PANEL_TYPE}/block_documents/name/main"
    there = (await proxied.inside.get(path)).raise_for_status().json()
    assert set(there["data"]["password"]) == {"*"}
    body = {"data": there["data"], "merge_existing_data": False, "block_schema_id": there["block_schema_id"]}
    (await proxied.inside.patch(f"/block_documents/{there['id']}", json=body)).raise_for_status()
    read = await proxied.inside.get(path, params={"include_secrets": True})
    assert read.json()["data"]["password"] == PANEL_PASSWORD


async def test_a_key_of_dciflows_own_cannot_be_taken(proxied: ProxiedStack) -> None:
    taken = (await start(proxied.whmcs, FLOWS["terminate"].id, "decided-1042-9", "terminate")).json()["id"]
    body = {"parameters": PARAMETERS["terminate"], "idempotency_key": "decided-1042-9"}
    own = await started(proxied.inside, proxied.deployments["terminate"], body)
    assert (own.status_code, own.json()["id"] == taken) == (201, False)


@pytest.mark.parametrize("panel", ["main?x=1", "main#", "x/../main", "../../../whmcs/block_documents/name/default"])
async def test_a_panel_has_no_second_name(proxied: ProxiedStack, panel: str) -> None:
    assert await refused(proxied, "activate", start_of("activate", f"test:{uuid4()}", panel=panel)) == 422


@pytest.mark.parametrize("more", [{"past_cap": True}, {"decision": "terminate"}, {"asked_through": "staff"}], ids=str)
async def test_no_decision_passes_a_cap_or_wipes_or_names_its_channel(
    proxied: ProxiedStack, more: dict[str, Any]
) -> None:
    assert await refused(proxied, "decide-held", start_of("decide-held", f"test:{uuid4()}", **more)) == 422


@asynccontextmanager
async def connected(
    proxied: ProxiedStack, way: str
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection to nginx, by TLS, or to the door."""
    url = httpx.URL(proxied.proxy.url if way == "nginx" else proxied.proxy.plain)
    trust = ssl.create_default_context(cafile=str(proxied.proxy.certificate)) if way == "nginx" else None
    reader, writer = await asyncio.open_connection(url.host, url.port, ssl=trust)
    try:
        yield reader, writer
    finally:
        writer.close()


def authorization(proxied: ProxiedStack) -> str:
    return "Authorization: Basic " + base64.b64encode(":".join(proxied.proxy.auth).encode()).decode()


async def statuses(proxied: ProxiedStack, way: str, text: str) -> list[int]:
    """What is answered to these lines, as statuses in order; none: the connection ended."""
    filled = text.replace("AUTH", authorization(proxied)).replace("RUN", proxied.own_run).replace("\n", "\r\n")
    async with connected(proxied, way) as (reader, writer):
        writer.write(filled.encode())
        await writer.drain()
        said = b""
        try:
            async with asyncio.timeout(3):
                while chunk := await reader.read(65536):
                    said += chunk
        except (TimeoutError, ConnectionError):
            pass
    return [int(line[9:12]) for line in said.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")]


ODD = {
    "absolute form": "GET http://127.0.0.1/api/admin/settings HTTP/1.1\nHost: x\nAUTH\nConnection: close\n\n",
    "semicolon": "GET /api/flow_runs/RUN;x HTTP/1.1\nHost: x\nAUTH\nConnection: close\n\n",
    "fragment": "GET /api/admin/settings#/api/flow_runs/RUN HTTP/1.1\nHost: x\nAUTH\nConnection: close\n\n",
    "line break": "GET /api/flow_runs/RUN%0a HTTP/1.1\nHost: x\nAUTH\nConnection: close\n\n",
    "encoded slash": "GET /api%2fadmin%2fsettings HTTP/1.1\nHost: x\nAUTH\nConnection: close\n\n",
    "up": "GET /api/flow_runs/RUN/../../admin/settings HTTP/1.1\nHost: x\nAUTH\nConnection: close\n\n",
    "double slash": "GET //api/flow_runs/RUN HTTP/1.1\nHost: x\nAUTH\nConnection: close\n\n",
    "upper case": "GET /API/flow_runs/RUN HTTP/1.1\nHost: x\nAUTH\nConnection: close\n\n",
    "query": "GET /api/flow_runs/RUN?include_secrets=true HTTP/1.1\nHost: x\nAUTH\nConnection: close\n\n",
    "lower method": "get /api/flow_runs/RUN HTTP/1.1\nHost: x\nAUTH\nConnection: close\n\n",
    "two authorizations": "GET /api/flow_runs/RUN HTTP/1.1\nHost: x\nAUTH\nAUTH\nConnection: close\n\n",
    "no authorization": "GET /api/flow_runs/RUN HTTP/1.1\nHost: x\nConnection: close\n\n",
    "http 0.9": "GET /api/flow_runs/RUN\n\n",
    "length and chunks": "POST /api/block_schemas/filter HTTP/1.1\nHost: x\nAUTH\nContent-Length: 5\n"
    "Transfer-Encoding: chunked\nConnection: close\n\n0\n\nGET /api/admin/settings HTTP/1.1\nHost: x\n\n",
    "a blank before the colon": "POST /api/block_schemas/filter HTTP/1.1\nHost: x\nAUTH\nTransfer-Encoding : chunked\n"
    "Connection: close\n\n0\n\nGET /api/admin/settings HTTP/1.1\nHost: x\n\n",
}  # fmt: skip


@pytest.mark.parametrize("way", ["nginx", "door"])
@pytest.mark.parametrize("odd", ODD)
async def test_an_odd_request_opens_nothing(proxied: ProxiedStack, way: str, odd: str) -> None:
    answered = await statuses(proxied, way, ODD[odd])
    assert all(400 <= status < 500 for status in answered), answered
    assert len(answered) <= 1 or way == "door"


@pytest.mark.parametrize("way", ["nginx", "door"])
@pytest.mark.parametrize(
    "header",
    [
        "X-HTTP-Method-Override: DELETE",
        "X-Original-URL: /api/admin/settings",
        "X-Rewrite-URL: /api/admin/settings",
        "X-Forwarded-Prefix: /api/admin",
        "X-PREFECT-API-VERSION: 0.0.1",
        "Upgrade: websocket\nConnection: Upgrade",
        "Content-Length: 2\nContent-Type: application/json",
    ],
)
async def test_a_header_changes_nothing_of_a_call(proxied: ProxiedStack, way: str, header: str) -> None:
    body = "{}" if "Length" in header else ""
    text = f"GET /api/flow_runs/RUN HTTP/1.1\nHost: x\nAUTH\n{header}\nConnection: close\n\n{body}"
    assert await statuses(proxied, way, text) == [200]
    read = await proxied.inside.get(f"/flow_runs/{proxied.own_run}")
    assert read.json()["state"]["type"] == "SCHEDULED"


async def test_who_calls_from_where_is_not_believed_of_the_caller(proxied: ProxiedStack) -> None:
    name = "192.0.2.99"
    await proxied.whmcs.get(f"/flow_runs/{proxied.own_run}", headers={"X-Forwarded-For": name})
    logs = [log.read_text(encoding="utf-8") for log in proxied.stack.home.glob("door-*.log")]
    assert not any(name in log for log in logs)


async def test_a_flood_holds_up_no_suspension(proxied: ProxiedStack) -> None:
    await asyncio.sleep(RUNS_EMPTY_SECONDS)
    flood = [asyncio.create_task(proxied.whmcs.get("/variables/name/dciflow_reconciliation_main")) for _ in range(110)]
    await asyncio.sleep(0.3)
    began = time.monotonic()
    answer = await start(proxied.whmcs, FLOWS["suspend"].id, f"test:{uuid4()}")
    assert (answer.status_code, time.monotonic() - began < 6) == (201, True)
    codes = [(await one).status_code for one in flood]
    assert 429 in codes
    await asyncio.sleep(RUNS_EMPTY_SECONDS)
