"""What a call passes first: its address, its secret, the place it comes from."""

import base64

import httpx
import pytest

from door.middleware import DoorMiddleware
from door.shapes import FLOWS
from tests.door.conftest import SECRET, SHOP, Door, installation, opened

RUN = "00000000-0000-4000-8000-000000000000"
PANEL_TYPE = "/block_types/slug/dcimanager-panel"


async def as_it_is(door: Door, method: str, path: str) -> httpx.Response:
    """Send a path without tidying it up."""
    request = door.shop.build_request(method, "/", json={} if method in ("POST", "PATCH", "PUT") else None)
    request.url = request.url.copy_with(raw_path=f"/api{path}".encode())
    return await door.shop.send(request)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"{PANEL_TYPE}/block_documents/name/main?include_secrets=true"),
        ("GET", f"{PANEL_TYPE}/block_documents/name/main?"[:-1] + "?x"),
        ("GET", f"{PANEL_TYPE}/block_documents/name/%6dain"),
        ("GET", f"{PANEL_TYPE}/block_documents/name/main%3Finclude_secrets"),
        ("GET", f"{PANEL_TYPE}/block_documents/name/main;x"),
        ("GET", f"{PANEL_TYPE}/block_documents/name/Main"),
        ("GET", f"{PANEL_TYPE}/block_documents/name/a_b"),
        ("GET", f"{PANEL_TYPE}/block_documents/name/..%2f..%2fx"),
        ("GET", f"{PANEL_TYPE}/../whmcs"),
        ("GET", f"{PANEL_TYPE}/block_documents"),
        ("GET", "/block_types/slug/whmcs"),
        ("POST", "/block_documents"),
        ("DELETE", f"/block_documents/{RUN}"),
        ("GET", f"/flow_runs/{RUN}/"),
        ("GET", f"//flow_runs/{RUN}"),
        ("GET", f"/flow_runs/{RUN.upper()}A"),
        ("GET", "/flow_runs/not-an-id"),
        ("HEAD", f"/flow_runs/{RUN}"),
        ("OPTIONS", f"/flow_runs/{RUN}"),
        ("PUT", f"/flow_runs/{RUN}"),
        ("POST", f"/flow_runs/{RUN}/set_state"),
        ("POST", "/flow_runs/filter"),
        ("GET", "/deployments/name/watch-os-install/whmcs"),
        ("GET", "/deployments/name/activate/other"),
        ("POST", f"/deployments/{FLOWS['suspend'].id}/create_flow_run/bulk"),
        ("GET", "/variables/name/other"),
        ("PATCH", "/variables/name/dciflow_held"),
        ("GET", "/admin/settings"),
        ("GET", "/openapi.json"),
        ("GET", "/docs"),
        ("GET", "/"),
        ("GET", ""),
    ],
)
async def test_everything_else_is_refused_and_prefect_is_not_asked(door: Door, method: str, path: str) -> None:
    answer = await as_it_is(door, method, path)
    assert answer.status_code == 403
    assert method == "HEAD" or answer.json()["detail"].startswith("WHMCS may not make this call")
    assert door.prefect.asked == []
    assert door.lines()[-1]["status"] == 403


@pytest.mark.parametrize("auth", [None, ("shop", "wrong"), ("nobody", SECRET), ("shop", ""), ("", "")])
async def test_nobody_without_a_secret_is_let_in(door: Door, auth: tuple[str, str] | None) -> None:
    door.shop.auth = auth  # type: ignore[assignment]
    for path in ("/deployments/name/suspend/whmcs", "/nothing", "/x?y"):
        answer = await door.shop.get(path)
        assert answer.status_code == 401
        assert answer.json()["detail"].startswith("The user or the secret of WHMCS is wrong")
        assert answer.headers["WWW-Authenticate"] == 'Basic realm="dciflow"'
    assert door.prefect.asked == []
    assert door.lines()[-1]["installation"] is None


async def test_two_authorizations_are_none(door: Door) -> None:
    word = "Basic " + base64.b64encode(f"shop:{SECRET}".encode()).decode()
    headers = [("Authorization", word), ("Authorization", word)]
    door.shop.auth = None  # type: ignore[assignment]
    assert (await door.shop.get("/deployments/name/suspend/whmcs", headers=headers)).status_code == 401


@pytest.mark.parametrize(("source", "status"), [("192.0.2.10", 200), ("192.0.2.11", 403)])
async def test_a_call_from_elsewhere_is_refused_with_the_right_secret(source: str, status: int) -> None:
    near = installation("shop", SECRET, addresses=["192.0.2.10"])
    async with opened(near, source=source) as door:
        assert (await door.shop.get("/deployments/name/suspend/whmcs")).status_code == status


async def test_a_web_socket_is_closed() -> None:
    said: list[str] = []

    async def send(message: object) -> None:
        said.append(str(message))

    async def nobody(*_: object) -> None:
        raise AssertionError("it came through")

    await DoorMiddleware(nobody, {"shop": SHOP}, print)({"type": "websocket", "path": "/api/events/in"}, nobody, send)  # type: ignore[arg-type]
    assert said == ["{'type': 'websocket.close', 'code': 1008}"]
