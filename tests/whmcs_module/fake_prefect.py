"""A Prefect server of a hundred lines: what the module asks of one, and every way in which it may not answer.

Source: docs/sources.md, Prefect 1.1 to 1.7 (201 and 200 of a key, 409 of a duplicate name, 422 that echoes the
request).
"""

import base64
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from ledger.orders import Order
from ledger.service_identity import ServiceIdentity
from ledger.wishes import ServiceWish
from runtime.sealing import PublicKey
from runtime.ssh_public_key import SshPublicKey

COMMANDS = ("activate", "suspend", "unsuspend", "terminate")
ERRANDS = ("power", "sign-in", "reinstall", "change-addresses", "change-order", "set-ptr", "rescue", "rename")
FLOWS = (*COMMANDS, *ERRANDS, "check-panel", "adopt", "decide-held")
BODY = {"name", "parameters", "tags", "idempotency_key"}
Fault = Literal["500", "429", "502", "503", "504", "401", "403", "html", "slow", "lost", "cut"]
SLOW_SECONDS = 12
"""Longer than the ten seconds that a module call may take in all."""


class _Parameters(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    service_id: int
    panel: str
    requested_by: Literal["cron", "admin", "client", "api"]
    identity: ServiceIdentity
    asked_at: datetime
    who: str | None = Field(default=None, min_length=1, max_length=80)


class _Activation(_Parameters):
    order: Order


class _TakingAway(_Parameters):
    wish: ServiceWish


class _Power(_Parameters):
    command: Literal["on", "off", "reboot", "look"]


class _Rescue(_Parameters):
    command: Literal["start", "leave"]


class _Reinstall(_Parameters):
    os_template: str
    hostname_typed: str
    ssh_key: SshPublicKey | None = None


class _ChangeAddresses(_Parameters):
    ipv4_count: int
    give_back: str
    ipv6_count: int | None


class _SignIn(_Parameters):
    public_key: PublicKey


class _SetPtr(_Parameters):
    address: str
    name: str


class _Rename(_Parameters):
    hostname: str


_WANTED: dict[str, type[_Parameters]] = {
    "activate": _Activation,
    "suspend": _TakingAway,
    "terminate": _TakingAway,
    "power": _Power,
    "reinstall": _Reinstall,
    "change-addresses": _ChangeAddresses,
    "change-order": _Activation,
    "set-ptr": _SetPtr,
    "rescue": _Rescue,
    "rename": _Rename,
    "sign-in": _SignIn,
}


@dataclass
class FakeRun:
    """A flow run. body: as it was asked for. asked: how often it was created, repeats included."""

    id: str
    flow: str
    body: dict[str, Any]
    state: dict[str, Any] = field(default_factory=lambda: state("SCHEDULED"))
    labels: dict[str, Any] = field(default_factory=dict)
    asked: int = 1

    @property
    def parameters(self) -> dict[str, Any]:
        return dict(self.body["parameters"])

    def becomes(self, type_: str, message: str = "", since: float = 0, **labels: Any) -> None:
        """Move to a state that began `since` seconds ago; labels without their dciflow. prefix."""
        self.state = state(type_, message, since)
        self.labels.update({f"dciflow.{name}": value for name, value in labels.items()})


def state(type_: str, message: str = "", since: float = 0) -> dict[str, Any]:
    at = datetime.fromtimestamp(time.time() - since, UTC).isoformat()
    return {"type": type_, "name": type_.title(), "message": message or None, "timestamp": at}


class FakePrefect:
    """What the server remembers, and what the test tells it to do.

    ends: flow -> (state, message, labels) that its next runs have as soon as somebody reads them; labels may be made of
    the run. graces: flow ->
    seconds after which its next runs come: each hands over to a run that is scheduled for then. faults: played one a
    request to paths that contain the text. auth: "user:password" that it asks for, "" for none.
    """

    def __init__(self) -> None:
        self.deployments = {flow: str(uuid4()) for flow in FLOWS}
        self.auth = ""
        self.runs: list[FakeRun] = []
        self.ends: dict[str, tuple[str, str, dict[str, Any] | Callable[[FakeRun], dict[str, Any]]]] = {}
        self.graces: dict[str, float] = {}
        self.blocks: dict[str, dict[str, Any]] = {}
        self.variables: dict[str, JsonValue] = {}
        self.faults: list[tuple[Fault, str]] = []
        self.wrong: list[str] = []
        self.requests: list[tuple[str, str]] = []
        self.everything_sent = ""
        self._lock = threading.RLock()

    def then(self, *faults: Fault, on: str = "create_flow_run") -> None:
        """The next requests to such a path meet these faults, one each."""
        self.faults += [(fault, on) for fault in faults]

    def of(self, service_id: int) -> list[FakeRun]:
        """The runs for the service."""
        return [run for run in self.runs if run.parameters.get("service_id") == service_id]

    def only(self, service_id: int) -> FakeRun:
        """The one run for the service. Raises ValueError: there is none, or more than one."""
        (run,) = self.of(service_id)
        return run

    def fault(self, path: str) -> Fault | None:
        with self._lock:
            for number, (fault, on) in enumerate(self.faults):
                if on in path:
                    del self.faults[number]
                    return fault
        return None

    def answer(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        """Status and JSON."""
        with self._lock:
            self.requests.append((method, path))
            return self._answer(method, path.strip("/").split("/"), body)

    def _answer(self, method: str, path: list[str], body: dict[str, Any]) -> tuple[int, Any]:
        missing = (404, {"detail": "Not found"})
        match method, *path:
            case "GET", "health":
                return 200, True
            case "GET", "deployments", "name", flow, "whmcs":
                known = self.deployments.get(flow)
                return (200, {"id": known, "name": "whmcs"}) if known else missing
            case "POST", "deployments", id_, "create_flow_run":
                flows = [flow for flow, known in self.deployments.items() if known == id_]
                return self._create(flows[0], body) if flows else missing
            case "GET", "flow_runs", id_:
                runs = [run for run in self.runs if run.id == id_]
                return (200, self._read(runs[0])) if runs else missing
            case "GET", "variables", "name", name:
                return (200, {"name": name, "value": self.variables[name]}) if name in self.variables else missing
            case "GET", "block_types", "slug", "dcimanager-panel":
                return 200, {"id": "type-of-panels"}
            case "POST", "block_schemas", "filter":
                return 200, [{"id": "schema-of-panels"}]
            case "GET", "block_types", "slug", "dcimanager-panel", "block_documents", "name", name:
                return (200, {"id": f"document-{name}", "name": name}) if name in self.blocks else missing
            case "POST", "block_documents":
                if body["name"] in self.blocks:
                    return 409, {"detail": "Block already exists"}
                self.blocks[body["name"]] = body["data"]
                return 201, {"id": f"document-{body['name']}"}
            case "PATCH", "block_documents", id_ if id_.removeprefix("document-") in self.blocks:
                self.blocks[id_.removeprefix("document-")] = body["data"]
                return 204, None
        return missing

    def _create(self, flow: str, body: dict[str, Any]) -> tuple[int, Any]:
        if set(body) - BODY:
            return 422, {"exception_detail": "extra_forbidden", "request_body": body}
        if flow in COMMANDS + ERRANDS:
            try:
                _WANTED.get(flow, _Parameters).model_validate_json(json.dumps(body["parameters"]))
            except ValidationError as error:
                self.wrong.append(f"{flow}: {error}")
        for run in self.runs:
            if run.flow == flow and run.body["idempotency_key"] == body["idempotency_key"]:
                run.asked += 1
                if run.body != body:
                    self.wrong.append(f"{flow}: one key for two wishes: {run.body} and {body}")
                return 200, self._read(run)
        run = FakeRun(str(uuid4()), flow, body)
        self.runs.append(run)
        shown = {"id": run.id, "name": body.get("name"), "state": run.state, "labels": {}}
        return 201, {**shown, "parameters": run.parameters}

    def _read(self, run: FakeRun) -> dict[str, Any]:
        is_due = run.state["type"] == "SCHEDULED" and "state_details" not in run.state
        if run.flow in self.ends and is_due:
            type_, message, labels = self.ends[run.flow]
            run.becomes(type_, message, **(labels(run) if callable(labels) else labels))
        elif run.flow in self.graces and is_due:
            then = datetime.fromtimestamp(time.time() + self.graces[run.flow], UTC).isoformat()
            later = FakeRun(str(uuid4()), run.flow, run.body, {**run.state, "state_details": {"scheduled_time": then}})
            self.runs.append(later)
            run.becomes("COMPLETED", next_run=later.id)
        return {
            "id": run.id, "name": run.body.get("name"), "state": run.state, "labels": run.labels,
            "parameters": run.parameters, "created": None, "start_time": None, "end_time": None,
        }  # fmt: skip


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else head and body, two packets, wait 40 ms for each other
    prefect: FakePrefect

    def do_GET(self) -> None:
        self._play()

    do_POST = do_PATCH = do_GET

    def log_message(self, *args: object) -> None:
        pass

    def _play(self) -> None:
        text = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        path = self.path.removeprefix("/api")
        fault = self.prefect.fault(path)
        if "block_documents" not in path:  # the one place where a secret may go
            self.prefect.everything_sent += f"{self.path} {text}\n"
        if fault == "slow":
            time.sleep(SLOW_SECONDS)
        if fault == "cut":
            self.close_connection = True
            return
        expected = "Basic " + base64.b64encode(self.prefect.auth.encode()).decode()
        if self.prefect.auth and self.headers.get("Authorization") != expected:
            return self._say(401, {"exception_message": "Unauthorized"})
        if fault == "html":
            return self._say(200, "<html><h1>It works!</h1></html>")
        if fault is not None and fault.isdigit():
            return self._say(int(fault), {"exception_message": "Scripted"})
        status, said = self.prefect.answer(self.command, path, json.loads(text or "{}"))
        if fault == "lost":
            self.close_connection = True
            return
        self._say(status, said)

    def _say(self, status: int, said: Any) -> None:
        body = said.encode() if isinstance(said, str) else b"" if said is None else json.dumps(said).encode()
        try:
            self.send_response(status)
            self.send_header("Content-Type", "text/html" if isinstance(said, str) else "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except OSError:  # the caller has gone, as after a slow answer
            self.close_connection = True


class FakePrefectServer(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False


@contextmanager
def serving(prefect: FakePrefect, port: int = 0) -> Iterator[str]:
    """Serve it on the loopback address for the block: its API's address. Leaving the block refuses connections."""
    handler = type("Handler", (_Handler,), {"prefect": prefect})
    with FakePrefectServer(("127.0.0.1", port), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/api"
        finally:
            server.shutdown()
            thread.join()
