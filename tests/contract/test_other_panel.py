"""The second fake panel keeps its own rules, whoever calls it."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import yaml

from simulator.panel.clock import ManualClock
from tests.contract.other_panel import timing
from tests.contract.other_panel.app import CALLS, OtherPanel
from tests.contract.other_panel.description import DEFINITIONS
from tests.contract.other_panel.stock import ADMIN, ADMIN_PASSWORD, CLIENTS


class Browser:
    """Somebody with a session on the panel."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.panel = OtherPanel(self.clock)
        self.panel.asleep.clear()
        transport = httpx.ASGITransport(app=self.panel.app)
        self.http = httpx.AsyncClient(transport=transport, base_url="https://other.example")

    async def ask(self, method: str, path: str, body: Any = None) -> httpx.Response:
        return await self.http.request(method, path, json=body)

    async def sign_in(self) -> None:
        answer = await self.ask("POST", "/auth/v4/public/token", {"email": ADMIN, "password": ADMIN_PASSWORD})
        assert answer.status_code == 201
        self.http.headers["x-xsrf-token"] = answer.json()["token"]

    async def server(self, number: int = 501) -> Any:
        answer = await self.ask("GET", f"/dci/v3/server?where=id EQ {number}")
        return answer.json()["list"][0]

    async def owner(self, number: int = 501) -> None:
        body = {"email": "u@example.com", "full_name": "U", "password": "p", "role": "@user"}
        made = await self.ask("POST", "/dci/v3/user", body)
        await self.ask("POST", f"/dci/v3/server/{number}/assign", {"account": made.json()["id"]})
        self.clock.advance(timing.OWNER)


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    one = Browser()
    await one.sign_in()
    yield one
    await one.http.aclose()


def refused(answer: httpx.Response) -> tuple[int, int]:
    return answer.status_code, answer.json()["error"]["code"]


async def test_the_first_call_of_each_service_finds_it_asleep(browser: Browser) -> None:
    browser.panel.asleep = {"ip", "dci"}
    first = await browser.ask("GET", "/ip/v3/group")
    assert (first.status_code, first.text) == (503, "Unavailable")
    assert (await browser.ask("GET", "/ip/v3/group")).status_code == 200
    assert (await browser.ask("GET", "/dci/v3/server")).status_code == 503


async def test_a_dead_session_is_told_by_code_1000(browser: Browser) -> None:
    browser.clock.advance(timing.SESSION)
    assert (await browser.ask("GET", "/dci/v3/user")).status_code == 200
    browser.clock.advance(timing.SESSION + 1)
    assert refused(await browser.ask("GET", "/dci/v3/user")) == (400, 1000)


@pytest.mark.parametrize(
    ("method", "path", "body", "error"),
    [
        ("POST", "/dci/v3/server/501/owner", {"owner": 1}, (404, 1106)),
        ("POST", "/dci/v3/server/501/assign", {"owner": 1}, (400, 3008)),
        ("POST", "/dci/v3/server/501/assign", {"account": "1"}, (400, 3009)),
        ("POST", "/dci/v3/server/501/assign", {}, (400, 3006)),
        ("GET", "/dci/v3/server/999", None, (404, 3080)),
        ("POST", "/dci/v3/server/501/power/up", {}, (400, 4201)),
        ("GET", "/dci/v3/server?where=id LIKE 5", None, (400, 3011)),
        ("GET", "/dci/v3/server?where=colour EQ 5", None, (400, 3010)),
    ],
)
async def test_what_the_panel_does_not_know_is_refused(
    browser: Browser, method: str, path: str, body: Any, error: tuple[int, int]
) -> None:
    assert refused(await browser.ask(method, path, body)) == error


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("(owner_email IS null) AND is_new EQ false AND location_id EQ 22", [503]),
        ("NOT (configuration CP 'EPYC%')", [504]),
        ("(id EQ 501) OR (id EQ '504')", [501, 504]),
        ("id NE 501 AND id NE 502 AND owner IS null", [503, 504]),
    ],
)
async def test_lists_are_filtered(browser: Browser, where: str, found: list[int]) -> None:
    answer = (await browser.ask("GET", f"/api/dci/v3/server?where={where}")).json()
    assert ([row["id"] for row in answer["list"]], answer["size"]) == (found, len(found))


async def test_what_is_asked_for_is_seen_later(browser: Browser) -> None:
    await browser.owner()
    answer = await browser.ask("POST", "/dci/v3/server/501/os/deploy", {"template": 2, "root_password": "p"})
    assert answer.json() == {"id": "501", "task": "t-501"}
    assert (await browser.server())["operation"] is None
    browser.clock.advance(timing.OPERATION_APPEARS)
    assert (await browser.server())["operation"]["status"] == "in progress"
    browser.clock.advance(timing.INSTALLATION)
    row = await browser.server()
    assert (row["operation"]["status"], row["os_template"]["id"]) == ("ok", 2)


async def test_a_port_changes_when_the_switch_has_done_it(browser: Browser) -> None:
    await browser.ask("POST", "/dci/v3/switch/9/interface/11/disable", {})
    browser.clock.advance(timing.PORT - 1)
    assert (await browser.server())["switch_connection"][1]["admin_status"] == "enabled"
    browser.clock.advance(1)
    assert (await browser.server())["switch_connection"][1]["admin_status"] == "disabled"
    assert browser.panel.world.alarms == []


async def test_a_cancelled_operation_goes_on_for_a_minute_and_clears_nothing(browser: Browser) -> None:
    browser.panel.world.machines[501].disk = "data"
    await browser.ask("POST", "/dci/v3/server/501/hardware_check", {"erase_drives": True})
    browser.clock.advance(timing.OPERATION_APPEARS)
    number = (await browser.server())["operation"]["id"]
    await browser.ask("POST", f"/dci/v3/operation/{number}", {"state": "canceled"})
    assert (await browser.server())["operation"]["status"] == "in progress"
    browser.clock.advance(timing.DIAGNOSTICS)
    assert (await browser.server())["operation"]["status"] == "canceled"
    assert browser.panel.world.machines[501].disk == "data"


async def test_diagnostics_clear_the_disks_only_if_asked(browser: Browser) -> None:
    machine = browser.panel.world.machines[501]
    machine.disk = "data"
    for erase, left in ((False, "data"), (True, None)):
        await browser.ask("POST", "/dci/v3/server/501/hardware_check", {"erase_drives": erase})
        browser.clock.advance(timing.OPERATION_APPEARS)
        await browser.server()
        browser.clock.advance(timing.DIAGNOSTICS)
        await browser.server()
        assert machine.disk == left
    assert [deed.what for deed in machine.deeds] == [
        "diagnostics begun", "checked", "diagnostics begun", "erased",
    ]  # fmt: skip
    assert browser.panel.world.alarms == []


@pytest.mark.parametrize(
    ("path", "body", "alarm"),
    [
        ("server/501/hardware_check", {"erase_drives": True}, "erased while user"),
        ("server/502/os/deploy", {"template": 2, "root_password": "p"}, "no owner"),
        ("switch/9/interface/10/disable", {}, "BMC"),
        ("server/502/disk/erase", {}, "erased at once"),
        ("rack/1/power/down", {}, "rack 1"),
        ("server/501/assign", {"account": 1}, "from user"),
    ],
)
async def test_what_must_never_happen_raises_an_alarm(browser: Browser, path: str, body: Any, alarm: str) -> None:
    await browser.owner(501)
    assert browser.panel.world.alarms == []
    assert (await browser.ask("POST", f"/dci/v3/{path}", body)).status_code == 200
    assert [alarm in text for text in browser.panel.world.alarms] == [True]


async def test_a_server_with_data_on_its_disks_is_not_given_out_in_silence(browser: Browser) -> None:
    browser.panel.world.machines[501].disk = "data"
    await browser.owner(501)
    assert browser.panel.world.alarms == ["server 501 is given out with data on its disks"]


async def test_addresses_are_taken_from_the_group_and_given_back(browser: Browser) -> None:
    free = len(browser.panel.world.pools[CLIENTS])
    await browser.ask("POST", "/ip/v3/server/501/address", {"ip_group": CLIENTS, "protocol": "inet", "amount": 2})
    given = (await browser.ask("GET", "/ip/v3/server/501/address")).json()["list"]
    assert [row["status"] for row in given] == ["reserving", "reserving"]
    browser.clock.advance(timing.ADDRESS)
    for row in given:
        await browser.ask("DELETE", f"/ip/v3/server/501/address/{row['id']}")
    browser.clock.advance(timing.ADDRESS)
    assert (await browser.ask("GET", "/ip/v3/server/501/address")).json()["size"] == 0
    assert len(browser.panel.world.pools[CLIENTS]) == free


async def test_the_panel_describes_each_of_its_calls_once(browser: Browser) -> None:
    page = (await browser.http.get("/swagger/")).text
    described = []
    for file in DEFINITIONS:
        assert f"definitions/{file}" in page
        text = (await browser.http.get(f"/swagger/definitions/{file}")).text
        document = yaml.safe_load(text) if file.endswith(".yaml") else json.loads(text)
        base = document["basePath"].removeprefix("/api") if "basePath" in document else document["servers"][0]["url"]
        described += [
            (method.upper(), f"{base}{path}"[1:]) for path, item in document["paths"].items() for method in item
        ]
    assert sorted(described) == sorted((call.method, f"{call.service}/{call.path}") for call in CALLS)
    assert (await browser.http.get("/swagger/definitions/other.json")).status_code == 404
