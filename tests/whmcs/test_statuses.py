"""Each of WHMCS's statuses has one meaning; one that nobody knows is no wish."""

import pytest

from whmcs.statuses import MEANINGS, ServiceStatus, meaning_of


def test_a_one_time_product_that_is_completed_is_in_use() -> None:
    completed = meaning_of(ServiceStatus.COMPLETED)
    assert (completed.wanted, completed.desired, completed.delivered, completed.ended) == (True, "active", True, False)


@pytest.mark.parametrize("status", ["Archived", "", "active", "Transferred Away"])
def test_a_status_that_nobody_knows_is_no_wish(status: str) -> None:
    meaning = meaning_of(status)
    assert (meaning.wanted, meaning.ended, meaning.desired) == (False, False, "unknown")


def test_nothing_that_is_wanted_is_ended() -> None:
    assert not [word for word, means in MEANINGS.items() if means.wanted and means.ended]
