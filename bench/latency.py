"""Measures single suspensions: seconds from the request to the first write to the panel, and to the run's end."""

import asyncio
from collections.abc import Iterator
from random import SystemRandom

import psutil

from bench import data_centre
from bench.deployments import deployments_of_suspend, process_worker
from bench.environment import Environment, prepared
from bench.results import Database, Latency, Subject
from bench.seed import seed
from bench.sizes import Sizes
from bench.triggering import Ended, Parameters, ask_all, ends_of, suspension
from dciflow.demo.stack import Say

POLL_SECONDS = 1.0
"""Requests come at any moment between two polls of the workers, not always right after one."""

END_SECONDS = 120.0

AFTERMATH_SECONDS = 2.0
"""Prefect's server and the process worker still write records after a run."""


async def measure(database: Database, sizes: Sizes, say: Say) -> Latency:
    """Suspend services one after the other, the subjects in turn, so that load on the machine affects all alike."""
    profile = data_centre.instant(sizes.latency + sizes.latency_process + 2, install_seconds=0)
    async with prepared(database, profile, say) as environment:
        services = iter(await seed(environment, sizes.latency + sizes.latency_process + 2, wait_for_os=True))
        deployments = await deployments_of_suspend(environment)
        to_end: dict[Subject, list[float]] = {subject: [] for subject in Subject}
        to_first_write: dict[Subject, list[float]] = {Subject.OURS: [], Subject.PROCESS: []}
        async with process_worker(environment) as processes:
            for subject in Subject:  # imports and first connections are no part of it
                await _execute(environment, deployments[subject], _parameters(subject, services))
            await _gone(processes)
            for subject in in_turn(sizes.latency, sizes.latency_process):
                await asyncio.sleep(SystemRandom().uniform(0, POLL_SECONDS))
                end = await _execute(environment, deployments[subject], _parameters(subject, services))
                to_end[subject].append(end.seconds)
                if subject is not Subject.FLOOR:
                    to_first_write[subject].append(await _first_write(environment, end))
                if subject is Subject.PROCESS:
                    await _gone(processes)
                say(f"{subject}: {end.seconds:.2f} s")
    return Latency(to_first_write=to_first_write, to_end=to_end)


def in_turn(runs: int, process_runs: int) -> Iterator[Subject]:
    """Ours and the floor each time, the process worker's fewer runs spread evenly among them."""
    for number in range(runs):
        yield Subject.OURS
        yield Subject.FLOOR
        if number * process_runs // runs != (number + 1) * process_runs // runs:
            yield Subject.PROCESS


def _parameters(subject: Subject, services: Iterator[int]) -> Parameters:
    return {} if subject is Subject.FLOOR else suspension(next(services))


async def _gone(worker: psutil.Process) -> None:
    """Wait until the last process of the process worker ends, seconds after its run: it would slow the next one."""
    await asyncio.to_thread(psutil.wait_procs, worker.children(recursive=True), timeout=END_SECONDS)
    await asyncio.sleep(AFTERMATH_SECONDS)


async def _execute(environment: Environment, deployment: str, parameters: Parameters) -> Ended:
    (end,) = await ends_of(
        environment.prefect, await ask_all(environment.prefect, deployment, [parameters]), within_seconds=END_SECONDS
    )
    if end.state != "COMPLETED":
        raise RuntimeError(f"run {end.run_id} is {end.state}: {end.message}")
    return end


async def _first_write(environment: Environment, end: Ended) -> float:
    """Seconds to the run's first write; nobody else writes meanwhile, so it is the first one since the request."""
    calls = (await environment.simulator.get("/control/calls", params={"since": end.created})).json()
    return min(float(call["wall"]) for call in calls if call["writes"]) - end.created
