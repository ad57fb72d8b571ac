"""The door in this process, in front of a Prefect of respx that answers what the real one does."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import respx

from door.app import create_app
from door.installations import Installation, hash_of
from door.middleware import DoorMiddleware
from door.shapes import FLOWS
from door.upstream import http_client
from tests.door.bodies import start_of

PREFECT = "http://prefect.test/api"
AUTH_STRING = "dciflow:canary-of-prefect"
SECRET = "the-secret-of-shop"
OTHER_SECRET = "the-secret-of-other"
TYPE, SCHEMA = str(uuid4()), str(uuid4())


@dataclass
class FakePrefect:
    """What Prefect was asked, and the runs, variables and panels that it has."""

    asked: list[httpx.Request] = field(default_factory=list)
    deployments: dict[str, str] = field(default_factory=lambda: {flow: str(uuid4()) for flow in FLOWS})
    runs: dict[str, dict[str, Any]] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    variables: dict[str, Any] = field(default_factory=dict)
    blocks: dict[str, dict[str, Any]] = field(default_factory=dict)
    instead: list[httpx.Response | Exception] = field(default_factory=list)
    """Answered first, one a call, whatever is asked."""

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer a call."""
        self.asked.append(request)
        if self.instead:
            answer = self.instead.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer
        parts = request.url.path.removeprefix("/api/").split("/")
        body = json.loads(request.content) if request.content else None
        match request.method, parts:
            case "GET", ["deployments", "name", flow, "whmcs"]:
                found = self.deployments.get(flow)
                return self._found({"id": found, "name": "whmcs", "parameters": {"x": 1}} if found else None)
            case "POST", ["deployments", deployment, "create_flow_run"]:
                return self._start(deployment, body)
            case "GET", ["flow_runs", run]:
                return self._found(self.runs.get(run))
            case "GET", ["variables", "name", name]:
                value = self.variables.get(name)
                return self._found({"id": str(uuid4()), "name": name, "value": value} if value is not None else None)
            case "GET", ["block_types", "slug", "dcimanager-panel"]:
                return httpx.Response(200, json={"id": TYPE, "slug": "dcimanager-panel", "code_example": "x"})
            case "POST", ["block_schemas", "filter"]:
                return httpx.Response(200, json=[{"id": SCHEMA, "fields": {"x": 1}}])
            case "GET", ["block_types", "slug", "dcimanager-panel", "block_documents", "name", name]:
                return self._found(next((b for b in self.blocks.values() if b["name"] == name), None))
            case "GET", ["block_documents", document]:
                return self._found(self.blocks.get(document))
            case "POST", ["block_documents", "filter"]:
                kind, first = body["block_documents"]["block_type_id"]["any_"][0], body["offset"]
                found = [b for b in self.blocks.values() if b["block_type"]["id"] == kind]
                return httpx.Response(200, json=found[first : first + body["limit"]])
            case "POST", ["block_documents", ""]:
                return self._store(body)
            case "PATCH", ["block_documents", document]:
                self.blocks[document]["data"] = body["data"]
                return httpx.Response(204)
        return httpx.Response(404, json={"detail": "Not Found"})

    def _found(self, what: dict[str, Any] | None) -> httpx.Response:
        return httpx.Response(404, json={"detail": "Not found"}) if what is None else httpx.Response(200, json=what)

    def _start(self, deployment: str, body: dict[str, Any]) -> httpx.Response:
        flow = next((flow for flow, known in self.deployments.items() if known == deployment), None)
        if flow is None:
            return httpx.Response(404, json={"detail": "Deployment not found"})
        known = self.keys.get(body["idempotency_key"])
        if known is not None:
            return httpx.Response(200, json=self.runs[known])
        run = {
            "id": str(uuid4()),
            "name": body["name"],
            "parameters": body["parameters"],
            "tags": ["lifecycle", *body["tags"]],
            "labels": {"dciflow.step": "ready", "prefect.flow.id": "x"},
            "state": {"type": "SCHEDULED", "message": None, "timestamp": "2026-11-27T10:00:01Z", "data": {"x": 1}},
            "job_variables": {"x": "canary-of-the-job"},
        }
        self.runs[run["id"]], self.keys[body["idempotency_key"]] = run, run["id"]
        return httpx.Response(201, json=run)

    def _store(self, body: dict[str, Any]) -> httpx.Response:
        if any(block["name"] == body["name"] for block in self.blocks.values()):
            return httpx.Response(409, json={"detail": "Block already exists"})
        return httpx.Response(201, json=self.add_panel(body["name"], body["data"]))

    def add_panel(self, name: str, data: dict[str, Any], slug: str = "dcimanager-panel") -> dict[str, Any]:
        """Have the credentials of a panel, or another block."""
        document = str(uuid4())
        block = {"id": document, "name": name, "data": data, "block_type": {"slug": slug, "id": TYPE}}
        self.blocks[document] = block
        return block

    def bodies(self, method: str = "POST") -> list[Any]:
        """What it was sent."""
        return [json.loads(one.content) for one in self.asked if one.method == method and one.content]


@dataclass
class Door:
    """The door: clients of two installations, what Prefect has, and the lines of the log."""

    shop: httpx.AsyncClient
    other: httpx.AsyncClient
    prefect: FakePrefect
    log: list[str]
    app: DoorMiddleware

    async def start(self, flow: str, body: dict[str, Any] | None = None, *, by: str = "shop") -> httpx.Response:
        """Start a flow as the module does."""
        client = self.shop if by == "shop" else self.other
        return await client.post(f"/deployments/{FLOWS[flow].id}/create_flow_run", json=body or start_of(flow))

    def lines(self) -> list[dict[str, Any]]:
        """The log, parsed."""
        return [json.loads(line) for line in self.log]


def installation(name: str, secret: str, **more: Any) -> Installation:
    """An installation as the file may have it."""
    return Installation.model_validate({"name": name, "secret": hash_of(secret), "panels": ["main"], **more})


SHOP = installation("shop", SECRET, panels=["main", "shop-*"], whmcs="0f1e2d3c4b5a", calls_per_second=1000,
                    urgent_calls_per_second=1000)  # fmt: skip
OTHER = installation("other", OTHER_SECRET, panels=["theirs"])


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    """The door for two installations, `shop` and `other`."""
    async with opened(SHOP, OTHER) as opened_door:
        yield opened_door


class opened:
    """The door for some installations, for a block; the clients are those of `shop` and `other`."""

    def __init__(self, *installations: Installation, source: str = "192.0.2.10") -> None:
        self._installations = {one.name: one for one in installations}
        self._source = source

    async def __aenter__(self) -> Door:
        prefect, log = FakePrefect(), list[str]()
        self._router = respx.mock(base_url=PREFECT, assert_all_called=False)
        self._router.start()
        self._router.route().mock(side_effect=prefect)
        self._http = http_client(PREFECT, AUTH_STRING)
        app = create_app(self._installations, self._http, log=log.append)
        transport = httpx.ASGITransport(app, client=(self._source, 1), raise_app_exceptions=False)
        self._clients = [
            httpx.AsyncClient(base_url="http://door.test/api", auth=auth, transport=transport)
            for auth in (("shop", SECRET), ("other", OTHER_SECRET))
        ]
        return Door(*self._clients, prefect, log, app)

    async def __aexit__(self, *_: object) -> None:
        for client in [*self._clients, self._http]:
            await client.aclose()
        self._router.stop()


def is_id(text: str) -> bool:
    """Whether a text is an id."""
    return str(UUID(text)) == text
