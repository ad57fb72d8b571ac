"""The door with TLS of its own, in several processes, and started again: it needs nothing that was before."""

import asyncio
import ssl
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from door.panels import SCHEMA_ID, TYPE_ID
from door.shapes import FLOWS
from simulator.processes import free_port
from tests.door.bodies import PANEL_DATA
from tests.nginx.conftest import ProxiedStack, start
from tests.nginx.nginx_proxy import AUTH_STRING, CERTIFICATE, open_door
from tests.nginx.test_nginx_proxy import PANEL_TYPE

pytestmark = [pytest.mark.prefect, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]


async def test_two_processes_with_tls_answer_alike_and_so_do_the_next_two(
    proxied: ProxiedStack, tmp_path: Path
) -> None:
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    made = await asyncio.create_subprocess_shell(CERTIFICATE.format(certificate=certificate, key=key))
    assert await made.wait() == 0
    port, config = free_port(), tmp_path / "door.toml"
    said = await proxied.stack.command(
        "door", "add", "alone", "--panel", "main", "--panel", "shop-*", "--config", str(config)
    )
    name, _, secret = said.split()[-1].partition(":")
    options = ("--certificate", str(certificate), "--key", str(key), "--processes", "2")
    once, runs, documents = f"test:{uuid4()}", set(), set()
    for _ in range(2):
        async with open_door(proxied.stack, port, config, AUTH_STRING, *options):
            for _ in range(4):  # a connection each, so that both processes have a part in it
                trust = ssl.create_default_context(cafile=str(certificate))
                async with httpx.AsyncClient(
                    base_url=f"https://127.0.0.1:{port}/api", auth=(name, secret), verify=trust, timeout=30
                ) as http:
                    answer = await start(http, FLOWS["suspend"].id, once)
                    assert answer.status_code in (200, 201), answer.text
                    runs.add(answer.json()["id"])
                    assert (await http.get(f"/flow_runs/{answer.json()['id']}")).status_code == 200
                    assert (await http.get(f"/flow_runs/{proxied.own_run}")).status_code == 403
                    # Its number among all panels is Prefect's own answer.
                    body = {"data": PANEL_DATA, "block_type_id": TYPE_ID, "block_schema_id": SCHEMA_ID}
                    stored = await http.post("/block_documents/", json={**body, "name": "shop-1"})
                    assert stored.status_code in (201, 409), stored.text
                    documents.add((await http.get(f"{PANEL_TYPE}/block_documents/name/shop-1")).json()["id"])
            with pytest.raises(httpx.HTTPError):
                async with httpx.AsyncClient(auth=(name, secret)) as plain:
                    await plain.get(f"http://127.0.0.1:{port}/api/flow_runs/{proxied.own_run}")
    assert len(runs) == len(documents) == 1
    assert (await proxied.inside.delete(f"/block_documents/{documents.pop()}")).status_code == 204
