"""The picture of the imports: what it draws, and what it says no to."""

import grimp
import pytest

from tools import documents
from tools.imports import Arrows, faults, layers, packages_picture, read_arrows, tasks_picture, tasks_table

LAYERS = [["flows"], ["tasks"], ["ledger", "whmcs"]]
GOOD: dict[str, set[str]] = {
    "flows.activate": {"tasks.owner", "ledger.claims"},
    "tasks.held.decisions": {"tasks.owner"},
    "tasks.owner": {"tasks.identity", "ledger.claims"},
    "tasks.identity": {"ledger.claims"},
    "tasks.caps": set(),
    "ledger.claims": set(),
    "whmcs.api": set(),
}


def with_arrow(a: str, b: str) -> dict[str, set[str]]:
    return {**GOOD, a: {*GOOD[a], b}}


def test_in_the_code_every_arrow_goes_down_and_there_is_no_circle() -> None:
    assert faults(read_arrows(), layers()) == []


@pytest.mark.parametrize(
    ("arrows", "said"),
    [
        pytest.param(with_arrow("ledger.claims", "tasks.owner"), "ledger.claims imports tasks.owner", id="up"),
        pytest.param(with_arrow("whmcs.api", "ledger.claims"), "whmcs.api imports ledger.claims", id="sideways"),
        pytest.param(
            with_arrow("tasks.identity", "tasks.held.decisions"),
            "tasks.identity imports tasks.held.decisions",
            id="room",
        ),
        pytest.param(
            with_arrow("tasks.identity", "tasks.owner"),
            "a circle: tasks.identity -> tasks.owner -> tasks.identity",
            id="circle",
        ),
    ],
)
def test_an_arrow_that_goes_up_and_a_circle_are_named(arrows: Arrows, said: str) -> None:
    assert faults(GOOD, LAYERS) == []
    assert any(_same(said, line) for line in faults(arrows, LAYERS))


def _same(said: str, line: str) -> bool:
    """A circle may be told from any of its names on."""
    return line.startswith(said) or set(line.split()) == set(said.split())


def test_an_arrow_that_follows_from_others_is_not_drawn() -> None:
    drawn = packages_picture(GOOD)
    assert "m_flows --> m_tasks" in drawn
    assert "m_tasks --> m_ledger" in drawn
    assert "m_flows --> m_ledger" not in drawn


def test_the_files_of_tasks_stand_in_their_rooms_and_on_their_floors() -> None:
    drawn = tasks_picture(GOOD)
    assert "subgraph held\n        m_held_decisions[decisions]\n    end" in drawn
    assert "caps" not in drawn
    assert "| 2 | `held.decisions` |\n| 1 | `owner` |\n| 0 | `caps`, `identity` |" in tasks_table(GOOD)


def test_the_command_fails_with_the_names(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = grimp.build_graph("ledger", "tasks", cache_dir=None)
    graph.add_import(importer="ledger.claims", imported="tasks.owner")
    monkeypatch.setattr(grimp, "build_graph", lambda *_, **__: graph)
    with pytest.raises(SystemExit, match=r"ledger\.claims imports tasks\.owner") as caught:
        documents.main()
    assert caught.value.code
