"""The steps are tested on the stories' harness, and on one event loop as they are."""

import pytest

from tests.stories.conftest import empty_ledger, harness, make_harness, share_one_loop, stories_ledger

__all__ = ["empty_ledger", "harness", "make_harness", "stories_ledger"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One event loop for all tests here, because a ledger belongs to one."""
    share_one_loop(items, __file__)
