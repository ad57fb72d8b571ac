from ledger import results
from ledger.database import Ledger
from tests.ledger.scenario import LedgerScenario


async def test_a_result_is_kept_replaced_and_forgotten(ledger: Ledger, story: LedgerScenario) -> None:
    assert await results.read(ledger, "key") is None
    await results.write(ledger, "key", b"\x00one", story.now)
    await results.write(ledger, "key", b"two", story.now)
    await results.write(ledger, "other", b"", story.now)
    assert await results.read(ledger, "key") == b"two"
    await results.delete(ledger, "key")
    await results.delete(ledger, "key")
    assert await results.read(ledger, "key") is None
    assert await results.read(ledger, "other") == b""
