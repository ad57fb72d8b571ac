"""A rehearsal proves how the rescue system is started and left, and leaves its server out of it."""

from typing import Any

import pytest

from simulator.panel.variants import Variants
from tests.conftest import HarnessMaker
from tests.harness import QUICK, Harness
from tests.stories.scenario import sent
from tests.stories.test_rehearsal import guess_wrong, proved, rehearsed

BOTH = {"rescue_start", "rescue_leave"}


async def test_both_ways_are_proved_once_each(harness: Harness) -> None:
    server = await rehearsed(harness)
    assert await proved(harness) >= BOTH
    assert [len(sent(harness, entry)) for entry in sorted(BOTH)] == [1, 1]
    assert not server.in_recovery


@pytest.mark.parametrize(("told", "kept"), [("untold", {"rescue_start"}), ("absent", set())])
async def test_a_panel_that_does_not_show_it_is_rehearsed_all_the_same(
    make_harness: HarnessMaker, told: Any, kept: set[str]
) -> None:
    harness = make_harness(QUICK, Variants(rescue=told))
    server = await rehearsed(harness)
    assert await proved(harness) & BOTH == kept
    assert server.disk.is_clear


async def test_a_call_that_installs_is_no_rescue_system(harness: Harness) -> None:
    guess_wrong("rescue_start")
    await rehearsed(harness)
    assert await proved(harness) & BOTH == set()
