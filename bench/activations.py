"""Activations requested at once: as many as there are servers that fit, so that all of them race for the same ones."""

from collections import Counter

from bench import data_centre
from bench.environment import Environment, prepared
from bench.results import Activations, Database
from bench.seed import PANEL, buy
from bench.sizes import Sizes
from bench.triggering import ask_all, ends_of
from dciflow.demo.stack import Say
from ledger import claims

GIVEN_ONCE = ("owner_set", "os_install")
"""Calls that a server gets once: a second one is a server that was promised twice."""


async def measure(database: Database, sizes: Sizes, say: Say) -> Activations:
    """Request them all at once and wait for every end."""
    profile = data_centre.usual(sizes.activations, install_seconds=sizes.install_seconds)
    async with prepared(database, profile, say) as environment:
        asked = [await buy(environment, number) for number in range(sizes.activations)]
        runs = await ask_all(
            environment.prefect, await environment.prefect.deployment("activate/whmcs"), asked, flow="activate"
        )
        ends = await ends_of(environment.prefect, runs, within_seconds=600 + sizes.install_seconds)
        done = [end for end in ends if end.state == "COMPLETED"]
        for end in ends:
            if end not in done:
                say(f"run {end.run_id} is {end.state}: {end.message}")
        over = sorted(end.seconds - sizes.install_seconds for end in done)
        doubles = await _double_claims(environment)
        say(f"{len(done)} of {len(ends)} activated, the last {over[-1]:.1f} s after its installation's own time")
    return Activations(
        install_seconds=sizes.install_seconds,
        over_seconds=over,
        not_completed=len(ends) - len(done),
        double_claims=doubles,
    )


async def _double_claims(environment: Environment) -> int:
    """Servers given out more than once, by the simulated panel's record and by the ledger."""
    calls = (await environment.simulator.get("/control/calls")).json()
    given = Counter(call["path"] for call in calls if call["endpoint"] in GIVEN_ONCE and call["status"] == 200)
    services = Counter((await claims.claimed(environment.ledger, PANEL)).values())
    incidents = (await environment.simulator.get("/control/state")).json()["incidents"]
    return sum(times > 1 for times in given.values()) + sum(times > 1 for times in services.values()) + len(incidents)
