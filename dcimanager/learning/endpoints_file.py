"""Writes what was learned as an endpoints file: what is sure as it stands, the rest commented out, each with its why.

Source: docs/dialect.md, "Correct an entry".
"""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime

from pydantic import JsonValue

from dcimanager.endpoints import Dialect
from dcimanager.learning.proposal import Certainty, Learned, Proposal

_LONGEST = 300
"""Characters of one line of evidence: a description may be a page."""


def endpoints_file(learned: Learned, dialect: Dialect, *, panel: str, now: datetime) -> str:
    """The text of the file, in TOML. `now` is told in UTC."""
    lines = [
        f"# The dialect of the panel {_comment(panel)}, learned from its own description at {now:%Y-%m-%d %H:%M} UTC.",
        "# Nothing of it is proved: what is sure was found without a doubt, what is commented out needs a person.",
        "# From:",
        *(f"#   {_comment(name)}" for name in learned.definitions),
        *(f"#   left aside: {_comment(text)}" for text in learned.skipped),
        "",
    ]
    for proposal in learned.proposals:
        lines += [*_entry(proposal), ""]
    lines += _words(learned, dialect)
    return "\n".join(lines).rstrip("\n") + "\n"


def _entry(proposal: Proposal) -> Iterator[str]:
    yield f"# {proposal.entry}: {proposal.certainty.value}{', as in the table' if proposal.same else ''}"
    yield from (f"#   {_comment(text)}" for text in proposal.evidence)
    yield from (f"#   but: {_comment(text)}" for text in proposal.doubts)
    if not proposal.path:
        return
    before = "" if proposal.certainty is Certainty.SURE else "# "
    yield f"{before}[{proposal.entry}]"
    yield f"{before}method = {_string(proposal.method)}"
    yield f"{before}path = {_string(proposal.path)}"
    if proposal.body is not None:
        yield f"{before}body = {_inline(proposal.body)}"
    if proposal.values:
        yield f"{before}values = {_inline(proposal.values)}"


def _words(learned: Learned, dialect: Dialect) -> Iterator[str]:
    if learned.words:
        yield "# The panel's words, from the enums of its description."
        yield ""
    for word in learned.words:
        known = dialect.vocabulary.meaning(word.kind, word.word)
        yield f"# {_comment(word.told)}"
        if word.means is None:
            meant = f" (the table: {known})" if known else ""
            yield f"# {word.kind.value} {_comment(_string(word.word))}: its meaning is open{meant}"
        elif known is not None and known != word.means:
            yield f"# it is {word.means} by its look, but the table says {known}: a person decides"
            yield from (f"# {line}" for line in _word(word.kind.value, word.word, word.means))
        else:
            yield from _word(word.kind.value, word.word, word.means)
        yield ""


def _word(kind: str, word: str, means: str) -> Iterator[str]:
    yield f"[words.{kind}.{word if re.fullmatch(r'[a-z0-9_-]+', word) else _string(word)}]"
    yield f"means = {_string(means)}"


def _inline(table: Mapping[str, JsonValue]) -> str:
    inner = ", ".join(f"{word} = {_value(value)}" for word, value in table.items())
    return f"{{ {inner} }}" if inner else "{}"


def _value(value: JsonValue) -> str:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else _string(str(value))


def _string(text: str) -> str:
    """A TOML string. Half a character (a lone surrogate) cannot be written at all and becomes a question mark."""
    whole = text.encode("utf-8", errors="replace").decode("utf-8")
    quoted = json.dumps(whole, ensure_ascii=False)
    return "".join(sign if sign.isprintable() else f"\\U{ord(sign):08x}" for sign in quoted)


def _comment(text: str) -> str:
    """A text as part of a comment: one line, nothing in it but what can be seen."""
    whole = " ".join(text.encode("utf-8", errors="replace").decode("utf-8").split())
    return "".join(sign if sign.isprintable() else "?" for sign in whole)[:_LONGEST]
