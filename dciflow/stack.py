"""A whole dciflow on one machine: simulator, Prefect server, worker; started together, and really stopped."""

import asyncio
import os
import shutil
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

from dciflow.registration import POOL, PROJECT
from simulator.billing import IDENTIFIER, SECRET
from simulator.profile import Profile
from tasks.outcomes import Refusal

START_SECONDS = 120
"""A Prefect server takes 10 to 25 s to start on two slow cores, longer when two demos start at once."""

STOP_SECONDS = 5
"""What a process gets to stop by itself: a Prefect worker may ignore SIGTERM, so its group is killed after that."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Stack:
    """Where everything answers."""

    simulator: str
    prefect: str
    home: Path
    environment: dict[str, str]

    @property
    def api(self) -> str:
        """Prefect's REST API."""
        return f"{self.prefect}/api"

    async def command(self, *arguments: str, secrets: dict[str, str] | None = None) -> str:
        """Run `dciflow ...` against this stack and return what it said. Raises Refusal: it failed."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "dciflow", *arguments,
            cwd=PROJECT, env={**self.environment, **(secrets or {})},
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        said = (await process.communicate())[0].decode(errors="replace")
        if process.returncode != 0:
            raise Refusal(f"`dciflow {' '.join(arguments)}` failed: {said.strip()}")
        return said


def free_port(preferred: int = 0) -> int:
    """The preferred port if it is free, else any free one, on the loopback address."""
    for port in (preferred, 0):
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    raise Refusal("No free port on 127.0.0.1.")


@asynccontextmanager
async def running_stack(
    home: Path,
    say: Say,
    *,
    speed: float,
    prefect_port: int = 0,
    simulator_port: int = 0,
    keep: Callable[[], bool],
    settings: Mapping[str, str] | None = None,
) -> AsyncIterator[Stack]:
    """Start everything in `home`, register the deployments and the simulated credentials, and stop it all at the end.

    `keep`: asked at the end, whether to leave the folder (database, ledger, logs) behind. `settings`: put into the
    environment of all processes, over what is there. Raises Refusal: something did not start; the text shows the end of
    its log.
    """
    await asyncio.to_thread(home.mkdir, parents=True, exist_ok=True)
    prefect_port, simulator_port = free_port(prefect_port), free_port(simulator_port)
    prefect, simulator = f"http://127.0.0.1:{prefect_port}", f"http://127.0.0.1:{simulator_port}"
    stack = Stack(simulator, prefect, home, {**_environment(home, prefect, speed), **(settings or {})})
    children: list[asyncio.subprocess.Process] = []

    async def start(name: str, *command: str) -> None:
        with (home / f"{name}.log").open("wb") as log:
            child = await asyncio.create_subprocess_exec(
                sys.executable, "-m", *command,
                cwd=PROJECT, env=stack.environment, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,  # its children are stopped with it, by the group
            )  # fmt: skip
        children.append(child)

    try:
        say("starting the simulated DCImanager and WHMCS, and the Prefect server (10 to 30 s)")
        await start("simulator", "dciflow", "simulate", "--port", str(simulator_port), "--speed", str(speed))
        await start("prefect-server", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(prefect_port))
        await _answers(f"{simulator}/control/state", children[0], home / "simulator.log")
        await _answers(f"{prefect}/api/health", children[1], home / "prefect-server.log")
        say("registering the deployments and the credentials")
        await stack.command("setup")
        await start("worker", "prefect", "worker", "start", "--pool", POOL, "--name", "demo")
        profile = Profile.demo()
        await asyncio.gather(
            stack.command(
                "panel", "add", "main", "--url", simulator, "--username", profile.admin_email,
                secrets={"DCIFLOW_PANEL_PASSWORD": profile.admin_password},
            ),
            stack.command(
                "whmcs", "set", "--url", f"{simulator}/whmcs", "--identifier", IDENTIFIER,
                secrets={"DCIFLOW_WHMCS_SECRET": SECRET},
            ),
        )  # fmt: skip
        yield stack
    finally:
        for child in reversed(children):
            await _stop(child)
        if not keep():
            shutil.rmtree(home, ignore_errors=True)


def _environment(home: Path, prefect: str, speed: float) -> dict[str, str]:
    """The processes' environment: what the caller has, less his own Prefect's, plus this stack's."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "DCIFLOW_"))}
    return {
        **inherited,
        # The worker's children are started as plain `python`: it has to be this one.
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), inherited.get("PATH", os.defpath)]),
        "PREFECT_HOME": str(home / "prefect"),
        "PREFECT_API_URL": f"{prefect}/api",
        "PREFECT_UI_URL": f"{prefect}/v2",
        "PREFECT_CLI_COLORS": "false",
        "DCIFLOW_LEDGER_URL": f"sqlite+aiosqlite:///{home / 'ledger.db'}",
        "DCIFLOW_CLOCK_SPEED": str(speed),
        "PYTHONUNBUFFERED": "1",
    }


async def _answers(url: str, child: asyncio.subprocess.Process, log: Path) -> None:
    async with httpx.AsyncClient(timeout=2) as client:
        for _ in range(START_SECONDS * 5):
            if child.returncode is not None:
                raise Refusal(f"{log.stem} stopped while it started; the last lines of its log:\n{_tail(log)}")
            with suppress(httpx.HTTPError):
                if (await client.get(url)).is_success:
                    return
            await asyncio.sleep(0.2)
    raise Refusal(f"{log.stem} does not answer after {START_SECONDS} s; the last lines of its log:\n{_tail(log)}")


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-10:])


async def _stop(child: asyncio.subprocess.Process) -> None:
    """SIGTERM to the whole group, SIGKILL to what is left of it."""
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGTERM)
    with suppress(asyncio.TimeoutError):
        await asyncio.wait_for(child.wait(), STOP_SECONDS)
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    await child.wait()
