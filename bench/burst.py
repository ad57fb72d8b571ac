"""A burst of suspensions, as on the day when many invoices are overdue: how many runs end per second."""

import time
from collections.abc import Sequence

from bench import data_centre
from bench.deployments import deployments_of_suspend, process_worker
from bench.environment import Environment, prepared
from bench.results import Burst, Bursts, Database, Subject
from bench.seed import seed
from bench.sizes import Sizes
from bench.triggering import Parameters, ask_all, ends_of, suspension
from dciflow.demo.stack import Say

SECONDS_PER_RUN = 30.0
"""Beyond this something is broken and the measurement ends."""


async def measure(database: Database, sizes: Sizes, say: Say) -> Bursts:
    """One burst after the other; the process worker runs during its own only."""
    services = sizes.burst + sizes.burst_process + 2
    async with prepared(database, data_centre.instant(services, install_seconds=0), say) as environment:
        asked = [suspension(service_id) for service_id in await seed(environment, services, wait_for_os=True)]
        deployments = await deployments_of_suspend(environment)
        bursts: dict[Subject, Burst] = {}

        async def measure_one(
            subject: Subject, warming: Sequence[Parameters], parameters: Sequence[Parameters]
        ) -> None:
            await _burst(environment, deployments[subject], warming)
            bursts[subject] = burst = await _burst(environment, deployments[subject], parameters)
            say(f"{subject}: {burst.runs} runs in {burst.seconds:.1f} s ({burst.per_second:.2f} a second)")

        await measure_one(Subject.FLOOR, [{}], [{}] * sizes.burst)
        await measure_one(Subject.OURS, [asked.pop()], [asked.pop() for _ in range(sizes.burst)])
        async with process_worker(environment):
            await measure_one(Subject.PROCESS, [asked.pop()], asked)
    return Bursts(of=bursts)


async def _burst(environment: Environment, deployment: str, parameters: Sequence[Parameters]) -> Burst:
    began = time.time()
    runs = await ask_all(environment.prefect, deployment, parameters)
    ends = await ends_of(environment.prefect, runs, within_seconds=60 + SECONDS_PER_RUN * len(runs))
    failed = sum(end.state != "COMPLETED" for end in ends)
    return Burst(runs=len(runs), failed=failed, seconds=max(end.ended for end in ends) - began)
