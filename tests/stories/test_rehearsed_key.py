"""A rehearsal proves how a key into the panel is made: for its own user, and for nobody to use."""

from flows.rehearse import rehearse
from ledger import proofs
from tests.harness import PANEL, Harness
from tests.stories.scenario import one_line, sent
from tests.stories.test_rehearsal import SPARE, proved, rehearsed


async def test_no_key_is_made_for_an_administrator(harness: Harness) -> None:
    def promote() -> None:
        user = harness.panel.users.get(harness.panel.server(SPARE).owner_id or 0)
        user.roles = ("@admin",)

    harness.faults.admin_acts_after("owner_set", 1, promote)
    await one_line(rehearse.fn(panel=PANEL, server=SPARE, clear_its_disks=True))
    assert sent(harness, "key_create") == []
    assert "key_create" not in await proved(harness)


async def test_a_key_of_the_rehearsal_is_used_by_nobody(harness: Harness) -> None:
    await rehearsed(harness)
    (key,) = harness.panel.sessions.keys
    assert key.used == 0
    shown = [str(one) for one in await proofs.of_panel(harness.ledger, PANEL)]
    assert not [line for line in shown if key.text in line]
