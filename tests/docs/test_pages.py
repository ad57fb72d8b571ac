"""What a page lists or quotes is what the code has: reasons, keys, words, rules and lines of its messages."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel

from dciflow.cli_output import Output, ShownService
from dciflow.doctor.findings import Finding, Verdict
from dcimanager.dialect_check import DialectVerdict
from dcimanager.endpoints import Mark, load_dialect
from dcimanager.learning.proposal import Certainty
from dcimanager.survey_findings import FieldFault, FindingKind, SurveyFinding, UnknownWord
from dcimanager.words import MEANINGS, WordKind
from ledger.hold_reasons import PRESS, HoldReason
from ledger.orders import Order
from ledger.snapshots import Choice
from ledger.states import State
from runtime.settings import SellDespite
from tasks.panel_check import CheckLine, Readiness
from tasks.panel_survey import UnreadList
from tasks.reconciliation.differences import Drift
from tests.docs.documents import API_ORDERS, GLOSSARY, INSTALL, LIMITS, OPERATE, README, SAFETY, blocks, table
from tools.documents import DIALECT, PROJECT, STEPS, between

WAYS_OUT = r"`((?:release|retry|terminate|accept-hardware|forget-server|hand-over)(?: --past-cap)?)`"


def test_every_reason_to_hold_has_one_row_and_no_other_has() -> None:
    assert sorted(row[0] for row in table(OPERATE, "### The reasons")) == sorted(f"`{reason}`" for reason in HoldReason)


@pytest.mark.parametrize("row", table(OPERATE, "### The reasons"), ids=lambda row: row[0].strip("`"))
def test_a_row_of_a_reason_says_what_it_means_how_to_look_and_what_to_press(row: list[str]) -> None:
    assert len(row) == 4
    assert all(row)
    assert set(re.findall(WAYS_OUT, row[3])) == set(PRESS[HoldReason(row[0].strip("`"))])


def test_every_way_out_of_held_is_explained_and_no_other_is() -> None:
    explained = {" ".join(row[0].strip("`").split()[2:3]) for row in table(OPERATE, "## HELD")}
    assert explained == set(get_args(Choice))


def test_every_class_of_difference_has_one_row_and_no_other_has() -> None:
    rows = table(OPERATE, "## What does not agree")
    assert [row[0] for row in rows] == [f"`{drift}`" for drift in Drift]
    assert all(len(row) == 4 and all(row) for row in rows)


def test_the_keys_that_programs_read_are_those_that_are_printed() -> None:
    explained = {key for row in table(OPERATE, "### For programs") for key in re.findall(r"`([a-z_]+)`", row[1])}
    parts: list[type[BaseModel]] = [CheckLine, UnreadList, UnknownWord, FieldFault, SurveyFinding, Finding]
    models: list[type[BaseModel]] = [*Output.__subclasses__(), ShownService, *parts]
    printed = {key for model in models for key in model.model_fields}
    assert explained - set(Readiness) - set(Certainty) - set(Verdict) == printed


def test_the_glossary_explains_every_flow() -> None:
    flows = {line.split("|")[1].strip() for line in between(STEPS, "steps").splitlines()[2:]} - {""}
    explained = next(row[1] for row in table(GLOSSARY, "## Prefect's") if row[0] == "flow")
    assert flows == set(re.findall(r"`([a-z-]+)`", explained))


def test_the_words_of_the_glossary_are_in_order() -> None:
    words = [row[0].casefold() for row in table(GLOSSARY, "## Ours")]
    assert words == sorted(words)


def test_every_key_of_an_order_is_explained() -> None:
    explained = [row[0].strip("`") for row in table(API_ORDERS, "## What an order has")]
    assert sorted(explained) == sorted(Order.model_fields)


def test_every_rule_of_safety_says_whether_it_is_kept() -> None:
    rules = re.split(r"^## Rule ", SAFETY.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    assert [rule.partition(":")[0] for rule in rules] == [str(number + 1) for number in range(len(rules))]
    assert [rule for rule in rules if len(re.findall(r"\*(?:Kept|Partly|Planned)\b", rule)) != 1] == []


def test_the_words_for_states_are_those_of_the_ledger() -> None:
    said = {
        word
        for document in (README, OPERATE, LIMITS)
        for word in re.findall(r"\b[A-Z]{4,}ING\b(?!\.md)|\bHELD\b", document.read_text(encoding="utf-8"))
    }
    assert said <= {*map(str, State), "RUNNING", "PENDING"}


@pytest.mark.parametrize("line", [row[0] for row in table(OPERATE, "## FAILED: common lines")])
def test_a_line_that_is_explained_is_one_that_the_code_can_say(line: str) -> None:
    assert _can_be_said(line.strip("`"), ("runtime", "tasks", "flows", "ledger", "dcimanager", "whmcs", "answers"))


@pytest.mark.parametrize("line", [row[0] for row in table(INSTALL, "## 8. Check the panel")])
def test_a_line_of_the_check_is_one_that_it_can_say(line: str) -> None:
    assert _can_be_said(line.strip("`"), ("tasks",))


def test_a_line_that_nobody_says_would_be_found() -> None:
    assert not _can_be_said("The moon is … full", ("tasks",))


def _can_be_said(line: str, packages: tuple[str, ...]) -> bool:
    """Whether some text of the code reads like the line; … stands for what the code puts in."""
    pieces = [re.escape(piece.strip()) for piece in line.split("…") if piece.strip()]
    return any(re.search(".*".join(pieces), text) for text in _texts(packages))


def _texts(packages: tuple[str, ...]) -> Iterator[str]:
    for package in packages:
        for file in (PROJECT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.JoinedStr):
                    parts = (part.value if isinstance(part, ast.Constant) else "…" for part in node.values)
                    yield "".join(map(str, parts))
                elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                    yield node.value


def test_the_api_role_of_whmcs_allows_what_the_clients_call() -> None:
    rows = {row[0].strip("`") for row in table(INSTALL, "## 6. WHMCS")}
    called = {text for text in _texts(("whmcs",)) if re.fullmatch(r"(Get|Update|Module|Log)[A-Z]\w+", text)}
    assert rows == called


def test_every_mark_and_every_verdict_is_explained() -> None:
    assert {row[0].strip("`") for row in table(DIALECT, "# The panel's dialect")} == {mark.value for mark in Mark}
    explained = {row[0].strip("`") for row in table(DIALECT, "## How the check compares")}
    assert explained == {verdict.value for verdict in DialectVerdict}


def test_every_kind_of_finding_of_a_survey_is_explained() -> None:
    explained = [row[0].strip("`") for row in table(DIALECT, "## Survey: what is really there")]
    assert explained == [kind.value for kind in FindingKind]


def test_the_worked_example_of_a_correction_works(tmp_path: Path) -> None:
    examples = [block.text for block in blocks(DIALECT) if block.language == "toml"]
    corrections = tmp_path / "endpoints.toml"
    corrections.write_text("\n".join(examples), encoding="utf-8")
    corrected = load_dialect(corrections)
    assert corrected["diagnostics"].payload(clear_disks=True) == {"clean_disks": True}
    assert corrected["diagnostics"].mark is Mark.CORRECTED
    assert (corrected["owner_clear"].method, corrected["owner_clear"].payload(owner=None)) == ("DELETE", {})
    assert corrected["owner_set"] == load_dialect()["owner_set"]
    assert corrected.vocabulary.meaning(WordKind.OPERATION, "beendet") == "finished"
    assert corrected.vocabulary.meaning(WordKind.PORT, "testing") == "down"


def test_the_table_of_meanings_is_the_codes() -> None:
    rows = {
        row[0].strip("`"): set(re.findall("`([^`]+)`", row[1])) for row in table(DIALECT, "### What a word can mean")
    }
    assert rows == {str(kind): set(meanings) for kind, meanings in MEANINGS.items()}


def test_the_settings_that_waive_are_named() -> None:
    assert "`DCIFLOW_SELL_DESPITE` waives" in " ".join(LIMITS.read_text(encoding="utf-8").split())
    assert {str(one) for one in SellDespite} <= set(re.findall("`([^`]+)`", LIMITS.read_text(encoding="utf-8")))


SIDES = ("ledger", "prefect", "whmcs", "panel")
MOMENTS = ("brought_back_since", "delivered_since", "owner_cleared_since", "sold_again_since", "decided_since")


@pytest.mark.parametrize("side", SIDES)
def test_each_cell_of_the_restore_matrix_is_a_test(side: str) -> None:
    rows = table(OPERATE, "### What is restored, and when it was taken")
    assert len(rows) == len(MOMENTS)
    assert all(len(row) == 1 + len(SIDES) and all(row) for row in rows)
    source = (PROJECT / "tests" / "stories" / f"test_restored_{side}.py").read_text(encoding="utf-8")
    tests = [node for node in ast.parse(source).body if getattr(node, "name", "").startswith("test_")]
    played = [{part.id for part in ast.walk(test) if isinstance(part, ast.Name)} & set(MOMENTS) for test in tests]
    assert [moments for moments in MOMENTS if not any(moments in one for one in played)] == []
