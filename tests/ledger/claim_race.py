"""One process of a race: activate services until each has a server or none is left.

Usage: claim_race.py URL FIRST_SERVICE LAST_SERVICE SERVERS; prints `service:server` or `service:none`, one a line.
"""

import asyncio
import random
import sys

from ledger import claims
from ledger.database import Ledger
from ledger.errors import AlreadyClaimed
from tests.ledger.scenario import LedgerScenario


async def activate(story: LedgerScenario, service_id: int, servers: int) -> int | None:
    """Try the servers in random order, as an activation does; the claimed one, or None."""
    driver = await story.ask(service_id, run=f"run-{service_id}")
    candidates = set(range(1, servers + 1))
    while candidates:
        try:
            claim = (await story.take(driver, random.choice(sorted(candidates)))).claim  # noqa: S311 - not a secret
        except AlreadyClaimed:
            candidates -= (await claims.claimed(story.ledger, "main")).keys()
            continue
        assert claim is not None
        return claim.server_id
    return None


async def race(url: str, first: int, last: int, servers: int) -> dict[int, int | None]:
    """All services of this process at once, in one event loop."""
    ledger = Ledger(url)
    numbers = range(first, last + 1)
    try:
        won = await asyncio.gather(*(activate(LedgerScenario(ledger), number, servers) for number in numbers))
    finally:
        await ledger.dispose()
    return dict(zip(numbers, won, strict=True))


if __name__ == "__main__":
    for service_id, server_id in asyncio.run(race(sys.argv[1], *map(int, sys.argv[2:5]))).items():
        sys.stdout.write(f"{service_id}:{server_id or 'none'}\n")
