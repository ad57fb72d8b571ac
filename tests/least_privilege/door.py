"""The nginx of docs/least-privilege, and the one for staff of docs/install.md, started as they are documented.

But for their places: in a folder, on a free port.
"""

import asyncio
import os
import re
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from dciflow.stack import Stack, free_port
from tests.documents import INSTALL, PROJECT, blocks

GUIDE = PROJECT / "docs" / "least-privilege.md"
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
"""Settings of a stack whose Prefect asks for its auth string, as the doors in front of it are made for."""

CERTIFICATE = (
    "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=127.0.0.1 "
    "-addext subjectAltName=IP:127.0.0.1 -keyout {key} -out {certificate} 2> /dev/null"
)


@dataclass(frozen=True)
class Door:
    """Where nginx answers, WHMCS's secret there, and the certificate that it shows."""

    url: str
    secret: str
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
async def open_door(stack: Stack, folder: Path, auth_string: str) -> AsyncIterator[Door]:
    """Install as the guide says, with `dciflow proxy-map` on this stack, and run nginx for the block."""
    program, port = nginx(), free_port()
    (folder / "server.env").write_text(f"PREFECT_SERVER_API_AUTH_STRING={auth_string}\n", encoding="utf-8")
    secret = _bash(_moved(_block("openssl passwd"), folder)).strip()
    (folder / "deployments.map").write_text(await stack.command("proxy-map"), encoding="utf-8")
    _bash(CERTIFICATE.format(certificate=folder / "certificate.pem", key=folder / "key.pem"))
    site = _moved(CONF.read_text(encoding="utf-8"), folder)
    changes = {"listen 8443 ssl;": f"listen 127.0.0.1:{port} ssl;", "allow 192.0.2.10;": "allow 127.0.0.1;"}
    async with _serving(program, port, folder, _here(site, stack, changes)):
        yield Door(f"https://127.0.0.1:{port}/api", secret, folder / "certificate.pem", folder)


@asynccontextmanager
async def open_front(stack: Stack, folder: Path) -> AsyncIterator[str]:
    """Run the nginx of docs/install.md, section 3, in front of this stack for the block; its address."""
    program, port = nginx(), free_port()
    _bash(CERTIFICATE.format(certificate=folder / "staff-certificate.pem", key=folder / "staff-key.pem"))
    site = _moved(next(block.text for block in blocks(INSTALL) if block.language == "nginx"), folder)
    changes = {"listen 443 ssl;": f"listen 127.0.0.1:{port} ssl;", "allow 198.51.100.0/24;": "allow 127.0.0.1;"}
    async with _serving(program, port, folder, _here(site, stack, changes)):
        yield f"https://127.0.0.1:{port}"


def _here(site: str, stack: Stack, changes: dict[str, str]) -> str:
    """A documented site on this stack: each change has to find its place."""
    prefect = {"http://127.0.0.1:4200;": f"http://127.0.0.1:{urlsplit(stack.prefect).port};"}
    for theirs, ours in (changes | prefect).items():
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
    for _ in range(100):
        assert process.returncode is None, await asyncio.to_thread(log.read_text, encoding="utf-8")
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.1)
        else:
            writer.close()
            await writer.wait_closed()
            return
    raise AssertionError("nginx does not listen")


def _block(with_text: str) -> str:
    return next(block.text for block in blocks(GUIDE) if with_text in block.text)


def _moved(text: str, folder: Path) -> str:
    return re.sub(r"/etc/(nginx/)?dciflow\b", str(folder), text)


def _bash(script: str) -> str:
    return subprocess.run(["bash", "-euc", script], capture_output=True, text=True, check=True).stdout
