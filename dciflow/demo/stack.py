"""A whole dciflow on one machine: simulator, Prefect server, worker; started together, and really stopped."""

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from dciflow.registration import POOL, PROJECT
from runtime.errors import StepRefused
from simulator.panel.profile import Profile
from simulator.processes import NotStarted, free_port, until_it_answers
from simulator.whmcs.model import IDENTIFIER, SECRET

START_SECONDS = 120
"""A Prefect server takes 10 to 25 s to start on two slow cores, longer when two demos start at once."""

STOP_SECONDS = 5
"""What a process gets to stop by itself before its group is killed: a demo's runs need not be returned to the queue."""

WHY_TRUSTED = "a simulator: nothing is wiped"
"""Why the demo sells from a panel on which nothing was rehearsed (safety rule 22)."""

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
        """Wait until the Prefect server answers. Raises StepRefused."""
        await self.answers("prefect-server", f"{self.api}/health")

    async def start_worker(self, name: str = "worker") -> None:
        """Start a worker."""
        await self.start(name, "prefect", "worker", "start", "--pool", POOL, "--name", name)

    async def answers(self, name: str, url: str) -> None:
        """Wait until a process answers. Raises StepRefused: it stopped or took too long; the text has its log's end."""
        try:
            await until_it_answers(name, self.processes[name], url, self.home / f"{name}.log", seconds=START_SECONDS)
        except NotStarted as error:
            raise StepRefused(str(error)) from None

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
        """Stop everything, in the reverse order of its start."""
        for name in reversed(list(self.processes)):
            await self.stop(name, kill=kill)

    async def run(self, *command: str, secrets: dict[str, str] | None = None) -> str:
        """Run `python -m ...` against this stack to its end and return what it said. Raises StepRefused: it failed."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", *command,
            cwd=PROJECT, env={**self.environment, **(secrets or {})},
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        said = (await process.communicate())[0].decode(errors="replace")
        if process.returncode != 0:
            raise StepRefused(f"`{' '.join(command)}` failed: {said.strip()}")
        return said

    async def command(self, *arguments: str, secrets: dict[str, str] | None = None) -> str:
        """Run `dciflow ...` against this stack and return what it said. Raises StepRefused: it failed."""
        return await self.run("dciflow", *arguments, secrets=secrets)

    async def register(self) -> None:
        """Register the deployments, and the simulated panel's and WHMCS's credentials; the panel is trusted."""
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
        await self.command("panel", "trust", "main", "--why", WHY_TRUSTED)


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
    Raises StepRefused: something did not start; the text shows the end of its log.
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
        say(f'trusting the panel instead of rehearsing on it: dciflow panel trust main --why "{WHY_TRUSTED}"')
        await stack.start_worker()
        yield stack
    finally:
        await stack.stop_all()
        if not keep():
            shutil.rmtree(home, ignore_errors=True)


def environment(home: Path, prefect: str, speed: float) -> dict[str, str]:
    """The processes' environment: the caller's without Prefect's and dciflow's settings, and this stack's."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "DCIFLOW_"))}
    return {
        **inherited,
        "PREFECT_HOME": str(home / "prefect"),
        "PREFECT_API_URL": f"{prefect}/api",
        "PREFECT_UI_URL": f"{prefect}/v2",
        "PREFECT_CLI_COLORS": "false",
        "DCIFLOW_LEDGER_URL": f"sqlite+aiosqlite:///{home / 'ledger.db'}",
        "DCIFLOW_CLOCK_SPEED": str(speed),
        # A simulated day is over in minutes, and a demo deletes more than a careful host would.
        "DCIFLOW_CAP_TERMINATIONS_PER_DAY": "10000",
        "DCIFLOW_CAP_SMALL_FLEET": "10000",
        "DCIFLOW_CAP_WIPES_PER_HOUR": "10000",
        "DCIFLOW_BURST_AT_LEAST": "10000",
        "PYTHONUNBUFFERED": "1",
    }
