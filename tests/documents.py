"""Reads README.md and docs/ as what they are made of: blocks, links, tables, and the parts that the code writes.

`python -m tests.documents` writes the generated parts afresh.
"""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from prefect.settings import Settings as PrefectSettings
from prefect.settings.legacy import _get_settings_fields
from prefect_redis.cleanup_queue import RedisWorkerCleanupQueueSettings
from prefect_redis.client import RedisMessagingSettings

from dcimanager.endpoints import load_dialect
from flows.steps import table as steps_table
from ledger.picture import picture

PROJECT = Path(__file__).resolve().parent.parent
README = PROJECT / "README.md"
DIALECT = PROJECT / "docs" / "dialect.md"
OPERATE = PROJECT / "docs" / "operate.md"
INSTALL = PROJECT / "docs" / "install.md"
DOCUMENTS = [README, *sorted((PROJECT / "docs").rglob("*.md"))]

SHELLS = frozenset({"bash", "console", "sh"})
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_INLINE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")


@dataclass(frozen=True)
class Block:
    """One fenced block, and the heading it stands under."""

    language: str
    text: str
    heading: str

    @property
    def is_make(self) -> bool:
        """Whether it only calls make."""
        return all(line.startswith("make ") for line in self.text.splitlines())


def blocks(document: Path) -> list[Block]:
    """The fenced blocks of a document, in order."""
    text = document.read_text(encoding="utf-8")
    # What looks like a heading inside a block is a shell comment.
    outside = _FENCE.sub(lambda fence: re.sub(r"[^\n]", " ", fence[0]), text)
    headings = [(heading.start(), heading[1]) for heading in _HEADING.finditer(outside)]
    return [
        Block(fence[1], fence[2], next((name for at, name in reversed(headings) if at < fence.start()), ""))
        for fence in _FENCE.finditer(text)
    ]


def readme_blocks() -> list[Block]:
    """The README's blocks that a reader types into a shell."""
    return [block for block in blocks(README) if block.language in SHELLS]


def commands(document: Path, program: str) -> list[list[str]]:
    """The words of every call of a program, in blocks and in running text, without the program itself."""
    text = document.read_text(encoding="utf-8")
    lines = [line for block in blocks(document) if block.language in SHELLS for line in block.text.splitlines()]
    lines += _INLINE.findall(_FENCE.sub("", text))
    return [words[1:] for words in map(_words, lines) if len(words) > 1 and words[0] == program]


def _words(line: str) -> list[str]:
    """A command's words, without who runs it and without the folder that it lies in."""
    try:
        words = shlex.split(line, comments=True)
    except ValueError:  # a part of a longer command, or none at all
        return []
    if words[:1] == ["sudo"]:
        words = words[3:] if words[1:2] == ["-u"] else words[1:]
    return [words[0].rpartition("/")[2], *words[1:]] if words else []


def prefect_settings() -> set[str]:
    """The names of all settings that the installed Prefect and its Redis package read from the environment."""
    redis = {f"PREFECT_REDIS_MESSAGING_{name.upper()}" for name in RedisMessagingSettings.model_fields}
    redis |= {
        f"PREFECT_REDIS_WORKER_CLEANUP_QUEUE_{name.upper()}" for name in RedisWorkerCleanupQueueSettings.model_fields
    }
    # Prefect reads its encryption key from the environment alone.
    return {*_get_settings_fields(PrefectSettings), *redis, "PREFECT_SERVER_ENCRYPTION_KEY"}


def links(document: Path) -> list[str]:
    """The targets of a document's links that lead to another file of the project."""
    text = _FENCE.sub("", document.read_text(encoding="utf-8"))
    return [target for target in _LINK.findall(text) if "://" not in target]


def table(document: Path, heading: str) -> list[list[str]]:
    """The rows of the first table under a heading, without its head. Raises ValueError: there is none."""
    _, found, rest = f"\n{document.read_text(encoding='utf-8')}".partition(f"\n{heading}\n")
    section = re.split(r"^#", rest, maxsplit=1, flags=re.MULTILINE)[0] if found else ""
    rows = [line for line in section.splitlines() if line.startswith("|")]
    if len(rows) < 3:
        raise ValueError(f"{document.name} has no table under {heading!r}")
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows[2:]]


def between(document: Path, marker: str) -> str:
    """What stands between a document's markers. Raises ValueError: the pair is not there exactly once."""
    found = _marked(marker).findall(document.read_text(encoding="utf-8"))
    if len(found) != 1:
        raise ValueError(f"{document.name} has the markers {marker} {len(found)} times")
    return str(found[0]).strip("\n")


def _marked(marker: str) -> "re.Pattern[str]":
    return re.compile(rf"(?<=<!-- {marker} -->\n)(.*?)(?=<!-- /{marker} -->)", re.DOTALL)


def generated() -> Iterator[tuple[Path, str, str]]:
    """Document, marker and text of everything that the code writes into the documents."""
    yield README, "lifecycle", f"```mermaid\n{picture()}\n```"
    yield README, "steps", steps_table()
    yield DIALECT, "dialect", dialect_table()


def dialect_table() -> str:
    """The table of endpoints as markdown."""
    lines = ["| entry | call | body and values | mark | dossier |", "| --- | --- | --- | --- | --- |"]
    for entry in load_dialect().endpoints.values():
        keys = [f"{word} = `{key}`" for word, key in entry.body.items()]
        keys += [f"{word} is `{value}`" for word, value in entry.values.items()]
        lines.append(
            f"| `{entry.name}` | `{entry.method} {entry.path}` | {', '.join(keys) or '-'} | {entry.mark.value} "
            f"| {entry.source} |"
        )
    return "\n".join(lines)


def write_generated() -> None:
    """Put the generated parts between their markers."""
    for document, marker, made in generated():
        text = document.read_text(encoding="utf-8")
        literally = made.replace("\\", r"\\")
        document.write_text(_marked(marker).sub(f"{literally}\n", text), encoding="utf-8")


if __name__ == "__main__":
    write_generated()
