"""`dciflow doctor` as it is typed."""

import json
from pathlib import Path
from typing import Any

import pytest

from dciflow.doctor import checks
from dciflow.doctor.findings import Check, look, ok, wrong
from runtime.settings import settings
from tests.dciflow.command_line import typed


def databases(folder: Path) -> list[Path]:
    return list(folder.glob("*.db*"))


def finding(monkeypatch: pytest.MonkeyPatch, *found: Any) -> None:
    async def all_checks(backups: Path | None) -> list[Check]:
        return [Check("ledger", lambda: found)]

    monkeypatch.setattr(checks, "all_checks", all_checks)


async def test_a_line_says_what_is_wrong_and_what_to_do_and_the_exit_code_is_1(monkeypatch: pytest.MonkeyPatch) -> None:
    finding(monkeypatch, ok("it answers"), wrong("a name with \x1b[31m[bold].", "mend it"))
    said = await typed("doctor")
    assert said.exit_code == 1
    assert said.output.splitlines() == [
        "ok    ledger: it answers", "wrong ledger: a name with \\x1b[31m[bold]. To do: mend it",
    ]  # fmt: skip


async def test_what_a_person_should_look_at_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    finding(monkeypatch, look("it is paused", "resume it"))
    said = await typed("doctor", "--json")
    assert said.exit_code == 0
    assert json.loads(said.output) == [
        {"about": "ledger", "verdict": "look", "what": "it is paused", "do": "resume it"}
    ]


async def test_where_nothing_is_installed_each_check_says_so_and_nothing_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DCIFLOW_LEDGER_URL", f"sqlite+aiosqlite:///{tmp_path / 'ledger.db'}")
    settings.cache_clear()
    said = await typed("doctor", "--json", "--backups", str(tmp_path))
    settings.cache_clear()
    assert said.exit_code == 1
    found = {one["about"]: one for one in json.loads(said.output)}
    assert {"packages", "code", "secrets", "units", "ledger", "room", "clock", "back-ups", "caps"} <= found.keys()
    assert found["ledger"]["verdict"] == "wrong"
    assert found["clock"]["what"].startswith("could not be looked at: There is no ledger")
    assert databases(tmp_path) == []
    assert all(one["do"] for one in found.values() if one["verdict"] != "ok")
