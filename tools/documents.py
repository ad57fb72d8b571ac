"""The parts of docs/ that are read from the code: `make docs` writes them afresh."""

import re
import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from dcimanager.endpoints import load_dialect
from dcimanager.words import WordKind
from runtime.gate import NEEDED
from tools.imports import faults, layers, packages_picture, read_arrows, tasks_picture, tasks_table
from tools.learned import table as learned_table
from tools.life import picture
from tools.steps import table as steps_table

PROJECT = Path(__file__).resolve().parents[1]
STEPS = PROJECT / "docs" / "steps.md"
DIALECT = PROJECT / "docs" / "dialect.md"
IMPORTS = PROJECT / "docs" / "imports.md"


def generated() -> Iterator[tuple[Path, str, str]]:
    """Document, marker and text of everything that the code writes into the documents."""
    yield STEPS, "lifecycle", f"```mermaid\n{picture()}\n```"
    yield STEPS, "steps", steps_table()
    yield DIALECT, "dialect", dialect_table()
    yield DIALECT, "needed", needed_table()
    yield DIALECT, "words", words_table()
    yield DIALECT, "learned", learned_table()
    arrows = read_arrows()
    yield IMPORTS, "packages", f"```mermaid\n{packages_picture(arrows)}\n```"
    yield IMPORTS, "tasks", f"```mermaid\n{tasks_picture(arrows)}\n```"
    yield IMPORTS, "floors", tasks_table(arrows)


def dialect_table() -> str:
    """The table of endpoints as markdown."""
    lines = ["| entry | call | body and values | mark | source |", "| --- | --- | --- | --- | --- |"]
    for entry in load_dialect().endpoints.values():
        keys = [f"{word} = `{key}`" for word, key in entry.body.items()]
        keys += [f"{word} is `{value}`" for word, value in entry.values.items()]
        lines.append(
            f"| `{entry.name}` | `{entry.method} {entry.path}` | {', '.join(keys) or '-'} | {entry.mark.value} "
            f"| {entry.source} |"
        )
    return "\n".join(lines)


def needed_table() -> str:
    """Which entries each action needs proved or trusted, as markdown."""
    lines = ["| flow | needs, proved or trusted |", "| --- | --- |"]
    lines += [f"| `{action}` | {', '.join(f'`{entry}`' for entry in entries)} |" for action, entries in NEEDED.items()]
    return "\n".join(lines)


def words_table() -> str:
    """The panel's words as markdown, in the table's order, those of one kind and meaning in one row."""
    lines = ["| of | words | mean | mark | source |", "| --- | --- | --- | --- | --- |"]
    for kind in WordKind:
        for (means, mark, source), words in groupby(
            load_dialect().vocabulary.of(kind), key=lambda word: (word.means, word.mark, word.source)
        ):
            said = ", ".join(f"`{word.word}`" for word in words)
            lines.append(f"| {kind} | {said} | {means} | {mark.value} | {source} |")
    return "\n".join(lines)


def between(document: Path, marker: str) -> str:
    """What stands between a document's markers. Raises ValueError: the pair is not there exactly once."""
    found = _marked(marker).findall(document.read_text(encoding="utf-8"))
    if len(found) != 1:
        raise ValueError(f"{document.name} has the markers {marker} {len(found)} times")
    return str(found[0]).strip("\n")


def _marked(marker: str) -> "re.Pattern[str]":
    return re.compile(rf"(?<=<!-- {marker} -->\n)(.*?)(?=<!-- /{marker} -->)", re.DOTALL)


def write_generated() -> None:
    """Put the generated parts between their markers."""
    for document, marker, made in generated():
        text = document.read_text(encoding="utf-8")
        literally = made.replace("\\", r"\\")
        document.write_text(_marked(marker).sub(f"{literally}\n", text), encoding="utf-8")


def main() -> None:
    """Write all generated parts; exit with 1 and the names where an import goes up or there is a circle."""
    if wrong := faults(read_arrows(), layers()):
        sys.exit("\n".join(wrong))
    write_generated()


if __name__ == "__main__":
    main()
