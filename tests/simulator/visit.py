"""A simulated data centre, its clock, and somebody signed in to its panel."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import httpx

from simulator.http.app import Simulation
from simulator.panel.clock import ManualClock


@dataclass
class Visit:
    """A simulation and a client of its panel."""

    simulation: Simulation
    clock: ManualClock
    http: httpx.AsyncClient

    async def login(self, email: str = "admin@panel.example", password: str = "simulated-panel-password") -> str:
        answer = await self.http.post("/auth/v4/public/token", json={"email": email, "password": password})
        token: str = answer.json()["token"]
        self.http.headers["x-xsrf-token"] = token
        return token

    async def much_later(self, seconds: float) -> None:
        """Longer than a session lives."""
        self.clock.advance(seconds)
        await self.login()

    async def get(self, path: str, **query: str) -> Any:
        answer = await self.http.get(f"/dci/v3/{path}", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def post(self, path: str, **body: Any) -> Any:
        answer = await self.http.post(f"/dci/v3/{path}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def refused(self, method: str, path: str, body: Any = None, status: int = 400) -> tuple[int, str]:
        answer = await self.http.request(method, f"/dci/v3/{path}", json=body)
        assert answer.status_code == status, answer.text
        error = answer.json()["error"]
        return error["code"], error["msg"]

    async def ids(self, where: str) -> list[int]:
        return [row["id"] for row in (await self.get("server", where=where, limit="500"))["list"]]

    async def new_user(self, email: str = "u@example.com") -> int:
        user = await self.post("user", email=email, full_name="U Ser", password="their-own-password", role="@user")
        number: int = user["id"]
        return number


Visiting = Callable[..., Awaitable[Visit]]
