"""Every page of the documentation: its generated parts, links, commands, settings and code blocks."""

import os
import re
import shlex
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import typer

from dciflow.cli import app
from runtime.settings import Settings
from tests.docs.documents import DOCUMENTS, SHELLS, blocks, commands, links, prefect_settings
from tools.documents import PROJECT, between, generated

EVERY_DOCUMENT = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: str(file.relative_to(PROJECT)))


@pytest.mark.parametrize(("document", "marker", "made"), [pytest.param(*part, id=part[1]) for part in generated()])
def test_a_generated_part_is_what_the_code_makes_now(document: Path, marker: str, made: str) -> None:
    assert between(document, marker) == made, "write it afresh: make docs"


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
    while hasattr(here, "commands") and not (rest and rest[0].startswith("--")):  # `dciflow --version` is whole
        if not rest and here.invoke_without_command:
            break
        assert rest, f"dciflow {shlex.join(words)}: a command is missing"
        assert rest[0] in here.commands, f"dciflow {shlex.join(words)}"
        here = here.commands[rest.pop(0)]
    known = {name for parameter in here.params for name in (*parameter.opts, *parameter.secondary_opts)} | {"--help"}
    assert {word for word in rest if word.startswith("--")} <= known, f"dciflow {shlex.join(words)}"


def test_a_command_that_does_not_exist_would_be_found() -> None:
    with pytest.raises(AssertionError):
        _check_command(["held", "forget", "1042"])
    with pytest.raises(AssertionError):
        _check_command(["held", "release", "1042", "--now"])
    with pytest.raises(AssertionError):
        _check_command(["--versions"])


@EVERY_DOCUMENT
def test_every_make_target_exists(document: Path) -> None:
    named = {word for words in commands(document, "make") for word in _targets_of(words)}
    assert named <= _targets()


def _targets_of(words: list[str]) -> list[str]:
    """Without a folder, and without what is set."""
    return [word for word in (words[2:] if words[0] == "-C" else words) if "=" not in word]


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
def test_every_test_that_is_run_exists(document: Path) -> None:
    for test in re.findall(r"pytest [^\n`]*?(tests/[\w/.]+)", document.read_text(encoding="utf-8")):
        assert (PROJECT / test).exists(), test


@EVERY_DOCUMENT
def test_every_setting_is_one_that_somebody_reads(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    own = {f"DCIFLOW_{name.upper()}" for name in Settings.model_fields} | _asked_for_by_the_command()
    assert set(re.findall(r"\bPREFECT_[A-Z_]+", text)) <= prefect_settings()
    assert set(re.findall(r"\bDCIFLOW_[A-Z_]+", text)) <= own | {"DCIFLOW_REPOSITORY"}


def _asked_for_by_the_command() -> set[str]:
    files = (
        "dciflow/cli.py",
        "dciflow/cli_door.py",
        "dciflow/cli_notify.py",
        "tests/machine/test_machine.py",
        "tests/postgres.py",
    )
    files += ("tests/redis_database.py", "tests/mariadb.py")
    readers = [PROJECT / file for file in files]
    return {name for file in readers for name in re.findall(r'"(DCIFLOW_[A-Z_]+)"', file.read_text(encoding="utf-8"))}


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
