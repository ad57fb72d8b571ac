"""What the WHMCS host can do through the documented nginx and the door, and what not, against a real Prefect."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from door.shapes import FLOWS
from simulator.processes import free_port
from tests.door.bodies import HELD_AT, PANEL, PANEL_DATA, PARAMETERS, SERVICE
from tests.nginx.conftest import API_SECRET, PANEL_PASSWORD, ProxiedStack, client_of, start
from tests.nginx.nginx_proxy import AUTH_STRING, CONF, open_proxy

pytestmark = [pytest.mark.prefect, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

PANEL_TYPE = "/block_types/slug/dcimanager-panel"
SOMEBODY = "00000000-0000-4000-8000-000000000000"
RUNS_EMPTY_SECONDS = 3
"""The door's bucket holds 40 calls and gets 20 a second (door/installations.py)."""


def is_refused(answer: httpx.Response) -> bool:
    """Whether nginx or the door refused the call: Prefect has no such text."""
    return answer.status_code == 403 and answer.json()["detail"].startswith("WHMCS may not make this call")


async def test_a_deployment_is_found_and_started_once_however_often_it_is_asked(proxied: ProxiedStack) -> None:
    found = await proxied.whmcs.get("/deployments/name/suspend/whmcs")
    assert (found.status_code, found.json()["name"]) == (200, "whmcs")
    key = f"test:{uuid4()}"
    first, second = [await start(proxied.whmcs, found.json()["id"], key) for _ in range(2)]
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["id"] == second.json()["id"]
    run = (await proxied.inside.get(f"/flow_runs/{first.json()['id']}")).json()
    assert run["parameters"] == PARAMETERS["suspend"]
    assert run["idempotency_key"] == f"installation:billing:{key}"
    assert {"service:1042", "panel:main", "client:7", "installation:billing"} <= set(run["tags"])


@pytest.mark.parametrize("flow", sorted(set(FLOWS) - {"decide-held"}))
async def test_every_deployment_that_the_module_starts_can_be_started(proxied: ProxiedStack, flow: str) -> None:
    answer = await start(proxied.whmcs, FLOWS[flow].id, f"test:{uuid4()}", flow)
    assert answer.status_code == 201, answer.text


async def test_a_decision_about_a_hold_that_is_published_can_be_started_in_the_doors_name(
    proxied: ProxiedStack,
) -> None:
    assert (await start(proxied.whmcs, FLOWS["decide-held"].id, f"test:{uuid4()}", "decide-held")).status_code == 403
    services = [{"service_id": SERVICE, "panel": PANEL, "reason": "owner", "since": "x", "held_at": HELD_AT}]
    async with published(proxied, "dciflow_held", {"at": "x", "total": 1, "services": services}):
        answer = await start(proxied.whmcs, FLOWS["decide-held"].id, f"test:{uuid4()}", "decide-held")
    assert answer.status_code == 201, answer.text
    run = (await proxied.inside.get(f"/flow_runs/{answer.json()['id']}")).json()
    assert run["parameters"]["who"] == "WHMCS billing, by its own word anna"
    assert run["parameters"]["asked_through"] == "billing"


async def test_a_run_can_be_read_that_this_whmcs_started_and_no_other(proxied: ProxiedStack) -> None:
    read = await proxied.whmcs.get(f"/flow_runs/{proxied.own_run}")
    assert (read.status_code, read.json()["id"], read.json()["state"]["type"]) == (200, proxied.own_run, "SCHEDULED")
    for other, status in ((proxied.run, 403), (SOMEBODY, 404)):
        read = await proxied.whmcs.get(f"/flow_runs/{other}")
        assert (read.status_code, list(read.json())) == (status, ["detail"])


@asynccontextmanager
async def published(proxied: ProxiedStack, name: str, value: Any) -> AsyncIterator[None]:
    """A variable as a flow writes it, for the block."""
    (await proxied.inside.post("/variables/", json={"name": name, "value": value})).raise_for_status()
    yield
    (await proxied.inside.delete(f"/variables/name/{name}")).raise_for_status()


@pytest.mark.parametrize(
    "name",
    [
        "dcimanager_catalogue_main",
        "dcimanager_catalogue_main_1",
        "dcimanager_traffic_main",
        "dcimanager_traffic_main_12",
        "dciflow_traffic_main_12",
        "dciflow_reconciliation_main",
    ],
)
async def test_a_variable_of_the_contract_can_be_read(proxied: ProxiedStack, name: str) -> None:
    assert (await proxied.whmcs.get(f"/variables/name/{name}")).status_code == 404
    async with published(proxied, name, {"parts": 1}):
        assert (await proxied.whmcs.get(f"/variables/name/{name}")).json() == {"name": name, "value": {"parts": 1}}


async def test_the_credentials_of_a_panel_can_be_stored_and_changed_and_never_read(proxied: ProxiedStack) -> None:
    type_id = (await proxied.whmcs.get(PANEL_TYPE)).json()["id"]
    body: dict[str, Any] = {"block_schemas": {"block_type_id": {"any_": [type_id]}}, "limit": 1}
    schema_id = (await proxied.whmcs.post("/block_schemas/filter", json=body)).json()[0]["id"]
    data = {**PANEL_DATA, "password": "first-one"}
    path = f"{PANEL_TYPE}/block_documents/name/second-panel"
    assert (await proxied.whmcs.get(path)).status_code == 404

    body = {"name": "second-panel", "data": data, "block_type_id": type_id, "block_schema_id": schema_id}
    created = await proxied.whmcs.post("/block_documents/", json=body)
    assert created.status_code == 201, created.text
    assert (await proxied.whmcs.post("/block_documents/", json=body)).status_code == 409
    read = await proxied.whmcs.get(path)
    assert read.json() == created.json() == {"id": created.json()["id"], "name": "second-panel"}

    body = {"data": {**data, "password": "second-one"}, "block_schema_id": schema_id, "merge_existing_data": False}
    document = f"/block_documents/{created.json()['id']}"
    assert (await proxied.whmcs.patch(document, json=body)).status_code == 204
    inside = await proxied.inside.get(path, params={"include_secrets": True})
    assert inside.json()["data"]["password"] == "second-one"

    # What Prefect itself would take: an address of the attacker's, and the password as it is.
    away = {**data, "url": "https://127.0.0.1", "password": "********"}
    assert (await proxied.whmcs.patch(document, json={**body, "data": away})).status_code == 422
    no_word = {key: value for key, value in away.items() if key != "password"}
    assert (await proxied.whmcs.patch(document, json={**body, "data": no_word})).status_code == 422
    inside = await proxied.inside.get(path, params={"include_secrets": True})
    assert (inside.json()["data"]["url"], inside.json()["data"]["password"]) == (data["url"], "second-one")


SECRETS = f"{PANEL_TYPE}/block_documents/name/main?include_secrets=true"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        # Stored secrets
        ("GET", SECRETS),
        ("GET", SECRETS.replace("=true", "")),
        ("GET", SECRETS.replace("?", "%3F")),
        ("GET", SECRETS.replace("include", "%69nclude")),
        ("GET", "/block_types/slug/whmcs"),
        ("GET", "/block_types/slug/whmcs/block_documents/name/default"),
        ("GET", f"{PANEL_TYPE}/../whmcs/block_documents/name/default"),
        ("GET", f"{PANEL_TYPE}/block_documents/name/..%2F..%2F..%2Fwhmcs%2Fblock_documents%2Fname%2Fdefault"),
        ("GET", f"{PANEL_TYPE}/block_documents"),
        ("GET", f"/block_documents/{SOMEBODY}"),
        ("GET", f"{PANEL_TYPE}/block_documents/name/third-panel"),
        ("POST", "/block_documents/filter"),
        ("POST", "/block_documents/count"),
        ("POST", "/block_types/filter"),
        ("POST", "/block_types/"),
        ("POST", "/block_schemas/"),
        ("POST", "/block_documents"),
        ("DELETE", f"/block_documents/{SOMEBODY}"),
        # Runs
        ("POST", "/flow_runs/{run}/set_state"),
        ("POST", "/flow_runs/{run}/resume"),
        ("DELETE", "/flow_runs/{run}"),
        ("PATCH", "/flow_runs/{run}"),
        ("PATCH", "/flow_runs/{run}/labels"),
        ("GET", "/flow_runs/{run}/graph-v2"),
        ("GET", "/flow_runs/{run}/logs/download"),
        ("GET", "/flow_runs/{run}/input/x"),
        ("HEAD", "/flow_runs/{run}"),
        ("OPTIONS", "/flow_runs/{run}"),
        ("GET", "/flow_runs/{run}?x=1"),
        ("GET", "/flow_runs/{run}/"),
        ("GET", "//flow_runs/{run}"),
        ("POST", "/flow_runs/"),
        ("POST", "/flow_runs/filter"),
        ("POST", "/flow_runs/paginate"),
        ("POST", "/flow_runs/bulk_set_state"),
        ("POST", "/flow_runs/bulk_delete"),
        ("POST", "/task_runs/filter"),
        ("POST", "/logs/filter"),
        ("POST", "/artifacts/filter"),
        # Deployments
        ("GET", "/deployments/name/watch-os-install/whmcs"),
        ("GET", "/deployments/name/activate/other"),
        ("GET", "/deployments/{suspend}"),
        ("GET", "/deployments/{suspend}/create_flow_run"),
        ("POST", "/deployments/{suspend}/create_flow_run/bulk"),
        ("POST", "/deployments/{suspend}/create_flow_run?x=1"),
        ("POST", "/deployments/{suspend}/pause_deployment"),
        ("POST", "/deployments/{suspend}/schedules"),
        ("PATCH", "/deployments/{suspend}"),
        ("DELETE", "/deployments/{suspend}"),
        ("POST", "/deployments/filter"),
        ("POST", "/deployments/bulk_delete"),
        # Variables
        ("GET", "/variables/name/other"),
        ("GET", "/variables/name/my_dciflow_held"),
        ("PATCH", "/variables/name/dciflow_held"),
        ("DELETE", "/variables/name/dciflow_held"),
        ("POST", "/variables/"),
        ("POST", "/variables/filter"),
        # The proxied
        ("GET", "/admin/settings"),
        ("GET", "/admin/version"),
        ("PUT", "/admin/storage"),
        ("GET", "/health"),
        ("GET", "/"),
        ("POST", "/work_pools/filter"),
        ("DELETE", "/work_pools/dcimanager"),
        ("POST", "/automations/"),
        ("POST", "/concurrency_limits/"),
        ("GET", "/csrf-token?client=x"),
        ("GET", "/events/in"),
        ("GET", "/../docs"),
    ],
)
async def test_everything_else_is_refused(proxied: ProxiedStack, method: str, path: str) -> None:
    ids = {
        "suspend": FLOWS["suspend"].id,
        "run": proxied.own_run,
    }
    path = path.format_map(ids)
    answer = await _as_it_is(proxied, method, path)
    assert answer.status_code == 403
    assert method == "HEAD" or is_refused(answer) or "third-panel" in path
    assert (await proxied.inside.get(f"/flow_runs/{proxied.own_run}")).json()["state"]["type"] == "SCHEDULED"


async def _as_it_is(proxied: ProxiedStack, method: str, path: str) -> httpx.Response:
    """Send a path without tidying it up, as curl --path-as-is does."""
    request = proxied.whmcs.build_request(method, "/", json={} if method in ("POST", "PATCH", "PUT") else None)
    request.url = request.url.copy_with(raw_path=f"/api{path}".encode())
    return await proxied.whmcs.send(request, auth=proxied.proxy.auth)


@pytest.mark.parametrize("method, path", [("GET", "/flow_runs/{run}?x=1"), ("POST", "/flow_runs/{run}/set_state"),
                                          ("GET", SECRETS), ("GET", "/variables/name/other"), ("PUT", "/admin/storage"),
                                          ("GET", "/%66low_runs/{run}"), ("HEAD", "/flow_runs/{run}")])  # fmt: skip
async def test_the_door_alone_refuses_it_as_well(proxied: ProxiedStack, method: str, path: str) -> None:
    async with httpx.AsyncClient(auth=proxied.proxy.auth) as http:
        request = http.build_request(method, proxied.proxy.plain)
        request.url = request.url.copy_with(raw_path=f"/api{path.format(run=proxied.own_run)}".encode())
        answer = await http.send(request)
    assert answer.status_code == 403
    assert method == "HEAD" or is_refused(answer)


async def test_only_deployments_that_the_module_starts_are_there(proxied: ProxiedStack) -> None:
    for deployment in (SOMEBODY, *proxied.deployments.values()):
        assert (await start(proxied.whmcs, deployment, f"test:{uuid4()}")).status_code == 404


async def test_the_list_of_what_is_refused_would_do_something_inside(proxied: ProxiedStack) -> None:
    read = await proxied.inside.get(SECRETS)
    assert read.json()["data"]["password"] == PANEL_PASSWORD
    read = await proxied.inside.get("/block_types/slug/whmcs/block_documents/name/default?include_secrets=1")
    assert read.json()["data"]["secret"] == API_SECRET
    run = (await start(proxied.inside, proxied.deployments["suspend"], f"test:{uuid4()}")).json()["id"]
    answer = await proxied.inside.post(f"/flow_runs/{run}/set_state", json={"state": {"type": "CANCELLED"}})
    assert answer.status_code == 201


@pytest.mark.parametrize("secret", ["", "wrong", AUTH_STRING.partition(":")[2]])
async def test_a_wrong_secret_opens_nothing(proxied: ProxiedStack, secret: str) -> None:
    async with client_of(proxied.proxy, secret) as http:
        answer = await http.get("/deployments/name/suspend/whmcs")
        assert answer.status_code == 401
        assert answer.json()["detail"].startswith("The user or the secret of WHMCS is wrong")
        http.auth = None  # type: ignore[assignment]
        assert (await http.get("/deployments/name/suspend/whmcs")).status_code == 401


async def test_prefects_auth_string_opens_nothing_here_and_whmcs_secret_nothing_there(proxied: ProxiedStack) -> None:
    auth = ("dciflow", "canary-of-prefect")
    assert (await proxied.whmcs.get("/deployments/name/suspend/whmcs", auth=auth)).status_code == 401
    auth = proxied.proxy.auth
    assert (await proxied.inside.get("/deployments/name/suspend/whmcs", auth=auth)).status_code == 401


async def test_another_host_is_refused_with_the_right_secret(proxied: ProxiedStack) -> None:
    async with client_of(proxied.proxy, proxied.proxy.auth[1], source="127.0.0.2") as http:
        assert is_refused(await http.get("/deployments/name/suspend/whmcs"))


async def test_a_body_of_more_than_64_kb_is_refused(proxied: ProxiedStack) -> None:
    path = f"/deployments/{FLOWS['suspend'].id}/create_flow_run"
    answer = await proxied.whmcs.post(path, json={"name": "x" * 70_000})
    assert answer.status_code == 413
    assert answer.json()["detail"].startswith("More than 64 KB")


async def test_a_hundred_calls_at_once_are_told_to_come_again(proxied: ProxiedStack) -> None:
    await asyncio.sleep(RUNS_EMPTY_SECONDS)  # what the tests before have put into it
    calls = (proxied.whmcs.get("/variables/name/dciflow_reconciliation_main") for _ in range(100))
    answers = await asyncio.gather(*calls)
    codes = [answer.status_code for answer in answers]
    assert set(codes) == {404, 429}
    assert codes.count(404) >= 40
    late = next(answer for answer in answers if answer.status_code == 429)
    assert late.json()["detail"].startswith("Too many calls at once")
    await asyncio.sleep(RUNS_EMPTY_SECONDS)  # for whatever test comes next
    assert (await proxied.whmcs.get("/variables/name/dciflow_reconciliation_main")).status_code == 404


async def test_a_changed_auth_string_of_prefect_is_not_taken_for_a_wrong_secret_of_whmcs(
    proxied: ProxiedStack, tmp_path: Path
) -> None:
    async with open_proxy(proxied.stack, tmp_path, "dciflow:old") as proxy, client_of(proxy, proxy.auth[1]) as http:
        answer = await http.get("/deployments/name/suspend/whmcs")
        assert answer.status_code == 500
        assert answer.json()["detail"].startswith("Prefect refuses the door")


async def test_a_prefect_that_is_away_is_one_to_come_again_to(proxied: ProxiedStack, tmp_path: Path) -> None:
    away = replace(proxied.stack, prefect=f"http://127.0.0.1:{free_port()}")
    async with open_proxy(away, tmp_path, AUTH_STRING) as proxy, client_of(proxy, proxy.auth[1]) as http:
        answer = await http.get("/deployments/name/suspend/whmcs")
        assert answer.status_code == 503
        assert answer.json()["detail"].startswith("Prefect does not answer")


async def test_no_secret_is_in_what_nginx_and_the_door_wrote(proxied: ProxiedStack) -> None:
    assert (await proxied.whmcs.get(PANEL_TYPE)).status_code == 200
    logs = [(proxied.proxy.folder / name).read_text(encoding="utf-8") for name in ("access.log", "error.log")]
    assert PANEL_TYPE in logs[0]
    logs += [log.read_text(encoding="utf-8") for log in proxied.stack.home.glob("door-*.log")]
    assert '"call": "read panel type", "status": 200' in "".join(logs[2:])
    words = ("first-one", "second-one", "canary", "YmlsbGluZzo")  # the last one: "billing:" in base64
    for secret in (proxied.proxy.auth[1], *words):
        assert secret not in "".join(logs)


async def test_nginx_and_the_door_name_the_same_deployments() -> None:
    assert f"/deployments/name/({'|'.join(FLOWS)})/whmcs$" in CONF.read_text(encoding="utf-8")
