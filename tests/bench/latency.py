"""Single suspensions: how long after the request the panel is first written to, and how long until the end."""

import asyncio
from collections.abc import Iterator
from random import SystemRandom

import psutil

from dciflow.stack import Say
from tests.bench import data_centre
from tests.bench.asking import Ended, Parameters, ask_all, ends_of, suspension
from tests.bench.contenders import deployments_of_suspend, process_worker
from tests.bench.ground import Ground, prepared
from tests.bench.results import Contender, Database, Latency
from tests.bench.seed import seed
from tests.bench.sizes import Sizes

POLL_SECONDS = 1.0
"""Requests come at any moment between two polls of the workers, not always right after one."""

END_SECONDS = 120.0

AFTERMATH_SECONDS = 2.0
"""Prefect's server and the process worker have things to write down after a run."""


async def measure(database: Database, sizes: Sizes, say: Say) -> Latency:
    """Suspend services one after the other, the contenders in turn, so that noise hits all alike."""
    profile = data_centre.instant(sizes.latency + sizes.latency_process + 2, install_seconds=0)
    async with prepared(database, profile, say) as ground:
        services = iter(await seed(ground, sizes.latency + sizes.latency_process + 2, wait_for_os=True))
        deployments = await deployments_of_suspend(ground)
        to_end: dict[Contender, list[float]] = {contender: [] for contender in Contender}
        to_first_write: dict[Contender, list[float]] = {Contender.OURS: [], Contender.PROCESS: []}
        async with process_worker(ground) as processes:
            for contender in Contender:  # imports and first connections are no part of it
                await _play(ground, deployments[contender], _parameters(contender, services))
            await _gone(processes)
            for contender in in_turn(sizes.latency, sizes.latency_process):
                await asyncio.sleep(SystemRandom().uniform(0, POLL_SECONDS))
                end = await _play(ground, deployments[contender], _parameters(contender, services))
                to_end[contender].append(end.seconds)
                if contender is not Contender.FLOOR:
                    to_first_write[contender].append(await _first_write(ground, end))
                if contender is Contender.PROCESS:
                    await _gone(processes)
                say(f"{contender}: {end.seconds:.2f} s")
    return Latency(to_first_write=to_first_write, to_end=to_end)


def in_turn(runs: int, process_runs: int) -> Iterator[Contender]:
    """Ours and the floor each time, the process worker's fewer runs spread evenly among them."""
    for number in range(runs):
        yield Contender.OURS
        yield Contender.FLOOR
        if number * process_runs // runs != (number + 1) * process_runs // runs:
            yield Contender.PROCESS


def _parameters(contender: Contender, services: Iterator[int]) -> Parameters:
    return {} if contender is Contender.FLOOR else suspension(next(services))


async def _gone(worker: psutil.Process) -> None:
    """Wait until the process worker's last process has ended: that takes it seconds after the run, at others' cost."""
    await asyncio.to_thread(psutil.wait_procs, worker.children(recursive=True), timeout=END_SECONDS)
    await asyncio.sleep(AFTERMATH_SECONDS)


async def _play(ground: Ground, deployment: str, parameters: Parameters) -> Ended:
    (end,) = await ends_of(
        ground.prefect, await ask_all(ground.prefect, deployment, [parameters]), within_seconds=END_SECONDS
    )
    if end.state != "COMPLETED":
        raise RuntimeError(f"run {end.run_id} is {end.state}: {end.message}")
    return end


async def _first_write(ground: Ground, end: Ended) -> float:
    """Nobody else writes to the panel meanwhile: the first write since the request is the run's."""
    calls = (await ground.simulator.get("/control/calls", params={"since": end.created})).json()
    return min(float(call["wall"]) for call in calls if call["writes"]) - end.created
