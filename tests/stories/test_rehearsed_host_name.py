"""A rehearsal proves how a host name is set, and gives the server back with the one that it had."""

import pytest

from tasks.rehearsal.reverse_name import NAME
from tests.harness import Harness
from tests.stories.scenario import sent
from tests.stories.test_rehearsal import SPARE, guess_wrong, proved, rehearsed

AGAIN = f"again.{NAME}"


@pytest.mark.parametrize(
    ("had", "names"),
    [
        ("old.example.com", [NAME, "old.example.com"]),
        ("", [NAME]),
        (NAME, [AGAIN, NAME]),
    ],
)
async def test_a_host_name_is_set_and_the_old_one_again(harness: Harness, had: str, names: list[str]) -> None:
    harness.panel.server(SPARE).domain = had
    server = await rehearsed(harness)
    assert [call.body["domain"] for call in sent(harness, "host_name_set") if call.body] == names
    assert server.domain == names[-1]
    assert "host_name_set" in await proved(harness)


async def test_a_call_that_empties_the_rest_of_the_server_is_not_proved(harness: Harness) -> None:
    server = harness.panel.server(SPARE)
    harness.faults.admin_acts_after("host_name_set", 1, lambda: setattr(server, "name", ""))
    await rehearsed(harness)
    assert "host_name_set" not in await proved(harness)


async def test_a_panel_without_the_call_is_rehearsed_all_the_same(harness: Harness) -> None:
    guess_wrong("host_name_set")
    await rehearsed(harness)
    assert "host_name_set" not in await proved(harness)
