"""The door and the nginx of docs/least-privilege, and the one for staff of docs/install.md, started as documented.

But for their places: in a folder, on a free port.
"""

import asyncio
import os
import re
import shutil
import subprocess
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from dciflow.demo.stack import Stack
from simulator.processes import free_port
from tests.docs.documents import INSTALL, PROJECT, blocks

CONF = PROJECT / "docs" / "least-privilege" / "nginx.conf"

MAIN = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
{user}
events {{ worker_connections 256; }}
http {{
    access_log {folder}/access.log;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/site.conf;
}}
"""
"""What a distribution's nginx.conf has around conf.d, without the distribution's places."""

AUTH = ("dciflow", "canary-of-prefect")
AUTH_STRING = ":".join(AUTH)
ASKS_FOR_AUTH = {"PREFECT_SERVER_API_AUTH_STRING": AUTH_STRING, "PREFECT_API_AUTH_STRING": AUTH_STRING}
"""Settings of a stack whose Prefect asks for its auth string, which the documented proxies send."""

CERTIFICATE = (
    "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=127.0.0.1 "
    "-addext subjectAltName=IP:127.0.0.1 -keyout {key} -out {certificate} 2> /dev/null"
)


@dataclass(frozen=True)
class NginxProxy:
    """Where nginx answers, WHMCS's name and secret at the door behind it, and the certificate that nginx shows.

    `plain`: the door itself, without nginx.
    """

    url: str
    plain: str
    auth: tuple[str, str]
    certificate: Path
    folder: Path


def nginx() -> str:
    """The program. Skips the test where there is none, unless it is required."""
    found = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if found is None:
        if "DCIFLOW_TEST_NGINX" in os.environ:
            raise FileNotFoundError("nginx is not installed")
        pytest.skip("no nginx here")
    return found


@asynccontextmanager
async def open_proxy(
    stack: Stack, folder: Path, auth_string: str, panels: Sequence[str] = ("main", "second-panel")
) -> AsyncIterator[NginxProxy]:
    """Install as the guide says, and run the door of this stack and nginx for the block; the door's log is `door`."""
    program, port, behind = nginx(), free_port(), free_port()
    _bash(CERTIFICATE.format(certificate=folder / "certificate.pem", key=folder / "key.pem"))
    config = folder / "door.toml"
    own = [part for panel in panels for part in ("--panel", panel)]
    said = await stack.command("door", "add", "billing", *own, "--config", str(config))
    name, _, secret = said.split()[-1].partition(":")
    # The simulated panel is on this machine.
    with config.open("a", encoding="utf-8") as file:
        file.write('panel_hosts = ["127.0.0.1", "panel.example"]\n')
    site = _moved(CONF.read_text(encoding="utf-8"), folder)
    changes = {"listen 8443 ssl;": f"listen 127.0.0.1:{port} ssl;", "allow 192.0.2.10;": "allow 127.0.0.1;"}
    async with (
        open_door(stack, behind, config, auth_string),
        _serving(program, port, folder, _here(site, changes, {"4280": behind})),
    ):
        urls = f"https://127.0.0.1:{port}/api", f"http://127.0.0.1:{behind}/api"
        yield NginxProxy(*urls, (name, secret), folder / "certificate.pem", folder)


@asynccontextmanager
async def open_door(stack: Stack, port: int, config: Path, auth_string: str, *options: str) -> AsyncIterator[None]:
    """Run `dciflow door` in front of this stack's Prefect for the block; what it writes is in `door-<port>.log`."""
    settings = {"PREFECT_API_URL": stack.api, "PREFECT_API_AUTH_STRING": auth_string}
    name = f"door-{port}"
    command = ("dciflow", "door", "--port", str(port), "--config", str(config), *options)
    await stack.start(name, *command, settings=settings)
    try:
        await _listens(stack.processes[name], port, stack.home / f"{name}.log")
        yield
    finally:
        await stack.stop(name)


@asynccontextmanager
async def open_front(stack: Stack, folder: Path) -> AsyncIterator[str]:
    """Run the nginx of docs/install.md, section 3, in front of this stack for the block; its address."""
    program, port = nginx(), free_port()
    _bash(CERTIFICATE.format(certificate=folder / "staff-certificate.pem", key=folder / "staff-key.pem"))
    site = _moved(next(block.text for block in blocks(INSTALL) if block.language == "nginx"), folder)
    changes = {"listen 443 ssl;": f"listen 127.0.0.1:{port} ssl;", "allow 198.51.100.0/24;": "allow 127.0.0.1;"}
    async with _serving(program, port, folder, _here(site, changes, {"4200": urlsplit(stack.prefect).port})):
        yield f"https://127.0.0.1:{port}"


def _here(site: str, changes: dict[str, str], behind: Mapping[str, int | None]) -> str:
    """A documented site on this machine: each replacement has to match. behind: documented ports, and ours."""
    ports = {f"http://127.0.0.1:{theirs};": f"http://127.0.0.1:{ours};" for theirs, ours in behind.items()}
    for theirs, ours in (changes | ports).items():
        assert site.count(theirs) == 1, theirs
        site = site.replace(theirs, ours)
    return site


@asynccontextmanager
async def _serving(program: str, port: int, folder: Path, site: str) -> AsyncIterator[None]:
    (folder / "site.conf").write_text(site, encoding="utf-8")
    user = "user root;" if os.geteuid() == 0 else ""  # its workers read the folder, which is nobody else's
    (folder / "main.conf").write_text(MAIN.format(folder=folder, user=user), encoding="utf-8")
    log = folder / "error.log"
    process = await asyncio.create_subprocess_exec(
        program, "-p", str(folder), "-e", str(log), "-c", str(folder / "main.conf")
    )
    try:
        await _listens(process, port, log)
        yield
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _listens(process: asyncio.subprocess.Process, port: int, log: Path) -> None:
    for _ in range(600):
        assert process.returncode is None, await asyncio.to_thread(log.read_text, encoding="utf-8")
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.1)
        else:
            writer.close()
            await writer.wait_closed()
            return
    raise AssertionError(f"nobody listens: {log}")


def _moved(text: str, folder: Path) -> str:
    return re.sub(r"/etc/(nginx/)?dciflow\b", str(folder), text)


def _bash(script: str) -> str:
    return subprocess.run(["bash", "-euc", script], capture_output=True, text=True, check=True).stdout
