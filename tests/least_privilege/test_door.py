"""What the WHMCS host can do through the documented nginx, and what it cannot, against a real Prefect server."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from dciflow.least_privilege import STARTED_BY_WHMCS
from dciflow.stack import free_port
from tests.least_privilege.conftest import (
    API_SECRET,
    OF_A_SERVICE,
    PANEL_PASSWORD,
    House,
    client_of,
    start,
)
from tests.least_privilege.door import AUTH_STRING, CONF, open_door

pytestmark = [pytest.mark.prefect, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

PANEL_TYPE = "/block_types/slug/dcimanager-panel"
SOMEBODY = "00000000-0000-4000-8000-000000000000"
RUNS_EMPTY_SECONDS = 3
"""The door's bucket holds 40 calls and loses 20 a second (docs/least-privilege/nginx.conf)."""


def is_refused(answer: httpx.Response) -> bool:
    """Refused by the door itself: Prefect has no such text."""
    return answer.status_code == 403 and answer.json()["detail"].startswith("WHMCS may not make this call")


async def test_a_deployment_is_found_and_started_once_however_often_it_is_asked(house: House) -> None:
    found = await house.whmcs.get("/deployments/name/suspend/whmcs")
    assert (found.status_code, found.json()["name"]) == (200, "whmcs")
    key = f"test:{uuid4()}"
    first, second = [await start(house.whmcs, found.json()["id"], key) for _ in range(2)]
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["id"] == second.json()["id"]
    assert first.json()["parameters"] == {"service_id": 1042, "panel": "main", "requested_by": "cron"}


@pytest.mark.parametrize("flow", ["activate", "suspend", "unsuspend", "terminate", "check-panel"])
async def test_every_deployment_that_the_module_starts_can_be_started(house: House, flow: str) -> None:
    parameters = {"panel": "main"} if flow == "check-panel" else OF_A_SERVICE
    answer = await start(house.whmcs, house.deployments[flow], f"test:{uuid4()}", parameters)
    assert answer.status_code == 201


async def test_a_run_can_be_read(house: House) -> None:
    read = await house.whmcs.get(f"/flow_runs/{house.run}")
    assert (read.status_code, read.json()["id"], read.json()["state"]["type"]) == (200, house.run, "SCHEDULED")
    assert (await house.whmcs.get(f"/flow_runs/{SOMEBODY}")).status_code == 404  # Prefect's own answer


@pytest.mark.parametrize(
    "name",
    [
        "dcimanager_catalogue_main",
        "dcimanager_catalogue_main_1",
        "dcimanager_traffic_main",
        "dcimanager_traffic_main_12",
        "dciflow_reconciliation_main",
        "dciflow_held",
    ],
)
async def test_a_variable_of_the_contract_can_be_read(house: House, name: str) -> None:
    assert (await house.whmcs.get(f"/variables/name/{name}")).status_code == 404
    (await house.inside.post("/variables/", json={"name": name, "value": {"parts": 1}})).raise_for_status()
    assert (await house.whmcs.get(f"/variables/name/{name}")).json()["value"] == {"parts": 1}


async def test_the_credentials_of_a_panel_can_be_stored_and_changed_and_never_read(house: House) -> None:
    type_id = (await house.whmcs.get(PANEL_TYPE)).json()["id"]
    body: dict[str, Any] = {"block_schemas": {"block_type_id": {"any_": [type_id]}}, "limit": 1}
    schema_id = (await house.whmcs.post("/block_schemas/filter", json=body)).json()[0]["id"]
    data = {"url": "https://panel.example", "username": "a@example.com", "password": "first-one", "verify_tls": True}
    path = f"{PANEL_TYPE}/block_documents/name/second-hall"
    assert (await house.whmcs.get(path)).status_code == 404

    body = {"name": "second-hall", "data": data, "block_type_id": type_id, "block_schema_id": schema_id}
    created = await house.whmcs.post("/block_documents/", json=body)
    assert created.status_code == 201
    assert (await house.whmcs.post("/block_documents/", json=body)).status_code == 409
    read = await house.whmcs.get(path)
    assert read.json()["id"] == created.json()["id"]
    assert read.json()["data"]["url"] == "https://panel.example"
    assert "first-one" not in created.text + read.text

    body = {"data": {**data, "password": "second-one"}, "block_schema_id": schema_id, "merge_existing_data": False}
    changed = await house.whmcs.patch(f"/block_documents/{created.json()['id']}", json=body)
    assert changed.status_code == 204
    inside = await house.inside.get(path, params={"include_secrets": True})
    assert inside.json()["data"]["password"] == "second-one"


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
        ("POST", "/deployments/{watch}/create_flow_run"),
        ("POST", f"/deployments/{SOMEBODY}/create_flow_run"),
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
        # The house
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
async def test_everything_else_is_refused(house: House, method: str, path: str) -> None:
    ids = {"suspend": house.deployments["suspend"], "watch": house.deployments["watch-os-install"], "run": house.run}
    path = path.format_map(ids)
    answer = await _as_it_is(house, method, path)
    assert answer.status_code == 403
    assert method == "HEAD" or is_refused(answer)
    assert (await house.inside.get(f"/flow_runs/{house.run}")).json()["state"]["type"] == "SCHEDULED"


async def _as_it_is(house: House, method: str, path: str) -> httpx.Response:
    """Send a path without tidying it up, as curl --path-as-is does."""
    request = house.whmcs.build_request(method, "/", json={} if method in ("POST", "PATCH", "PUT") else None)
    request.url = request.url.copy_with(raw_path=f"/api{path}".encode())
    return await house.whmcs.send(request, auth=("whmcs", house.door.secret))


async def test_the_list_of_what_is_refused_would_do_something_inside(house: House) -> None:
    read = await house.inside.get(SECRETS)
    assert read.json()["data"]["password"] == PANEL_PASSWORD
    read = await house.inside.get("/block_types/slug/whmcs/block_documents/name/default?include_secrets=1")
    assert read.json()["data"]["secret"] == API_SECRET
    run = (await start(house.inside, house.deployments["suspend"], f"test:{uuid4()}")).json()["id"]
    answer = await house.inside.post(f"/flow_runs/{run}/set_state", json={"state": {"type": "CANCELLED"}})
    assert answer.status_code == 201


@pytest.mark.parametrize("secret", ["", "wrong", AUTH_STRING.partition(":")[2]])
async def test_a_wrong_secret_opens_nothing(house: House, secret: str) -> None:
    async with client_of(house.door, secret) as http:
        answer = await http.get("/deployments/name/suspend/whmcs")
        assert answer.status_code == 401
        assert answer.json()["detail"].startswith("The user or the secret of WHMCS is wrong")
        http.auth = None  # type: ignore[assignment]
        assert (await http.get("/deployments/name/suspend/whmcs")).status_code == 401


async def test_prefects_auth_string_opens_nothing_here_and_whmcs_secret_nothing_there(house: House) -> None:
    auth = ("dciflow", "canary-of-prefect")
    assert (await house.whmcs.get("/deployments/name/suspend/whmcs", auth=auth)).status_code == 401
    auth = ("whmcs", house.door.secret)
    assert (await house.inside.get("/deployments/name/suspend/whmcs", auth=auth)).status_code == 401


async def test_another_host_is_refused_with_the_right_secret(house: House) -> None:
    async with client_of(house.door, house.door.secret, source="127.0.0.2") as http:
        assert is_refused(await http.get("/deployments/name/suspend/whmcs"))


async def test_a_body_of_more_than_64_kb_is_refused(house: House) -> None:
    path = f"/deployments/{house.deployments['suspend']}/create_flow_run"
    answer = await house.whmcs.post(path, json={"name": "x" * 70_000})
    assert answer.status_code == 413
    assert answer.json()["detail"].startswith("More than 64 KB")


async def test_a_hundred_calls_at_once_are_told_to_come_again(house: House) -> None:
    await asyncio.sleep(RUNS_EMPTY_SECONDS)  # what the tests before have put into it
    calls = (house.whmcs.get("/variables/name/dciflow_burst") for _ in range(100))
    answers = await asyncio.gather(*calls)
    codes = [answer.status_code for answer in answers]
    assert set(codes) == {404, 429}
    assert codes.count(404) >= 40
    late = next(answer for answer in answers if answer.status_code == 429)
    assert late.json()["detail"].startswith("Too many calls at once")
    await asyncio.sleep(RUNS_EMPTY_SECONDS)  # for whatever test comes next
    assert (await house.whmcs.get("/variables/name/dciflow_burst")).status_code == 404


async def test_a_changed_auth_string_of_prefect_is_not_taken_for_a_wrong_secret_of_whmcs(
    house: House, tmp_path: Path
) -> None:
    async with open_door(house.stack, tmp_path, "dciflow:old") as door, client_of(door, door.secret) as http:
        answer = await http.get("/deployments/name/suspend/whmcs")
        assert answer.status_code == 500
        assert answer.json()["detail"].startswith("Prefect refuses the proxy")


async def test_a_prefect_that_is_away_is_one_to_come_again_to(house: House, tmp_path: Path) -> None:
    away = replace(house.stack, prefect=f"http://127.0.0.1:{free_port()}")
    async with open_door(away, tmp_path, AUTH_STRING) as door, client_of(door, door.secret) as http:
        answer = await http.get("/deployments/name/suspend/whmcs")
        assert answer.status_code == 503
        assert answer.json()["detail"].startswith("Prefect does not answer")


async def test_no_secret_is_in_what_nginx_wrote(house: House) -> None:
    assert (await house.whmcs.get(PANEL_TYPE)).status_code == 200
    logs = [(house.door.folder / name).read_text(encoding="utf-8") for name in ("access.log", "error.log")]
    assert PANEL_TYPE in logs[0]
    for secret in (house.door.secret, "canary", "d2htY3M6"):  # the last one: "whmcs:" in base64
        assert secret not in "".join(logs)


async def test_the_map_has_one_line_for_each_deployment_and_no_other(house: House) -> None:
    lines = (await house.stack.command("proxy-map")).splitlines()
    assert len(lines) == len(STARTED_BY_WHMCS)
    for flow, line in zip(STARTED_BY_WHMCS, lines, strict=True):
        if line != f"# {flow}/whmcs is not registered":
            call = f"POST /api/deployments/{house.deployments[flow]}/create_flow_run"
            assert line == f'"~^{call}$" 1;  # {flow}/whmcs'


async def test_nginx_and_the_command_name_the_same_deployments(house: House) -> None:
    assert f"/deployments/name/({'|'.join(STARTED_BY_WHMCS)})/whmcs$" in CONF.read_text(encoding="utf-8")
