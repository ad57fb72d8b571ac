"""The panel's words that are not in the table: which, how often, at which servers."""

from collections.abc import Mapping, Sequence

from dcimanager.said_words import Said, said_words
from dcimanager.survey_findings import RowId, Tally, UnknownWord, shown
from dcimanager.words import Vocabulary

MOST_WORDS = 50
"""Words of a panel are a few dozen. More than this means that a field holds free text, and the rest is a number."""


def unknown_words(
    rows: Sequence[tuple[RowId, Mapping[str, object]]], vocabulary: Vocabulary
) -> tuple[list[UnknownWord], int]:
    """The words of servers that are not in the table, the most frequent first, and how many more there are.

    A word is told in the spelling that came first; spellings that differ in case only are one word.
    """
    tallies: dict[Said, Tally] = {}
    spelled: dict[Said, str] = {}
    for row, told in rows:
        for kind, field, word in said_words(told):
            if vocabulary.meaning(kind, word) is None:
                same = kind, field, word.lower()
                spelled.setdefault(same, word)
                tallies.setdefault(same, Tally()).add(row)
    often = sorted(tallies, key=lambda said: -tallies[said].count)
    words = [_word(said, spelled[said], tallies[said]) for said in often[:MOST_WORDS]]
    return words, len(often) - len(words)


def _word(said: Said, spelled: str, tally: Tally) -> UnknownWord:
    kind, field, _ = said
    return UnknownWord(
        kind=kind, word=shown(spelled), field=field, count=tally.count, rows=tally.rows, ids=tuple(tally.ids)
    )
