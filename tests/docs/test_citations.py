"""Whoever reads the code can look up what it cites: the rules of docs/safety.md and the sections of docs/sources.md."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.documents import DOCUMENTS, SAFETY, SOURCES
from tools.documents import PROJECT

WRITTEN = {".conf", ".md", ".php", ".py", ".toml", ".tpl", ".yaml", ".yml"}
LEFT_OUT = {".git", ".venv", ".dciflow", "__pycache__", "dist"}

# The code writes them as "panel 6.3, 7.3 and 7.8", "WHMCS 13 (ModuleCustom) and 22", "Prefect 1.1 to 1.7".
NUMBERS = r"(\d+(?:\.\d+)?(?:(?: \([^)]*\))?(?:,| and|, and| to) \d+(?:\.\d+)?)*)"
SECTION = re.compile(rf"(?:docs/sources\.md|\[sources\.md\]\(sources\.md\)),? \(?([Pp]anel|WHMCS|Prefect) {NUMBERS}")
RULE = re.compile(rf"[Ss]afety rules?(?:\]\([^)]*\))? {NUMBERS}")


def _files() -> Iterator[Path]:
    for folder in PROJECT.iterdir():
        if folder.name in LEFT_OUT:
            continue
        for file in folder.rglob("*") if folder.is_dir() else [folder]:
            if file.suffix in WRITTEN and LEFT_OUT.isdisjoint(file.parts):
                yield file


TEXTS = {file.relative_to(PROJECT): file.read_text(encoding="utf-8") for file in _files()}
SECTIONS = set(
    re.findall(r"^### ((?:Panel|WHMCS|Prefect) [\d.]+): ", SOURCES.read_text(encoding="utf-8"), re.MULTILINE)
)
RULES = set(re.findall(r"^## Rule (\d+): ", SAFETY.read_text(encoding="utf-8"), re.MULTILINE))


def sections_cited_in(text: str) -> set[str]:
    """The headings of docs/sources.md that a text names, however its lines are broken."""
    found = SECTION.findall(_without_breaks(text))
    return {f"{side[0].upper()}{side[1:]} {number}" for side, numbers in found for number in _each(numbers)}


def rules_cited_in(text: str) -> set[str]:
    """The numbers of the safety rules that a text names."""
    return {number for numbers in RULE.findall(_without_breaks(text)) for number in _each(numbers)}


def _without_breaks(text: str) -> str:
    return re.sub(r"\s*\n[ \t]*(?:\*|#|//)?[ \t]*", " ", text)


def _each(numbers: str) -> list[str]:
    return re.findall(r"\d+(?:\.\d+)?", re.sub(r"\([^)]*\)", "", numbers))


def test_every_section_of_the_sources_that_is_cited_is_there() -> None:
    cited = {(str(file), section) for file, text in TEXTS.items() for section in sections_cited_in(text)}
    assert len(cited) > 60
    assert {(file, section) for file, section in cited if section not in SECTIONS} == set()


def test_every_safety_rule_that_is_cited_is_there() -> None:
    cited = {(str(file), rule) for file, text in TEXTS.items() for rule in rules_cited_in(text)}
    assert len(cited) > 30
    assert {(file, rule) for file, rule in cited if rule not in RULES} == set()


def test_nobody_cites_the_notes_that_are_not_in_the_repository() -> None:
    here = Path(__file__).relative_to(PROJECT)
    assert [str(file) for file, text in TEXTS.items() if file != here and "dossier" in text.casefold()] == []


def test_every_source_of_the_dialect_is_a_section() -> None:
    entries = re.findall(r'^source = "([\d.]+)"$', TEXTS[Path("dcimanager/endpoints.toml")], re.MULTILINE)
    assert len(entries) > 20
    assert {f"Panel {entry}" for entry in entries} <= SECTIONS


def test_every_key_of_the_sources_is_explained_and_used() -> None:
    text = SOURCES.read_text(encoding="utf-8")
    explained = set(re.findall(r"^\| ([A-Z]+\d*) \|", text, re.MULTILINE))
    used = {key for marks in re.findall(r"\[([^\]\n]*(?:\n[^\]\n]*)?)\](?!\()", text) for key in _keys(marks)}
    assert used == explained


def _keys(marks: str) -> list[str]:
    return re.findall(r"(?<![\w-])(?:S\d+|M|C|WD|WS|WC|W|P)(?![\w-])", marks)


@pytest.mark.parametrize(
    ("text", "sections"),
    [
        ("Source: docs/sources.md, panel 6.3, 7.3 and 7.8.", {"Panel 6.3", "Panel 7.3", "Panel 7.8"}),
        ("docs/sources.md, WHMCS 13 (ModuleCustom) and 22.", {"WHMCS 13", "WHMCS 22"}),
        ("(docs/sources.md,\n    # Prefect 1.1 to 1.7)", {"Prefect 1.1", "Prefect 1.7"}),
        ("docs/sources.md, panel 16, rule 15, and the sections named below", {"Panel 16"}),
    ],
)
def test_a_citation_is_read_as_it_is_meant(text: str, sections: set[str]) -> None:
    assert sections_cited_in(text) == sections


def test_a_rule_is_read_as_it_is_meant() -> None:
    assert rules_cited_in("stays claimed (safety rule\n    5). (safety rules 3, 4 and 10)") == {"5", "3", "4", "10"}


def test_the_documents_are_among_what_is_read() -> None:
    assert {document.relative_to(PROJECT) for document in DOCUMENTS} <= TEXTS.keys()
