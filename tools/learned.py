"""Plays the panels of tests/dcimanager/learning/panels to the learner, and counts what it got right, wrong, open."""

import asyncio
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import httpx
from pydantic import SecretStr

from dcimanager.endpoints import load_dialect
from dcimanager.learning.endpoints_file import endpoints_file
from dcimanager.learning.learner import learn
from dcimanager.learning.proposal import Certainty, Learned, Proposal
from dcimanager.learning.wishes import WISHES
from dcimanager.panel import Panel
from dcimanager.transport import PanelAccess

PANELS = Path(__file__).resolve().parents[1] / "tests" / "dcimanager" / "learning" / "panels"
STRICT = frozenset(wish.entry for wish in WISHES if wish.strict)


@dataclass(frozen=True)
class Score:
    """What came out for one panel; the entries by name."""

    panel: str
    learned: Learned
    right: tuple[str, ...]
    right_likely: tuple[str, ...]
    wrong: tuple[str, ...]
    wrong_likely: tuple[str, ...]
    open: tuple[str, ...]
    calls: int
    """Calls that the panel describes."""
    answerable: int
    """Entries that have a right answer on this panel."""
    words_right: int
    words_wrong: tuple[str, ...]
    words_open: int

    @property
    def wrong_strict(self) -> tuple[str, ...]:
        """What would destroy or hand out by a wrong call."""
        return tuple(entry for entry in self.wrong if entry in STRICT)


def panels() -> list[Path]:
    """The folders of all panels."""
    return sorted(file.parent for file in PANELS.glob("*/expected.toml"))


def serve(folder: Path) -> httpx.MockTransport:
    """A panel that serves the files of a folder, and nothing else."""
    routes: Mapping[str, str] = json.loads((folder / "routes.json").read_text(encoding="utf-8"))

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            return httpx.Response(201, json={"token": "abc"})
        whole = request.url.raw_path.decode()
        file = routes.get(whole) or routes.get(request.url.path)
        if file is None:
            return httpx.Response(404, json={"error": {"code": 1106, "msg": "Request handler not found"}})
        return httpx.Response(200, content=(folder / file).read_bytes())

    return httpx.MockTransport(answer)


async def learn_folder(folder: Path) -> Learned:
    """What is learned of the panel in a folder."""
    access = PanelAccess(name="main", url="https://panel.example.com", username="u", password=SecretStr("p"))
    async with Panel(access, http=serve(folder)) as panel:
        return await learn(panel)


@lru_cache
def score(folder: Path) -> Score:
    """Learn a panel and compare with its expected.toml."""
    learned = asyncio.run(learn_folder(folder))
    expected = tomllib.loads((folder / "expected.toml").read_text(encoding="utf-8"))
    words = expected.pop("words", {})
    counted: dict[str, list[str]] = {"right": [], "right_likely": [], "wrong": [], "wrong_likely": [], "open": []}
    for proposal in learned.proposals:
        if proposal.entry in expected:
            counted[_judged(proposal, expected[proposal.entry])].append(proposal.entry)
    means = {(word.kind.value, word.word): word.means for word in learned.words}
    right, wrong, left = 0, [], 0
    for kind, of in words.items():
        for word, meaning in of.get("right", {}).items():
            found = means.get((kind, word.lower()))
            right += found == meaning
            left += found is None
            wrong += [] if found in (None, meaning) else [f"{kind}.{word}"]
    return Score(
        panel=folder.name,
        learned=learned,
        **{name: tuple(entries) for name, entries in counted.items()},
        calls=learned.calls,
        answerable=sum(not told.get("open") for told in expected.values()),
        words_right=right,
        words_wrong=tuple(wrong),
        words_open=left,
    )


def _judged(proposal: Proposal, expected: Mapping[str, Any]) -> str:
    if proposal.certainty is Certainty.OPEN:
        return "open"
    sure = proposal.certainty is Certainty.SURE
    if _fits(proposal, expected):
        return "right" if sure else "right_likely"
    return "wrong" if sure else "wrong_likely"


def _fits(proposal: Proposal, expected: Mapping[str, Any]) -> bool:
    if expected.get("open"):
        return False
    if proposal.call not in expected.get("right", ()):
        return False
    # An acceptable call that is not the first may have other keys.
    if proposal.call != expected["right"][0]:
        return True
    body, values = expected.get("body"), expected.get("values")
    ours = load_dialect()[proposal.entry]
    told = {**ours.values, **(proposal.values or {})}
    return (body is None or dict(proposal.body or {}) == body) and (
        values is None or {word: told.get(word) for word in values} == values
    )


def written(learned: Learned) -> str:
    """The file that would be written."""
    return endpoints_file(learned, load_dialect(), panel="main", now=datetime(2026, 11, 27, 12, 0, tzinfo=UTC))


def table() -> str:
    """The scores of all panels as markdown."""
    lines = [
        "| panel | calls | right, sure | right, likely | wrong, sure | wrong where it destroys or hands out "
        "| wrong, likely | open | words right, wrong, open |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    scores = [score(folder) for folder in panels()]
    for one in scores:
        lines.append(_row(f"`{one.panel}`", [one]))
    return "\n".join([*lines, _row("together", scores)])


def _row(name: str, scores: list[Score]) -> str:
    counted = [
        sum(one.calls for one in scores),
        *(
            sum(map(len, part))
            for part in (
                [one.right for one in scores],
                [one.right_likely for one in scores],
                [one.wrong for one in scores],
                [one.wrong_strict for one in scores],
                [one.wrong_likely for one in scores],
                [one.open for one in scores],
            )
        ),
    ]
    words = (
        sum(one.words_right for one in scores),
        sum(len(one.words_wrong) for one in scores),
        sum(one.words_open for one in scores),
    )
    return f"| {name} | {' | '.join(map(str, counted))} | {', '.join(map(str, words))} |"
