"""The time of the ledger is its database's."""

from datetime import UTC, datetime, timedelta

from ledger import time
from ledger.database import Ledger


async def test_the_ledger_tells_a_time_in_utc_that_is_now(ledger: Ledger) -> None:
    told = await time.now(ledger)
    assert told.utcoffset() == timedelta(0)
    assert abs(told - datetime.now(UTC)) < timedelta(seconds=5)
