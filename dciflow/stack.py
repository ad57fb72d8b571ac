"""A whole dciflow on one machine: simulator, Prefect server, worker; started together, and really stopped."""

import asyncio
import os
import shutil
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from dciflow.registration import POOL, PROJECT
from simulator.billing import IDENTIFIER, SECRET
from simulator.profile import Profile
from tasks.outcomes import Refusal

START_SECONDS = 120
"""A Prefect server takes 10 to 25 s to start on two slow cores, longer when two demos start at once."""

STOP_SECONDS = 5
"""What a process gets to stop by itself before its group is killed: nothing of a demo has to be handed back."""

Say = Callable[[str], None]


@dataclass
class Stack:
    """Where everything answers, and the processes that answer there, by name."""

    simulator: str
    prefect: str
    home: Path
    environment: dict[str, str]
    processes: dict[str, asyncio.subprocess.Process] = field(default_factory=dict)

    @property
    def api(self) -> str:
        """Prefect's REST API."""
        return f"{self.prefect}/api"

    async def start(self, name: str, *command: str, settings: Mapping[str, str] | None = None) -> None:
        """Start `python -m ...` under a name that its log has, too; its children are stopped with it, by the group."""
        with (self.home / f"{name}.log").open("ab") as log:
            self.processes[name] = await asyncio.create_subprocess_exec(
                sys.executable, "-m", *command,
                cwd=PROJECT, env={**self.environment, **(settings or {})},
                stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    async def start_prefect(self) -> None:
        """Start the Prefect server, or start it again."""
        host, port = self.prefect.removeprefix("http://").split(":")
        await self.start("prefect-server", "dciflow.prefect_server", "--host", host, "--port", port)

    async def prefect_answers(self) -> None:
        """Wait until the Prefect server answers. Raises Refusal."""
        await self.answers("prefect-server", f"{self.api}/health")

    async def start_worker(self, name: str = "worker") -> None:
        """Start a worker."""
        await self.start(name, "prefect", "worker", "start", "--pool", POOL, "--name", name)

    async def answers(self, name: str, url: str) -> None:
        """Wait until a process answers. Raises Refusal: it stopped or took too long; the text has its log's end."""
        child, log = self.processes[name], self.home / f"{name}.log"
        async with httpx.AsyncClient(timeout=2) as client:
            for _ in range(START_SECONDS * 5):
                if child.returncode is not None:
                    raise Refusal(f"{name} stopped while it started; the last lines of its log:\n{_tail(log)}")
                with suppress(httpx.HTTPError):
                    if (await client.get(url)).is_success:
                        return
                await asyncio.sleep(0.2)
        raise Refusal(f"{name} does not answer after {START_SECONDS} s; the last lines of its log:\n{_tail(log)}")

    async def stop(self, name: str, *, kill: bool = False) -> None:
        """SIGTERM to the process's whole group and SIGKILL to what is left of it; or SIGKILL at once."""
        child = self.processes.pop(name)
        if not kill:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGTERM)
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(child.wait(), STOP_SECONDS)
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        await child.wait()

    async def stop_all(self, *, kill: bool = False) -> None:
        """Stop everything, what was started last first."""
        for name in reversed(list(self.processes)):
            await self.stop(name, kill=kill)

    async def run(self, *command: str, secrets: dict[str, str] | None = None) -> str:
        """Run `python -m ...` against this stack to its end and return what it said. Raises Refusal: it failed."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", *command,
            cwd=PROJECT, env={**self.environment, **(secrets or {})},
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        said = (await process.communicate())[0].decode(errors="replace")
        if process.returncode != 0:
            raise Refusal(f"`{' '.join(command)}` failed: {said.strip()}")
        return said

    async def command(self, *arguments: str, secrets: dict[str, str] | None = None) -> str:
        """Run `dciflow ...` against this stack and return what it said. Raises Refusal: it failed."""
        return await self.run("dciflow", *arguments, secrets=secrets)

    async def register(self) -> None:
        """Register the deployments, and the simulated panel's and WHMCS's credentials."""
        await self.command("setup")
        profile = Profile.demo()
        await asyncio.gather(
            self.command(
                "panel", "add", "main", "--url", self.simulator, "--username", profile.admin_email,
                secrets={"DCIFLOW_PANEL_PASSWORD": profile.admin_password},
            ),
            self.command(
                "whmcs", "set", "--url", f"{self.simulator}/whmcs", "--identifier", IDENTIFIER,
                secrets={"DCIFLOW_WHMCS_SECRET": SECRET},
            ),
        )  # fmt: skip


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
    servers: int = 12,
    settings: Mapping[str, str] | None = None,
) -> AsyncIterator[Stack]:
    """Start everything in `home`, register the deployments and the simulated credentials, and stop it all at the end.

    `keep`: asked at the end, whether to leave the folder (database, ledger, logs) behind. `servers`: as of `dciflow
    simulate`. `settings`: put into the environment of all processes, over what is there.
    Raises Refusal: something did not start; the text shows the end of its log.
    """
    await asyncio.to_thread(home.mkdir, parents=True, exist_ok=True)
    prefect_port, simulator_port = free_port(prefect_port), free_port(simulator_port)
    prefect, simulator = f"http://127.0.0.1:{prefect_port}", f"http://127.0.0.1:{simulator_port}"
    stack = Stack(simulator, prefect, home, {**environment(home, prefect, speed), **(settings or {})})
    try:
        say("starting the simulated DCImanager and WHMCS, and the Prefect server (10 to 30 s)")
        options = ("--port", str(simulator_port), "--speed", str(speed), "--servers", str(servers))
        await stack.start("simulator", "dciflow", "simulate", *options)
        await stack.start_prefect()
        await stack.answers("simulator", f"{simulator}/control/state")
        await stack.prefect_answers()
        say("registering the deployments and the credentials")
        await stack.register()
        await stack.start_worker()
        yield stack
    finally:
        await stack.stop_all()
        if not keep():
            shutil.rmtree(home, ignore_errors=True)


def environment(home: Path, prefect: str, speed: float) -> dict[str, str]:
    """The processes' environment: what the caller has, less his own Prefect's, plus this stack's."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "DCIFLOW_"))}
    return {
        **inherited,
        "PREFECT_HOME": str(home / "prefect"),
        "PREFECT_API_URL": f"{prefect}/api",
        "PREFECT_UI_URL": f"{prefect}/v2",
        "PREFECT_CLI_COLORS": "false",
        "DCIFLOW_LEDGER_URL": f"sqlite+aiosqlite:///{home / 'ledger.db'}",
        "DCIFLOW_CLOCK_SPEED": str(speed),
        # A simulated day is over in minutes, and whoever plays takes back more than a careful host would.
        "DCIFLOW_CAP_TERMINATIONS_PER_DAY": "10000",
        "DCIFLOW_CAP_SMALL_FLEET": "10000",
        "DCIFLOW_CAP_WIPES_PER_HOUR": "10000",
        "PYTHONUNBUFFERED": "1",
    }


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-10:])
