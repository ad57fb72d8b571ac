"""Prefect's server: who can reach it and with what, and whether what dciflow needs is registered in it."""

import ipaddress
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import prefect
import yaml
from prefect import get_client
from prefect.client.orchestration import PrefectClient
from prefect.exceptions import ObjectNotFound

from dciflow import notifications
from dciflow.doctor.findings import Answer, Finding, look, ok, wrong
from dciflow.registration import POOL, PROJECT
from worker.limits import URGENT
from worker.worker import InProcessWorker

ANSWER_SECONDS = 10.0
FRESH = timedelta(seconds=120)
"""A worker's heartbeat comes every 30 s; Prefect calls it offline after three that are missing."""

SETUP = "dciflow setup"


@asynccontextmanager
async def asked() -> AsyncIterator[PrefectClient]:
    """Prefect's client, as the commands have it. One place, so that tests put their own in."""
    async with get_client() as client:
        yield client


async def check_answer(url: str) -> Answer:
    """Whether the API answers, in this release's version."""
    async with asked() as client:
        error = await client.api_healthcheck()
        if error is not None:
            return [
                wrong(f"{url} does not answer ({type(error).__name__})", "start the server, or set PREFECT_API_URL")
            ]
        version = await client.api_version()
    if version != prefect.__version__:
        return [
            wrong(f"the server is Prefect {version}, dciflow here has {prefect.__version__}", "upgrade both to one")
        ]
    return [ok(f"it answers, Prefect {version}")]


async def check_auth(url: str, transport: httpx.AsyncBaseTransport | None = None) -> Answer:
    """Whether the API wants its auth string, and whether that travels unencrypted."""
    async with httpx.AsyncClient(timeout=ANSWER_SECONDS, transport=transport) as client:
        status = (await client.get(f"{url.rstrip('/')}/admin/version")).status_code
    here = is_loopback(urlsplit(url).hostname or "")
    found = []
    if status in (401, 403):
        found.append(ok("it wants its auth string"))
    else:
        what = f"it answers whoever asks (HTTP {status}): that starts deletions and reads the panels' passwords"
        found.append(wrong(what, "set PREFECT_SERVER_API_AUTH_STRING and PREFECT_API_AUTH_STRING (docs/install.md)"))
    if urlsplit(url).scheme != "https" and not here:
        found.append(
            wrong("the auth string travels unencrypted", "put TLS before it, and https:// into PREFECT_API_URL")
        )
    return found


def check_listening(url: str, proc: Path = Path("/proc/net")) -> Answer:
    """Whether a server on this machine can be reached from others, past the web server with TLS before it."""
    parts = urlsplit(url)
    if not is_loopback(parts.hostname or ""):
        return [look("the server is on another machine", "see there that only its web server reaches it")]
    open_to = [one for one in listeners(proc, parts.port or 80) if not is_loopback(one)]
    if open_to:
        return [wrong(f"its port is open to other machines ({', '.join(open_to)})", "start it with --host 127.0.0.1")]
    return [ok("only this machine reaches its port")]


def listeners(proc: Path, port: int) -> list[str]:
    """The addresses on which a program of this machine listens on the port. Source: proc(5), /proc/net/tcp."""
    found = []
    for name, family in (("tcp", socket.AF_INET), ("tcp6", socket.AF_INET6)):
        file = proc / name
        for line in file.read_text(encoding="ascii").splitlines()[1:] if file.exists() else ():
            address, _, at = line.split()[1].partition(":")
            if line.split()[3] == "0A" and int(at, 16) == port:
                words = [bytes.fromhex(address[i : i + 8])[::-1] for i in range(0, len(address), 8)]
                found.append(socket.inet_ntop(family, b"".join(words)))
    return sorted(set(found))


def is_loopback(host: str) -> bool:
    """Whether the address, or the name, means this machine only."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


async def check_pool(now: datetime | None = None) -> Answer:
    """Whether the work pool is there, and a worker lives."""
    now = datetime.now(UTC) if now is None else now
    found: list[Finding] = []
    async with asked() as client:
        try:
            pool = await client.read_work_pool(POOL)
        except ObjectNotFound:
            return [wrong(f"there is no work pool {POOL}", SETUP)]
        workers = await client.read_workers_for_work_pool(POOL)
        queues = {queue.name for queue in await client.read_work_queues(work_pool_name=POOL)}
    if pool.type != InProcessWorker.type:
        found.append(wrong(f"the work pool {POOL} is of type {pool.type}, not {InProcessWorker.type}", SETUP))
    if pool.is_paused:
        found.append(
            look(f"the work pool {POOL} is paused: nothing runs", f"prefect work-pool resume {POOL}, when done")
        )
    if URGENT not in queues:
        found.append(wrong(f"the work queue {URGENT} is not there", SETUP))
    beats = {one.name: one.last_heartbeat_time for one in workers if one.last_heartbeat_time is not None}
    fresh = sorted(name for name, at in beats.items() if now - at < FRESH)
    if fresh:
        found.append(ok(f"workers that live: {', '.join(fresh)}"))
    else:
        last = (
            f"the last one was heard of at {max(beats.values()):%Y-%m-%d %H:%M} UTC" if beats else "none was ever there"
        )
        found.append(wrong(f"no worker lives, so nothing is done ({last})", "systemctl start dciflow-worker"))
    return found


async def check_deployments(wanted: Mapping[str, Any] | None = None) -> Answer:
    """Whether the deployments are those of this release's prefect.yaml."""
    wanted = _wanted() if wanted is None else wanted
    async with asked() as client:
        there = {}
        for one in await client.read_deployments():
            flow = await client.read_flow(one.flow_id)
            there[f"{flow.name}/{one.name}"] = one
    found = list(_differing(wanted, there))
    return found or [ok(f"{len(wanted)} deployments are those of this release")]


def _wanted() -> dict[str, Any]:
    text = (PROJECT / "prefect.yaml").read_text(encoding="utf-8")
    return {f"{one['flow_name']}/{one['name']}": one for one in yaml.safe_load(text)["deployments"]}


def _differing(wanted: Mapping[str, Any], there: Mapping[str, Any]) -> Iterator[Finding]:
    missing = sorted(wanted.keys() - there.keys())
    if missing:
        yield wrong(f"deployments are missing: {', '.join(missing)}", SETUP)
    pairs = [(name, wanted[name], there[name]) for name in sorted(wanted.keys() & there.keys())]
    other = [name for name, ours, one in pairs if not _is_of_this_release(ours, one)]
    if other:
        yield wrong(f"deployments are of another release: {', '.join(other)}", SETUP)
    paused = [name for name, _, one in pairs if one.paused]
    if paused:
        yield look(f"deployments are paused: {', '.join(paused)}", "resume them in Prefect's UI, unless it is meant")


def _is_of_this_release(ours: Mapping[str, Any], there: Any) -> bool:
    said = (there.entrypoint, there.description, there.work_pool_name, there.work_queue_name)
    pool = ours["work_pool"]
    return bool(said == (ours["entrypoint"], ours["description"], pool["name"], pool["work_queue_name"]))


async def check_messages() -> Answer:
    """Whether the automations that send messages to staff are there, and on."""
    read, odd = await notifications.registered()
    on = {one.name for one in read if one.enabled}
    wanted = [f"{notifications.PREFIX}{one.name}" for one in notifications.NOTIFICATIONS]
    known = {one.name for one in read}
    found = [wrong(f"{what} cannot be read: {why}", "dciflow notify setup") for what, why in odd]
    missing = [name for name in wanted if name not in known and not odd]
    if missing:
        found.append(look(f"nobody is told of: {', '.join(missing)}", "dciflow notify setup (docs/notifications.md)"))
    off = [name for name in wanted if name in known - on]
    if off:
        found.append(look(f"switched off: {', '.join(off)}", "switch them on in Prefect's UI, unless it is meant"))
    return found or [ok(f"{len(wanted)} automations tell staff")]
