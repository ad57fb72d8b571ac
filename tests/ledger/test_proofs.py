import pytest

from ledger import proofs
from ledger.proofs import Backing
from ledger.states import State
from tests.ledger.scenario import LedgerScenario

CALL = '{"method": "POST", "path": "dci/v3/server/{server}/diag"}'
WORDS = {"operation": {"ok": "finished", "canceled": "ended"}}


async def test_a_proof_is_kept_with_its_exact_call_and_the_words_it_rests_on(story: LedgerScenario) -> None:
    kept = await proofs.record(
        story.ledger, panel="main", entry="diagnostics", call=CALL, words=WORDS, backing=Backing.PROVED,
        who="dciflow", why="rehearsal", flow_run_id="run-1", server_id=17, before="disks full", after="disks clear",
        now=story.now,
    )  # fmt: skip
    assert [kept] == await proofs.of_panel(story.ledger, "main")
    assert (kept.entry, kept.call, kept.words, kept.backing) == ("diagnostics", CALL, WORDS, Backing.PROVED)
    assert (kept.flow_run_id, kept.server_id, kept.before, kept.after) == ("run-1", 17, "disks full", "disks clear")
    assert kept.at == story.now


async def test_what_was_recorded_last_comes_first_and_nothing_is_replaced(story: LedgerScenario) -> None:
    for who, backing in (("ann", Backing.TRUSTED), ("dciflow", Backing.PROVED), ("bob", Backing.TRUSTED)):
        await proofs.record(
            story.ledger, panel="main", entry="port_off", call=CALL, words={}, backing=backing, who=who, why="-",
            now=story.now,
        )  # fmt: skip
    assert [one.who for one in await proofs.of_panel(story.ledger, "main")] == ["bob", "dciflow", "ann"]


async def test_a_proof_of_one_panel_says_nothing_of_another(story: LedgerScenario) -> None:
    await proofs.record(
        story.ledger, panel="main", entry="port_off", call=CALL, words={}, backing=Backing.TRUSTED, who="ann", why="-",
        now=story.now,
    )  # fmt: skip
    assert await proofs.of_panel(story.ledger, "second") == []


@pytest.mark.parametrize(("service_id", "is_rehearsal"), [(1, False), (-17, True)])
async def test_a_service_with_a_negative_number_is_a_rehearsal(
    story: LedgerScenario, service_id: int, is_rehearsal: bool
) -> None:
    await story.reach(State.CLAIMED, service_id)
    assert (await story.service(service_id)).is_rehearsal is is_rehearsal
