"""A panel whose servers change at set times, on a clock that moves when somebody sleeps; every call is counted."""

import asyncio
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import httpx

from dcimanager.panel import Panel
from dcimanager.server_row import Server
from dcimanager.transport import PanelAccess

TICKS = 10
"""How often a sleeping task lets the others run before its time comes: one of them may wake it."""


def row(number: int) -> dict[str, Any]:
    """A server in the midst of an installation."""
    return {
        "id": number,
        "name": f"srv-{number}",
        "owner_email": "anna@example.com",
        "power": "on",
        "serial": f"SER{number}",
        "mac": f"02:00:00:00:00:{number % 100:02}",
        "barcode": f"B{number}",
        "operation": {
            "id": 900 + number,
            "type": "os_install",
            "status": "in_progress",
            "status_info": "",
            "progress_info": [{"name": "install_os", "status": "in_progress"}],
        },
    }


class ScriptedPanel:
    """`looks` are the times at which the list was asked for, `gets` the servers that were asked for one by one."""

    def __init__(self, servers: int = 3) -> None:
        self.rows = {number: row(number) for number in range(1, servers + 1)}
        self.time = 0.0
        self.looks: list[float] = []
        self.asked: list[str] = []
        self.gets: list[int] = []
        self.unlisted: set[int] = set()
        self.fault: BaseException | httpx.Response | None = None
        self.filter_refused = False
        self._later: list[tuple[float, Callable[[], object]]] = []
        access = PanelAccess(name="main", url="https://panel.example.com", username="u", password="p")
        self.panel = Panel(access, http=httpx.MockTransport(self.answer), sleep=self.sleep, now=lambda: self.time)

    def later(self, at: float, change: Callable[[], object]) -> None:
        """Let something happen on the panel at that time."""
        self._later.append((at, change))

    def installed(self, number: int) -> None:
        """End the server's installation successfully."""
        self.rows[number]["operation"]["status"] = "finished"

    async def sleep(self, seconds: float) -> None:
        end = self.time + seconds
        for _ in range(TICKS):
            await asyncio.sleep(0)
        self.time = max(self.time, end)

    def seen(self, number: int) -> Server:
        """The server as a caller read it right before it began to wait."""
        return Server.model_validate(self.rows[number])

    async def wait(self, number: int, left: float = 600, **more: float) -> tuple[bool, float]:
        """Wait for the server; what was told, and when."""
        more.setdefault("waited", 0)
        told = await self.panel.watch.until_changed(self.seen(number), left=left, **more)
        return told, self.time

    def answer(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/token"):
            return httpx.Response(201, json={"token": "abc"})
        due = [change for at, change in self._later if at <= self.time]
        self._later = [(at, change) for at, change in self._later if at > self.time]
        for change in due:
            change()
        if isinstance(self.fault, httpx.Response):
            return self.fault
        if self.fault is not None:
            raise self.fault
        one = re.fullmatch(r"/dci/v3/server/(\d+)", request.url.path)
        if one is not None:
            self.gets.append(int(one[1]))
            found = self.rows.get(int(one[1]))
            gone = httpx.Response(404, json={"error": {"code": 3080, "msg": "Instance not found"}})
            return gone if found is None else httpx.Response(200, json=found)
        return self._list(str(request.url), parse_qs(request.url.query.decode()))

    def _list(self, address: str, query: dict[str, list[str]]) -> httpx.Response:
        where = query.get("where", [""])[0]
        if where and self.filter_refused:
            return httpx.Response(400, json={"error": {"code": 4000, "msg": "Invalid query"}})
        self.looks.append(self.time)
        self.asked.append(address)
        wanted = {int(number) for number in re.findall(r"id EQ (\d+)", where)} or set(self.rows)
        rows = [self.rows[number] for number in sorted(wanted & self.rows.keys() - self.unlisted)]
        offset, count = map(int, query["limit"][0].split(","))
        return httpx.Response(200, json={"list": rows[offset : offset + count], "size": len(rows)})
