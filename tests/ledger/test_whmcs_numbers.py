"""The numbers of WHMCS's requests: two that come again for other requests are a database of before."""

from datetime import UTC, datetime, timedelta

import pytest

from ledger import whmcs_numbers
from ledger.database import Ledger
from ledger.whmcs_numbers import NEAR, NumberedRequest

NOW = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)
BILLING, OTHER = "installation:shop:0f1e2d3c4b5a", "0f1e2d3c4b5a"


class Sent:
    """Requests as they come in."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger

    async def __call__(
        self, number: int, token: str = "of-before", *, source: str = BILLING, at: datetime = NOW
    ) -> bool:
        request = NumberedRequest(source=source, number=number, token=token)
        return await whmcs_numbers.note(self.ledger, request, created=at, now=NOW)

    async def is_restored(self) -> bool:
        return await whmcs_numbers.restored_at(self.ledger) is not None


@pytest.fixture
def sent(ledger: Ledger) -> Sent:
    return Sent(ledger)


async def test_what_comes_late_twice_or_out_of_order_is_no_restored_database(sent: Sent) -> None:
    for number in (1, 2, 5, 4, 3, 5, 2, 9, 100_000_000_000, 7):
        assert not await sent(number, f"token-{number}")
    assert not await sent.is_restored()


async def test_two_numbers_that_come_again_for_other_requests_are_told_once(sent: Sent) -> None:
    for number in range(1, 8):
        await sent(number)
    assert not await sent(5, "since")
    assert not await sent.is_restored()
    assert not await sent(5, "since")
    assert await sent(6, "since")
    assert await sent.is_restored()
    assert not await sent(7, "since")


async def test_one_commit_that_was_lost_is_none_and_so_are_two_of_different_years(sent: Sent) -> None:
    for number in (10, 11, 10 + NEAR + 1):
        await sent(number)
    assert not await sent(10, "lost once")
    assert not await sent(10 + NEAR + 1, "lost again")
    assert not await sent.is_restored()
    assert await sent(11, "near the first")


async def test_each_who_counts_is_compared_with_itself(sent: Sent) -> None:
    for number in (1, 2):
        await sent(number)
        assert not await sent(number, "another", source=OTHER)
    assert not await sent.is_restored()


async def test_after_a_person_went_through_it_only_what_was_asked_for_since_counts(sent: Sent) -> None:
    for token in ("before", "since"):
        await sent(1, token)
        await sent(2, token)
    assert await sent.is_restored()
    later = NOW + timedelta(hours=1)
    await whmcs_numbers.begin_anew(sent.ledger, now=later)
    assert not await sent.is_restored()
    for number in (1, 2):  # runs of before that begin late
        assert not await sent(number, "before", at=NOW)
        assert not await sent(number, "since", at=later + timedelta(seconds=number))
    assert not await sent.is_restored()
    for number in (1, 2):
        told = await sent(number, "restored once more", at=later + timedelta(days=1))
    assert told
