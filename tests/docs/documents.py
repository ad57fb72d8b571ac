"""Reads README.md and docs/ as what they are made of: blocks, links and tables."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from prefect.settings import Settings as PrefectSettings
from prefect.settings.legacy import _get_settings_fields
from prefect_redis.cleanup_queue import RedisWorkerCleanupQueueSettings
from prefect_redis.client import RedisMessagingSettings

from tools.documents import PROJECT

README = PROJECT / "README.md"
CONTRIBUTING = PROJECT / "CONTRIBUTING.md"
INDEX = PROJECT / "docs" / "README.md"
API_ORDERS = PROJECT / "docs" / "api-orders.md"
GLOSSARY = PROJECT / "docs" / "glossary.md"
INSTALL = PROJECT / "docs" / "install.md"
LIMITS = PROJECT / "docs" / "limits.md"
OPERATE = PROJECT / "docs" / "operate.md"
SAFETY = PROJECT / "docs" / "safety.md"
SOURCES = PROJECT / "docs" / "sources.md"
DOCUMENTS = sorted([*PROJECT.glob("*.md"), *(PROJECT / "docs").rglob("*.md"), *(PROJECT / "tests").glob("*.md")])

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


def shell_blocks(*documents: Path) -> list[Block]:
    """The blocks that a reader types into a shell, in order."""
    return [block for document in documents for block in blocks(document) if block.language in SHELLS]


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
