"""A burst of suspensions, as on the day when many invoices are overdue: how many runs end per second."""

import time
from collections.abc import Sequence

from dciflow.stack import Say
from tests.bench import data_centre
from tests.bench.asking import Parameters, ask_all, ends_of, suspension
from tests.bench.contenders import deployments_of_suspend, process_worker
from tests.bench.ground import Ground, prepared
from tests.bench.results import Burst, Bursts, Contender, Database
from tests.bench.seed import seed
from tests.bench.sizes import Sizes

SECONDS_PER_RUN = 30.0
"""Beyond this something is broken and the measurement ends."""


async def measure(database: Database, sizes: Sizes, say: Say) -> Bursts:
    """One burst after the other; the process worker runs during its own only."""
    services = sizes.burst + sizes.burst_process + 2
    async with prepared(database, data_centre.instant(services, install_seconds=0), say) as ground:
        asked = [suspension(service_id) for service_id in await seed(ground, services, wait_for_os=True)]
        deployments = await deployments_of_suspend(ground)
        bursts: dict[Contender, Burst] = {}

        async def play(contender: Contender, warming: Sequence[Parameters], parameters: Sequence[Parameters]) -> None:
            await _burst(ground, deployments[contender], warming)
            bursts[contender] = burst = await _burst(ground, deployments[contender], parameters)
            say(f"{contender}: {burst.runs} runs in {burst.seconds:.1f} s ({burst.per_second:.2f} a second)")

        await play(Contender.FLOOR, [{}], [{}] * sizes.burst)
        await play(Contender.OURS, [asked.pop()], [asked.pop() for _ in range(sizes.burst)])
        async with process_worker(ground):
            await play(Contender.PROCESS, [asked.pop()], asked)
    return Bursts(of=bursts)


async def _burst(ground: Ground, deployment: str, parameters: Sequence[Parameters]) -> Burst:
    began = time.time()
    runs = await ask_all(ground.prefect, deployment, parameters)
    ends = await ends_of(ground.prefect, runs, within_seconds=60 + SECONDS_PER_RUN * len(runs))
    failed = sum(end.state != "COMPLETED" for end in ends)
    return Burst(runs=len(runs), failed=failed, seconds=max(end.ended for end in ends) - began)
