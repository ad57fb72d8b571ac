"""What staff's browsers and workers of other machines need of the documented web server in front of Prefect."""

import json
import ssl
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect

from tests.nginx.conftest import ProxiedStack
from tests.nginx.nginx_proxy import AUTH, AUTH_STRING, open_front

pytestmark = [pytest.mark.prefect, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]


async def test_staff_see_the_ui_and_runs_send_their_events_through_it(proxied: ProxiedStack, tmp_path: Path) -> None:
    async with open_front(proxied.stack, tmp_path) as front:
        trust = ssl.create_default_context(cafile=str(tmp_path / "staff-certificate.pem"))
        async with httpx.AsyncClient(base_url=front, verify=trust, follow_redirects=True) as browser:
            page = await browser.get("/")
            assert (page.status_code, page.url.host, page.url.scheme) == (200, "127.0.0.1", "https")
            assert "<title>Prefect" in page.text
            assert (await browser.post("/api/flows/count", json={})).status_code == 401
            assert (await browser.post("/api/flows/count", auth=AUTH, json={})).status_code == 200

        events = f"{front.replace('https', 'wss')}/api/events/out"
        async with connect(events, ssl=trust, subprotocols=["prefect"]) as socket:  # type: ignore[list-item]
            await socket.send(json.dumps({"type": "auth", "token": AUTH_STRING}))
            assert json.loads(await socket.recv())["type"] == "auth_success"
