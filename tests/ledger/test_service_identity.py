"""What WHMCS says of a service besides its number is kept with it."""

import pytest
from pydantic import ValidationError

from ledger import services
from ledger.database import Ledger
from ledger.service_identity import LONGEST, ServiceIdentity
from tests.ledger.scenario import LedgerScenario

ANNAS = ServiceIdentity(installation="f00d", client_id=7, order_id=501, registered="2026-01-31")


async def test_whose_a_service_is_is_kept_with_it(ledger: Ledger, story: LedgerScenario) -> None:
    await services.remember(ledger, service_id=1050, panel="main", identity=ANNAS, now=story.now)
    kept = await services.get(ledger, 1050)
    assert kept is not None
    assert (kept.installation, kept.client_id, kept.order_id, kept.registered) == ("f00d", 7, 501, "2026-01-31")


def test_what_nobody_knows_and_endless_texts_are_refused() -> None:
    with pytest.raises(ValidationError):
        ServiceIdentity.model_validate({"client_id": 7, "email": "a@example.com"})
    with pytest.raises(ValidationError):
        ServiceIdentity(client_id=7, registered="x" * (LONGEST + 1))


RECORDED = ServiceIdentity(client_id=7, order_id=501, registered="2026-03-01")


@pytest.mark.parametrize(
    ("seen", "differing", "moved"),
    [
        (ServiceIdentity(client_id=7, order_id=501, registered="2026-03-01 00:00:00"), [], False),
        (ServiceIdentity(client_id=8, order_id=501, registered="2026-03-01"), ["client"], True),
        (ServiceIdentity(client_id=8, order_id=None, registered="2026-03-01"), ["client"], True),
        (ServiceIdentity(client_id=8), ["client"], False),
        (ServiceIdentity(client_id=8, order_id=502, registered="2026-03-01"), ["client", "order"], False),
        (ServiceIdentity(client_id=7, order_id=501, registered="2026-03-02"), ["registration date"], False),
        (ServiceIdentity(client_id=7, order_id=501, registered="0000-00-00"), [], False),
    ],
)
def test_what_one_side_does_not_know_is_not_compared(seen: ServiceIdentity, differing: list[str], moved: bool) -> None:
    assert seen.differs_from(RECORDED) == differing
    assert seen.was_moved(RECORDED) is moved


def test_a_client_alone_is_no_certain_identity() -> None:
    assert not ServiceIdentity(client_id=7).is_of(RECORDED)
    assert ServiceIdentity(client_id=7, order_id=501).is_of(RECORDED)
