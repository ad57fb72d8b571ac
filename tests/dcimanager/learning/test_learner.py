"""The panels under panels/: what is learned of each, and that nothing wrong is sure where it would destroy."""

import tomllib

import pytest

from dcimanager.endpoints import load_dialect
from dcimanager.learning.learner import learn
from dcimanager.learning.proposal import Certainty
from dcimanager.panel import Panel
from dcimanager.transport import PanelAccess
from simulator.http.app import Simulation
from tools.learned import STRICT, panels, score, written

FOLDERS = pytest.mark.parametrize("folder", panels(), ids=lambda folder: folder.name)
FLOOR = 0.75
"""Share of the answerable entries that are found, sure or likely, over all panels; three mislead on purpose."""


@FOLDERS
def test_nothing_that_destroys_or_hands_out_is_surely_wrong(folder):
    assert score(folder).wrong_strict == ()


@FOLDERS
def test_no_word_of_a_panel_gets_a_wrong_meaning(folder):
    assert score(folder).words_wrong == ()


@FOLDERS
def test_what_is_written_is_accepted_and_says_only_what_is_sure(folder, tmp_path):
    learned = score(folder).learned
    file = tmp_path / "endpoints.toml"
    file.write_text(written(learned), encoding="utf-8")
    dialect = load_dialect(file)
    table = tomllib.loads(file.read_text(encoding="utf-8"))
    sure = {one.entry: one for one in learned.proposals if one.certainty is Certainty.SURE}
    assert set(table) - {"words"} == set(sure)
    for entry, proposal in sure.items():
        assert (dialect[entry].method, dialect[entry].path) == (proposal.method, proposal.path)
    for word in learned.words:
        if word.means is not None and word.word in table.get("words", {}).get(word.kind.value, {}):
            assert dialect.vocabulary.meaning(word.kind, word.word) == word.means


def test_most_entries_are_found_over_all_panels():
    scores = [score(folder) for folder in panels()]
    found = sum(len(one.right) + len(one.right_likely) for one in scores)
    assert found / sum(one.answerable for one in scores) >= FLOOR


def test_every_entry_that_destroys_or_hands_out_is_strict():
    named = "power_on power_off power_reset owner_set owner_clear os_install diagnostics operation_end"
    assert (
        set(f"{named} port_on port_off address_add address_remove key_create rescue_start rescue_leave".split())
        | {"os_install_with_key", "ssh_key_create"}
        == STRICT
    )


async def test_the_simulator_is_learned_whole():
    simulation = Simulation()
    access = PanelAccess(name="main", url="https://panel.example.com", username="u", password="p")
    async with Panel(access, http=simulation.transport()) as panel:
        learned = await learn(panel)
    assert [(one.entry, one.doubts) for one in learned.proposals if one.certainty is not Certainty.SURE] == []
    assert [one.entry for one in learned.proposals if not one.same] == []
    assert {call.endpoint for call in simulation.panel.requests} == {"swagger"}
