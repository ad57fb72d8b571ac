"""A rehearsal proves how a reverse name is set, and leaves none behind."""

from tasks.rehearsal.reverse_name import NAME
from tests.harness import Harness
from tests.stories.scenario import sent
from tests.stories.test_rehearsal import guess_wrong, proved, rehearsed


async def test_a_name_is_set_and_taken_away_again(harness: Harness) -> None:
    await rehearsed(harness)
    assert [call.body["domain"] for call in sent(harness, "ptr_set")] == ["", NAME, ""]
    assert "ptr_set" in await proved(harness)


async def test_a_panel_without_reverse_names_is_rehearsed_all_the_same(harness: Harness) -> None:
    guess_wrong("ptr_set")
    await rehearsed(harness)
    assert "ptr_set" not in await proved(harness)
