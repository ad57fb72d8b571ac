from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import prefect
import pytest
from prefect.exceptions import ObjectNotFound

from dciflow import notifications
from dciflow.doctor import prefect_server
from dciflow.doctor.findings import Verdict
from dciflow.doctor.prefect_server import (
    check_answer,
    check_auth,
    check_deployments,
    check_listening,
    check_messages,
    check_pool,
    listeners,
)

NOW = datetime(2027, 1, 1, 12, tzinfo=UTC)
HERE = "http://127.0.0.1:4200/api"
OURS = {
    "activate/whmcs": {
        "entrypoint": "flows.activate.activate",
        "description": "A paid service gets its server.",
        "work_pool": {"name": "dcimanager", "work_queue_name": "default"},
    }
}


def verdicts(found: Any) -> list[Verdict]:
    return [one.verdict for one in found]


class Server:
    """What Prefect's server answers; each test changes what is wrong with it."""

    error: Exception | None = None
    version = prefect.__version__
    pool: Any = SimpleNamespace(type="dciflow", is_paused=False)
    workers: tuple[Any, ...] = (SimpleNamespace(name="one", last_heartbeat_time=NOW - timedelta(seconds=20)),)
    queues: tuple[Any, ...] = (SimpleNamespace(name="default"), SimpleNamespace(name="urgent"))
    deployment: Any = SimpleNamespace(
        name="whmcs", flow_id="activate", entrypoint="flows.activate.activate", paused=False,
        work_pool_name="dcimanager",
        description="A paid service gets its server.", work_queue_name="default",
    )  # fmt: skip

    async def api_healthcheck(self) -> Exception | None:
        return self.error

    async def api_version(self) -> str:
        return self.version

    async def read_work_pool(self, name: str) -> Any:
        if self.pool is None:
            raise ObjectNotFound(RuntimeError())
        return self.pool

    async def read_workers_for_work_pool(self, name: str) -> Any:
        return self.workers

    async def read_work_queues(self, work_pool_name: str) -> Any:
        return self.queues

    async def read_deployments(self) -> list[Any]:
        return [] if self.deployment is None else [self.deployment]

    async def read_flow(self, flow_id: str) -> Any:
        return SimpleNamespace(name=flow_id)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    here = Server()

    @asynccontextmanager
    async def asked() -> AsyncIterator[Server]:
        yield here

    monkeypatch.setattr(prefect_server, "asked", asked)
    return here


async def test_a_server_that_answers_in_this_version_is_ok(server: Server) -> None:
    assert verdicts(await check_answer(HERE)) == [Verdict.OK]


async def test_a_server_that_is_away_or_of_another_version_is_wrong(server: Server) -> None:
    server.version = "3.0.0"
    assert verdicts(await check_answer(HERE)) == [Verdict.WRONG]
    server.error = httpx.ConnectError("canary")
    [found] = await check_answer(HERE)
    assert found.verdict is Verdict.WRONG and "canary" not in found.what


@pytest.mark.parametrize(
    ("url", "status", "expected"),
    [
        (HERE, 401, [Verdict.OK]),
        (HERE, 200, [Verdict.WRONG]),
        ("https://prefect.example.com/api", 401, [Verdict.OK]),
        ("http://prefect.example.com/api", 401, [Verdict.OK, Verdict.WRONG]),
    ],
)
async def test_who_may_ask_the_api(url: str, status: int, expected: list[Verdict]) -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(status)

    assert verdicts(await check_auth(url, httpx.MockTransport(answer))) == expected
    assert "authorization" not in asked[0].headers and asked[0].method == "GET"


TCP = """  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1068 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1001        0 1 1 0 100 0 0 10 0
   1: 00000000:1068 0100007F:9999 01 00000000:00000000 00:00000000 00000000  1001        0 1 1 0 100 0 0 10 0
"""


def test_a_port_of_this_machine_only_is_ok_and_an_open_one_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "tcp").write_text(TCP)
    assert listeners(tmp_path, 4200) == ["127.0.0.1"]
    assert verdicts(check_listening(HERE, tmp_path)) == [Verdict.OK]
    (tmp_path / "tcp6").write_text(TCP.replace("0100007F:1068", "00000000000000000000000000000000:1068"))
    assert listeners(tmp_path, 4200) == ["127.0.0.1", "::"]
    [found] = check_listening(HERE, tmp_path)
    assert found.verdict is Verdict.WRONG and "::" in found.what


def test_a_server_elsewhere_is_looked_at_there(tmp_path: Path) -> None:
    assert verdicts(check_listening("https://prefect.example.com/api", tmp_path)) == [Verdict.LOOK]


async def test_a_pool_with_a_worker_that_lives_is_ok(server: Server) -> None:
    [found] = await check_pool(NOW)
    assert (found.verdict, found.what) == (Verdict.OK, "workers that live: one")


@pytest.mark.parametrize(
    ("change", "verdict", "said"),
    [
        ({"pool": None}, Verdict.WRONG, "no work pool"),
        ({"pool": SimpleNamespace(type="process", is_paused=False)}, Verdict.WRONG, "of type process"),
        ({"pool": SimpleNamespace(type="dciflow", is_paused=True)}, Verdict.LOOK, "paused"),
        ({"queues": ()}, Verdict.WRONG, "urgent is not there"),
        ({"workers": ()}, Verdict.WRONG, "none was ever there"),
        (
            {"workers": (SimpleNamespace(name="one", last_heartbeat_time=NOW - timedelta(hours=1)),)},
            Verdict.WRONG,
            "2027-01-01 11:00",
        ),
    ],
    ids=["no pool", "another type", "paused", "no urgent queue", "no worker", "a dead worker"],
)
async def test_what_is_wrong_with_a_pool_is_said(
    server: Server, change: dict[str, Any], verdict: Verdict, said: str
) -> None:
    for name, value in change.items():
        setattr(server, name, value)
    [found] = [one for one in await check_pool(NOW) if one.verdict is not Verdict.OK]
    assert found.verdict is verdict and said in found.what


async def test_deployments_of_this_release_are_ok(server: Server) -> None:
    assert verdicts(await check_deployments(OURS)) == [Verdict.OK]


@pytest.mark.parametrize(
    ("change", "verdict", "said"),
    [
        (None, Verdict.WRONG, "missing: activate/whmcs"),
        ({"entrypoint": "flows/activate.py:activate"}, Verdict.WRONG, "another release: activate/whmcs"),
        ({"work_queue_name": "urgent"}, Verdict.WRONG, "another release"),
        ({"paused": True}, Verdict.LOOK, "paused: activate/whmcs"),
    ],
)
async def test_what_is_wrong_with_deployments_is_said(
    server: Server, change: dict[str, Any] | None, verdict: Verdict, said: str
) -> None:
    server.deployment = None if change is None else SimpleNamespace(**{**vars(Server.deployment), **change})
    [found] = await check_deployments(OURS)
    assert found.verdict is verdict and said in found.what


async def test_messages_to_staff_are_set_up_or_not(monkeypatch: pytest.MonkeyPatch) -> None:
    there = [one.automation([], enabled=True) for one in notifications.NOTIFICATIONS]
    odd: list[tuple[str, str]] = []

    async def registered() -> tuple[list[Any], list[tuple[str, str]]]:
        return there, odd

    monkeypatch.setattr(notifications, "registered", registered)
    assert verdicts(await check_messages()) == [Verdict.OK]
    there[1] = notifications.NOTIFICATIONS[1].automation([], enabled=False)
    [off] = await check_messages()
    assert off.verdict is Verdict.LOOK and "switched off: dciflow: HELD" in off.what
    there.pop()
    assert verdicts(await check_messages()) == [Verdict.LOOK, Verdict.LOOK]
    odd.append(("Automation dciflow: test", "1 fault(s)"))
    assert Verdict.WRONG in verdicts(await check_messages())
