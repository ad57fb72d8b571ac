"""README.md and docs/ say what the code does: their generated parts, commands, settings, links and quoted lines."""

import ast
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, get_args

import pytest
import typer

from dciflow.cli import app
from dcimanager.check import Verdict
from dcimanager.endpoints import Mark, load_dialect
from dcimanager.servers import FILTERED_IDS
from dcimanager.transport import PAGE
from dcimanager.watch import LONGEST_SECONDS, SHORTEST_SECONDS
from ledger.lifecycle import State
from ledger.orders import LONGEST_WIPE_DELAY
from ledger.snapshots import Choice
from tasks.diagnostics import WIPE_MINUTES
from tasks.differences import Drift
from tasks.effects import REPEAT_AFTER_SECONDS
from tasks.heart import HEARTBEAT_SECONDS, SILENT_AFTER
from tasks.outcomes import PRESS, Reason
from tasks.settings import MOST, Settings
from tests.documents import (
    DIALECT,
    DOCUMENTS,
    INSTALL,
    OPERATE,
    PROJECT,
    README,
    SHELLS,
    between,
    blocks,
    commands,
    generated,
    links,
    prefect_settings,
    readme_blocks,
    table,
)
from worker.warm import DRAIN_SECONDS, HAND_BACK_SECONDS, KEPT_FOR_URGENT, SEATS

WAYS_OUT = r"`((?:release|retry|terminate|accept-hardware|forget-server)(?: --past-cap)?)`"
EVERY_DOCUMENT = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: str(file.relative_to(PROJECT)))


@pytest.mark.parametrize(("document", "marker", "made"), [pytest.param(*part, id=part[1]) for part in generated()])
def test_a_generated_part_is_what_the_code_makes_now(document: Path, marker: str, made: str) -> None:
    assert between(document, marker) == made, "write it afresh: .venv/bin/python -m tests.documents"


def test_every_reason_to_hold_has_one_row_and_no_other_has() -> None:
    assert sorted(row[0] for row in table(OPERATE, "### The reasons")) == sorted(f"`{reason}`" for reason in Reason)


@pytest.mark.parametrize("row", table(OPERATE, "### The reasons"), ids=lambda row: row[0].strip("`"))
def test_a_row_of_a_reason_says_what_it_means_how_to_look_and_what_to_press(row: list[str]) -> None:
    assert len(row) == 4
    assert all(row)
    assert set(re.findall(WAYS_OUT, row[3])) == set(PRESS[Reason(row[0].strip("`"))])


def test_every_way_out_of_held_is_explained_and_no_other_is() -> None:
    explained = {" ".join(row[0].strip("`").split()[2:3]) for row in table(OPERATE, "## HELD")}
    assert explained == set(get_args(Choice))


@pytest.mark.parametrize("row", table(OPERATE, "## Caps"), ids=lambda row: row[0].strip("`"))
def test_a_caps_default_is_the_codes(row: list[str]) -> None:
    assert str(Settings.model_fields[row[0].strip("`").removeprefix("DCIFLOW_").lower()].default) == row[2]


def test_every_cap_has_a_row() -> None:
    caps = {f"`DCIFLOW_{name.upper()}`" for name in Settings.model_fields if name.startswith("cap_")}
    assert {row[0] for row in table(OPERATE, "## Caps")} == caps


def test_every_class_of_difference_has_one_row_and_no_other_has() -> None:
    rows = table(OPERATE, "## What does not agree")
    assert [row[0] for row in rows] == [f"`{drift}`" for drift in Drift]
    assert all(len(row) == 4 and all(row) for row in rows)


@EVERY_DOCUMENT
def test_every_link_leads_somewhere(document: Path) -> None:
    for target in links(document):
        file, _, anchor = target.partition("#")
        found = document.parent / file if file else document
        assert found.exists(), target
        assert not anchor or anchor in _anchors(found), target


def _anchors(document: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@EVERY_DOCUMENT
def test_every_dciflow_command_exists_with_its_options(document: Path) -> None:
    for words in commands(document, "dciflow"):
        _check_command(words)


def _check_command(words: list[str]) -> None:
    here: Any = typer.main.get_command(app)
    rest = list(words)
    while hasattr(here, "commands"):
        assert rest, f"dciflow {shlex.join(words)}: a command is missing"
        assert rest[0] in here.commands, f"dciflow {shlex.join(words)}"
        here = here.commands[rest.pop(0)]
    known = {name for parameter in here.params for name in (*parameter.opts, *parameter.secondary_opts)}
    assert {word for word in rest if word.startswith("--")} <= known, f"dciflow {shlex.join(words)}"


def test_a_command_that_does_not_exist_would_be_found() -> None:
    with pytest.raises(AssertionError):
        _check_command(["held", "forget", "1042"])
    with pytest.raises(AssertionError):
        _check_command(["held", "release", "1042", "--now"])


@EVERY_DOCUMENT
def test_every_make_target_exists(document: Path) -> None:
    named = {word for words in commands(document, "make") for word in _without_folder(words)}
    assert named <= _targets()


def _without_folder(words: list[str]) -> list[str]:
    return words[2:] if words[0] == "-C" else words


def _targets() -> set[str]:
    return set(re.findall(r"^([a-z0-9-]+):", (PROJECT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


@EVERY_DOCUMENT
def test_every_module_that_is_run_exists(document: Path) -> None:
    for module in re.findall(r"python -m ([\w.]+)", document.read_text(encoding="utf-8")):
        assert find_spec(module) is not None, module


@pytest.mark.parametrize(
    ("target", "expected"), [("help", "make demo"), ("steps", "| terminate | `load_service` | reads |")]
)
def test_a_make_target_that_only_tells_runs(target: str, expected: str) -> None:
    # The environment that runs this test is taken as built: make would tear it down if the lock looked newer.
    command = ["make", "--no-print-directory", "-o", ".venv/.ready", f"BIN={Path(sys.executable).parent}", target]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    said = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=True).stdout
    assert expected in said


@EVERY_DOCUMENT
def test_every_setting_is_one_that_somebody_reads(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    own = {f"DCIFLOW_{name.upper()}" for name in Settings.model_fields} | _asked_for_by_the_command()
    assert set(re.findall(r"\bPREFECT_[A-Z_]+", text)) <= prefect_settings()
    assert set(re.findall(r"\bDCIFLOW_[A-Z_]+", text)) <= own | {"DCIFLOW_REPOSITORY"}


def _asked_for_by_the_command() -> set[str]:
    files = ("dciflow/cli.py", "dciflow/notify.py", "tests/machine/test_machine.py", "tests/postgres.py")
    files += ("tests/redis_database.py", "tests/mariadb.py")
    readers = [PROJECT / file for file in files]
    return {name for file in readers for name in re.findall(r'"(DCIFLOW_[A-Z_]+)"', file.read_text(encoding="utf-8"))}


def test_the_readme_states_the_numbers_of_the_code() -> None:
    limits = " ".join(README.read_text(encoding="utf-8").partition("## Limits")[2].split())
    marks = [entry.mark for entry in load_dialect().endpoints.values()]
    assert f"{marks.count(Mark.INFERRED)} of the {len(marks)} calls" in limits
    assert f"{WIPE_MINUTES} minutes" in limits
    assert f"up to {SEATS} that work at once, {KEPT_FOR_URGENT} of them kept for suspensions" in limits
    assert f"every {HEARTBEAT_SECONDS} s" in limits
    assert f"silent for {SILENT_AFTER.total_seconds():.0f} s" in limits
    assert f"every {SHORTEST_SECONDS:.0f} to {LONGEST_SECONDS:.0f} s" in limits
    assert f"for each {PAGE} servers, where it waits for more than {FILTERED_IDS}" in limits
    assert f"at most {Settings().panel_calls} calls of one panel" in limits
    assert f"At most {Settings().cap_terminations_per_day} services lose their servers in 24 hours" in limits
    assert f"at most {Settings().cap_wipes_per_hour} wipes are permitted in an hour" in limits
    assert f"At most {Settings().cap_installations} OS installations run at once on a panel" in limits
    assert f"0 to {LONGEST_WIPE_DELAY} hours" in limits
    assert f"up to {MOST:,}" in limits
    assert f"about {sum(REPEAT_AFTER_SECONDS):.0f} s ({len(REPEAT_AFTER_SECONDS) + 1} tries)" in limits


def test_the_readme_answers_in_the_order_of_the_house() -> None:
    assert re.findall(r"^## (.+)$", README.read_text(encoding="utf-8"), re.MULTILINE) == [
        "Run it",
        "Test it",
        "Connect the real WHMCS and panel",
        "When something is HELD",
        "Add a step",
        "Limits",
    ]


def test_the_readme_explains_every_flow() -> None:
    flows = {line.split("|")[1].strip() for line in between(README, "steps").splitlines()[2:]} - {""}
    assert flows == set(re.findall(r"`([a-z-]+)`", _word("flow")))


def _word(name: str) -> str:
    row = next(line for line in README.read_text(encoding="utf-8").splitlines() if line.startswith(f"| {name} |"))
    return row.split("|")[2]


def test_the_words_for_states_are_those_of_the_ledger() -> None:
    said = {
        word
        for document in (README, OPERATE)
        for word in re.findall(r"\b[A-Z]{4,}ING\b|\bHELD\b", document.read_text(encoding="utf-8"))
    }
    assert said <= {*map(str, State), "RUNNING", "PENDING"}


@pytest.mark.parametrize("line", [row[0] for row in table(OPERATE, "## FAILED: common lines")])
def test_a_line_that_is_explained_is_one_that_the_code_can_say(line: str) -> None:
    assert _can_be_said(line.strip("`"), ("tasks", "flows", "ledger", "dcimanager", "whmcs"))


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
        for file in (PROJECT / package).glob("*.py"):
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
    assert explained == {verdict.value for verdict in Verdict}


def test_the_worked_example_of_a_correction_works(tmp_path: Path) -> None:
    example = next(block for block in blocks(DIALECT) if block.language == "toml")
    corrections = tmp_path / "endpoints.toml"
    corrections.write_text(example.text, encoding="utf-8")
    corrected = load_dialect(corrections)
    assert corrected["diagnostics"].payload(clear_disks=True) == {"clean_disks": True}
    assert corrected["diagnostics"].mark is Mark.CORRECTED
    assert (corrected["owner_clear"].method, corrected["owner_clear"].payload(owner=None)) == ("DELETE", {})
    assert corrected["owner_set"] == load_dialect()["owner_set"]


def test_the_workers_unit_gives_it_the_time_that_it_takes_to_stop() -> None:
    unit = next(block.text for block in blocks(INSTALL) if "Worker of dciflow" in block.text)
    seconds = re.search(r"^TimeoutStopSec=(\d+)$", unit, re.MULTILINE)
    assert seconds is not None
    assert float(seconds[1]) > DRAIN_SECONDS + HAND_BACK_SECONDS
    assert f"runs that work get {DRAIN_SECONDS:.0f} s" in " ".join(INSTALL.read_text(encoding="utf-8").split())


@EVERY_DOCUMENT
def test_every_shell_block_can_be_read_by_a_shell(document: Path) -> None:
    for block in blocks(document):
        if block.language in SHELLS:
            subprocess.run(["bash", "-n"], input=block.text, text=True, check=True, capture_output=True)


def test_every_block_says_its_language() -> None:
    assert [block for document in DOCUMENTS for block in blocks(document) if not block.language] == []


def test_a_block_knows_its_heading_and_a_shell_comment_is_none(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# One\n\n```bash\n# not a heading\nmake demo\n```\n\n## Two\n\n```toml\na = 1\n```\n", encoding="utf-8"
    )
    first, second = blocks(page)
    assert (first.language, first.text, first.heading) == ("bash", "# not a heading\nmake demo\n", "One")
    assert (second.language, second.heading) == ("toml", "Two")


def test_the_readme_begins_with_the_demo() -> None:
    assert readme_blocks()[0].text == "make demo\n"
