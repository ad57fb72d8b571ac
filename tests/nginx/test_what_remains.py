"""Each sentence of least-privilege.md's last two sections, tried with the WHMCS host's own secret."""

import asyncio
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from pydantic import SecretStr

from door.installations import UNSAVED
from door.panels import SCHEMA_ID, TYPE_ID
from door.shapes import FLOWS
from runtime.sealing import Seal
from tests.docs.documents import PROJECT
from tests.door.bodies import HELD_AT, PANEL_DATA, PARAMETERS, SERVICE, start_of
from tests.nginx.conftest import API_SECRET, PANEL_PASSWORD, ProxiedStack, start, started
from tests.nginx.test_nginx_proxy import PANEL_TYPE, RUNS_EMPTY_SECONDS, published

pytestmark = [pytest.mark.prefect, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

GUIDE = PROJECT / "docs" / "least-privilege.md"
Trial = Callable[[ProxiedStack], Awaitable[None]]
TRIALS: dict[str, Trial] = {}


def says(sentence: str) -> Callable[[Trial], Trial]:
    """The words in bold by which the page's sentence begins that the trial is of."""

    def kept(trial: Trial) -> Trial:
        TRIALS[sentence] = trial
        return trial

    return kept


async def tried(proxied: ProxiedStack, flow: str, **changed: Any) -> int:
    """Start a flow through nginx, with some parameters changed; the status."""
    body = start_of(flow, f"test:{uuid4()}", **changed)
    return (await started(proxied.whmcs, FLOWS[flow].id, body)).status_code


@says("order, suspend, unsuspend and delete")
async def _commands(proxied: ProxiedStack) -> None:
    for flow in ("activate", "suspend", "unsuspend", "terminate"):
        assert await tried(proxied, flow, service_id=77) == 201


@says("reinstall")
async def _reinstalls(proxied: ProxiedStack) -> None:
    assert await tried(proxied, "reinstall", service_id=78, requested_by="admin") == 201


@says("change addresses")
async def _addresses(proxied: ProxiedStack) -> None:
    assert await tried(proxied, "change-addresses", service_id=80, ipv4_count=256) == 201
    assert await tried(proxied, "change-addresses", service_id=80, ipv4_count=257) == 422
    assert await tried(proxied, "change-order", service_id=81) == 201


@says("set reverse names")
async def _names(proxied: ProxiedStack) -> None:
    assert await tried(proxied, "set-ptr", service_id=82, name="") == 201


@says("boot servers into the rescue system")
async def _rescue(proxied: ProxiedStack) -> None:
    assert await tried(proxied, "rescue", service_id=85) == 201
    assert await tried(proxied, "rescue", service_id=85, command="install") == 422


@says("rename servers")
async def _host_names(proxied: ProxiedStack) -> None:
    assert await tried(proxied, "rename", service_id=84) == 201
    assert await tried(proxied, "rename", service_id=84, hostname="") == 422


@says("switch the power")
async def _power(proxied: ProxiedStack) -> None:
    assert await tried(proxied, "power", service_id=83, command="off", requested_by="admin") == 201
    assert await tried(proxied, "power", service_id=83, command="wipe") == 422


@says("say that staff asked")
async def _staff(proxied: ProxiedStack) -> None:
    assert await tried(proxied, "suspend", requested_by="admin") == 201
    assert await tried(proxied, "suspend", requested_by="flow") == 422


@says("sign in to the panel as the owner of a server")
async def _signs_in(proxied: ProxiedStack) -> None:
    assert await tried(proxied, "sign-in", service_id=79, requested_by="admin") == 201


@says("retry and release")
async def _decides(proxied: ProxiedStack) -> None:
    held = [{"service_id": SERVICE, "panel": "main", "held_at": HELD_AT}]
    assert await tried(proxied, "decide-held", decision="release") == 403
    async with published(proxied, "dciflow_held", {"at": "x", "total": 1, "services": held}):
        for decision in ("retry", "release"):
            assert await tried(proxied, "decide-held", decision=decision) == 201


@says("have panels checked and services imported")
async def _imports(proxied: ProxiedStack) -> None:
    assert await tried(proxied, "check-panel") == 201
    assert await tried(proxied, "adopt", apply=True) == 201


@says("enter a panel elsewhere")
async def _panel(proxied: ProxiedStack) -> None:
    document = (await proxied.whmcs.get(f"{PANEL_TYPE}/block_documents/name/main")).json()["id"]
    body = {"data": PANEL_DATA, "block_schema_id": SCHEMA_ID, "merge_existing_data": False}
    away = {**body, "data": {**PANEL_DATA, "url": "https://attacker.example"}}
    assert (await proxied.whmcs.patch(f"/block_documents/{document}", json=away)).status_code == 403  # panel_hosts
    assert (await proxied.whmcs.patch(f"/block_documents/{document}", json=body)).status_code == 204
    # As it was, for the others.
    data = {**PANEL_DATA, "password": PANEL_PASSWORD}
    assert (await proxied.whmcs.patch(f"/block_documents/{document}", json={**body, "data": data})).status_code == 204


@says("read")
async def _reads(proxied: ProxiedStack) -> None:
    assert (await proxied.whmcs.get(f"/flow_runs/{proxied.own_run}")).status_code == 200
    async with published(proxied, "dciflow_reconciliation_main", {"x": 1}):
        assert (await proxied.whmcs.get("/variables/name/dciflow_reconciliation_main")).status_code == 200


@says("look at what another installation tests")
async def _tests(proxied: ProxiedStack) -> None:
    body = {"name": UNSAVED, "data": PANEL_DATA, "block_type_id": TYPE_ID, "block_schema_id": SCHEMA_ID}
    assert (await proxied.whmcs.post("/block_documents/", json=body)).status_code in (201, 409)
    document = (await proxied.whmcs.get(f"{PANEL_TYPE}/block_documents/name/{UNSAVED}")).json()["id"]
    changed = {"data": PANEL_DATA, "block_schema_id": SCHEMA_ID, "merge_existing_data": False}
    assert (await proxied.whmcs.patch(f"/block_documents/{document}", json=changed)).status_code == 204
    assert await tried(proxied, "check-panel", panel=UNSAVED) == 201
    await proxied.inside.delete(f"/block_documents/{document}")


@says("use up the installation's rate")
async def _floods(proxied: ProxiedStack) -> None:
    calls = [proxied.whmcs.get("/variables/name/dciflow_held") for _ in range(200)]
    assert 429 in [answer.status_code for answer in await asyncio.gather(*calls)]
    assert (await proxied.whmcs.get(f"/flow_runs/{proxied.own_run}")).status_code == 200
    await asyncio.sleep(RUNS_EMPTY_SECONDS)


@says("Templates and references")
async def _templates(proxied: ProxiedStack) -> None:
    document = (await proxied.whmcs.get(f"{PANEL_TYPE}/block_documents/name/main")).json()["id"]
    for odd in (
        {"__prefect_kind": "jinja", "template": "{{ 1 }}"},
        {"__prefect_kind": "workspace_variable", "variable_name": "dciflow_held"},
        {"$ref": {"block_document_id": document}},
        {"$ref": document},
    ):
        order = {**PARAMETERS["activate"]["order"], "hostname": odd}
        assert await tried(proxied, "activate", order=order) == 422
        assert await tried(proxied, "suspend", panel=odd) == 422


@says("Runs of another kind")
async def _kinds(proxied: ProxiedStack) -> None:
    path = f"/deployments/{FLOWS['terminate'].id}/create_flow_run"
    for more in ("state", "labels", "job_variables", "work_queue_name", "schedule", "empirical_policy"):
        body = {**start_of("terminate", f"test:{uuid4()}"), more: {}}
        assert (await proxied.whmcs.post(path, json=body)).status_code == 422
    for flow in ("rehearse", "reconcile", "watch-os-install", "catalogue"):
        assert (await proxied.whmcs.get(f"/deployments/name/{flow}/whmcs")).status_code == 403
        assert (await start(proxied.whmcs, proxied.deployments[flow], f"test:{uuid4()}")).status_code == 404
    tagged = {**start_of("terminate", f"test:{uuid4()}"), "tags": ["mine"]}
    assert (await proxied.whmcs.post(path, json=tagged)).status_code == 422


@says("Keys of others")
async def _keys(proxied: ProxiedStack) -> None:
    run = (await start(proxied.whmcs, FLOWS["suspend"].id, "take-back-1042")).json()["id"]
    inside = (await proxied.inside.get(f"/flow_runs/{run}")).json()
    assert inside["idempotency_key"] == "installation:billing:take-back-1042"


@says("Decisions that wipe, give away or pass a cap")
async def _wipes(proxied: ProxiedStack) -> None:
    for decision in ("terminate", "another-server", "hand-over", "forget-server", "accept-hardware"):
        assert await tried(proxied, "decide-held", decision=decision) == 422
    assert await tried(proxied, "decide-held", past_cap=True) == 422


@says("Other panels")
async def _others(proxied: ProxiedStack) -> None:
    assert await tried(proxied, "activate", panel="third-panel") == 403
    assert await tried(proxied, "activate", panel="main?x=1") == 422
    body = {"name": "third-panel", "data": PANEL_DATA, "block_type_id": TYPE_ID, "block_schema_id": SCHEMA_ID}
    assert (await proxied.whmcs.post("/block_documents/", json=body)).status_code == 403
    assert (await proxied.whmcs.get("/variables/name/dcimanager_catalogue_third_panel")).status_code == 403


@says("One-time keys of others")
async def _one_time_keys(proxied: ProxiedStack) -> None:
    key = "4-74e7c0e9-1d2b-4c3d-8e4f-5a6b7c8d9e0f"
    mine = X25519PrivateKey.generate().public_key().public_bytes_raw()
    sealed = Seal(urlsafe_b64encode(mine).rstrip(b"=").decode()).close(SecretStr(key))
    assert key not in sealed and key.encode() not in urlsafe_b64decode(sealed + "=" * (-len(sealed) % 4))


@says("Stored secrets")
async def _secrets(proxied: ProxiedStack) -> None:
    path = f"{PANEL_TYPE}/block_documents/name/main"
    document = await proxied.whmcs.get(path)
    assert set(document.json()) == {"id", "name"}
    body = {"block_schema_id": SCHEMA_ID, "merge_existing_data": False}
    for password in ("********", ""):
        data = {**PANEL_DATA, "password": password}
        answer = await proxied.whmcs.patch(f"/block_documents/{document.json()['id']}", json={**body, "data": data})
        assert answer.status_code == 422
    read = await proxied.inside.get(f"{path}?include_secrets=true")
    assert read.json()["data"]["password"] == PANEL_PASSWORD
    whmcs = await proxied.whmcs.get("/block_types/slug/whmcs/block_documents/name/default")
    assert (whmcs.status_code, API_SECRET in whmcs.text) == (403, False)


@says("Others' runs")
async def _runs(proxied: ProxiedStack) -> None:
    assert (await proxied.whmcs.get(f"/flow_runs/{proxied.run}")).status_code == 403
    for run in (proxied.run, proxied.own_run):
        assert (await proxied.whmcs.get(f"/flow_runs/{run}/logs/download")).status_code == 403
        assert (await proxied.whmcs.delete(f"/flow_runs/{run}")).status_code == 403
        assert (await proxied.inside.get(f"/flow_runs/{run}")).status_code == 200


@pytest.mark.parametrize("sentence", list(TRIALS))
async def test_it_is_as_the_page_says(proxied: ProxiedStack, sentence: str) -> None:
    await TRIALS[sentence](proxied)


async def test_each_sentence_of_the_page_is_tried() -> None:
    _, _, last = GUIDE.read_text(encoding="utf-8").partition("## What remains possible")
    assert re.findall(r"^\* \*\*([^*]+)\*\*", last, re.MULTILINE) == list(TRIALS)
