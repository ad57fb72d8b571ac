"""What the commands print: text from outside is never markup and controls no terminal, and `--json` is for programs."""

import ast
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer
from click.testing import Result
from prefect.events.actions import SendNotification
from typer.testing import CliRunner

import dciflow
from dciflow import notifications
from dciflow.cli import app
from dciflow.cli_output import Output
from dciflow.cli_support import command
from dcimanager.dialect_check import DialectFinding, DialectVerdict
from dcimanager.endpoints import Mark
from dcimanager.survey_findings import Survey
from ledger import decisions, requests
from ledger.database import Ledger
from ledger.proofs import Backing, EntryProof
from runtime import connections
from runtime.blocks import DcimanagerPanel
from runtime.errors import StepRefused
from runtime.gate import EntryStatus
from tasks import panel_check, panel_survey
from tasks.panel_check import CheckLine, PanelReport, Readiness
from tasks.panel_survey import PanelSurvey
from tests.dciflow.command_line import typed
from tests.dciflow.test_cli_held import NOW, active

HOSTILE = "correct [ip_pool_settings] in [bold]x[/] [link=https://evil]:smile: \x1b[31m\x07\x9b2J\u202eevil\nend"
SHOWN = ("correct [ip_pool_settings] in [bold]x[/] [link=https://evil]:smile:", "evil", "end")
UNSEEN = ("\x1b", "\x07", "\x9b", "\u202e")
SECRET = "canary-of-the-panel"


def inert(said: str) -> str:
    """The text is all there, as text; a table may have broken it into lines."""
    assert not any(sign in said for sign in UNSEEN)
    whole = " ".join(re.sub("[│┃]", " ", said).split())
    assert all(part in whole for part in SHOWN), said
    return said


def read(said: Result, exit_code: int = 0) -> Any:
    """What a program gets."""
    assert said.exit_code == exit_code, said.output
    assert said.output.isascii()
    assert not any(sign in said.output for sign in UNSEEN)
    assert SECRET not in said.output
    return json.loads(said.output)


@pytest.fixture
async def held(ledger_url: str) -> None:
    ledger = Ledger(ledger_url)
    await active(ledger)
    driver, _ = await requests.open(
        ledger, service_id=1042, panel="main", action="suspend", flow_run_id="run-1", requested_by="cron", now=NOW,
        silent_after=timedelta(seconds=90),
    )  # fmt: skip
    await requests.hold_and_close(ledger, driver, reason="owner-changed", evidence=HOSTILE, now=NOW)
    await decisions.protect(ledger, 1042, who="anna [red]", why=HOSTILE, now=NOW)
    await ledger.dispose()


TRUSTED = EntryProof(
    panel="main", entry="owner_set", call="", words={}, backing=Backing.TRUSTED, who="anna", why=HOSTILE,
    flow_run_id=None, server_id=None, before="", after="", at=NOW,
)  # fmt: skip


@pytest.fixture
def panel(monkeypatch: pytest.MonkeyPatch) -> None:
    async def names() -> list[str]:
        return ["main"]

    async def stored(name: str) -> DcimanagerPanel:
        return DcimanagerPanel(url="https://panel.example.com/", username=HOSTILE, password=SECRET)

    async def named(name: str) -> None:
        """No panel is asked."""

    async def examine(panel: None) -> PanelReport:
        return PanelReport(
            panel="main",
            orders=[CheckLine(verdict=Readiness.MEND, what=HOSTILE)],
            deletions=[CheckLine(verdict=Readiness.GOOD, what="Pools")],
            dialect=[DialectFinding("owner_set", DialectVerdict.DIFFERS, HOSTILE, Mark.SEEN)],
            proofs=[EntryStatus(entry="owner_set", status="trusted", by=TRUSTED)],
        )

    async def survey(panel: None) -> PanelSurvey:
        return PanelSurvey(panel="main", servers=2, sellable=2, why_not={}, unread=[], found=Survey())

    monkeypatch.setattr(connections, "stored_panels", names)
    monkeypatch.setattr(DcimanagerPanel, "aload", stored)
    monkeypatch.setattr(connections, "panel_named", named)
    monkeypatch.setattr(panel_check, "examine", examine)
    monkeypatch.setattr(panel_survey, "survey", survey)


@pytest.fixture
def automation(monkeypatch: pytest.MonkeyPatch) -> None:
    async def registered() -> tuple[list[Any], list[tuple[str, str]]]:
        action = SendNotification.model_construct(type="send-notification")
        trigger = SimpleNamespace(expect={HOSTILE})
        return [SimpleNamespace(name=HOSTILE, trigger=trigger, actions=[action], enabled=True)], []

    monkeypatch.setattr(notifications, "registered", registered)


@pytest.mark.usefixtures("held")
@pytest.mark.parametrize("words", [("held", "list"), ("held", "show", "1042")], ids=" ".join)
async def test_what_a_panel_says_of_a_held_service_is_shown_as_text(words: tuple[str, ...]) -> None:
    said = await typed(*words)
    assert said.exit_code == 0, said.output
    inert(said.output) if words[1] == "list" else inert_in_markdown(said.output)


def inert_in_markdown(said: str) -> None:
    """A backtick and a bar are replaced there."""
    assert not any(sign in said for sign in UNSEEN)
    assert "[ip_pool_settings]" in said
    assert "[bold]x[/]" in said


@pytest.mark.usefixtures("panel", "automation")
@pytest.mark.parametrize(
    ("words", "exit_code"),
    [(("panel", "list"), 0), (("panel", "check", "main"), 1), (("notify", "list"), 0)],
    ids=lambda words: " ".join(words) if isinstance(words, tuple) else "",
)
async def test_what_comes_from_outside_is_shown_as_text(words: tuple[str, ...], exit_code: int) -> None:
    said = await typed(*words)
    assert said.exit_code == exit_code, said.output
    inert(
        " ".join(said.output.replace("│", " ").replace("┃", " ").split())
        .replace("smile: ", "smile:  ")
        .replace("  ", " ")
    )


def test_a_refusal_that_quotes_a_panel_is_one_line_of_text() -> None:
    refusing = typer.Typer()

    @refusing.command()
    @command
    async def refuse() -> None:
        raise StepRefused(HOSTILE)

    said = CliRunner().invoke(refusing, [])
    assert said.exit_code == 1
    assert len(inert(said.output).splitlines()) == 1


@pytest.mark.usefixtures("held")
async def test_held_services_are_listed_and_shown_for_programs() -> None:
    [listed] = read(await typed("held", "list", "--json"))
    expected = {"service_id": 1042, "panel": "main", "client_id": 7, "server_id": 7, "state": "HELD"}
    assert expected.items() <= listed.items()
    assert (listed["held_from"], listed["reason"], listed["evidence"]) == ("ACTIVE", "owner-changed", HOSTILE)
    assert datetime.fromisoformat(listed["held_at"]) == datetime(2027, 1, 1, 12, tzinfo=UTC)
    shown = read(await typed("held", "show", "1042", "--json"))
    assert listed.items() <= shown.items()
    assert (shown["serial"], shown["ways_out"]) == ("SN-7", ["retry", "release"])
    assert (shown["stopped_run"]["run_id"], shown["stopped_run"]["action"]) == ("run-1", "suspend")
    assert [(one["choice"], one["who"], one["why"]) for one in shown["decisions"]] == [
        ("protect", "anna [red]", HOSTILE)
    ]


@pytest.mark.usefixtures("panel", "automation")
async def test_panels_and_automations_are_listed_and_checked_for_programs() -> None:
    assert read(await typed("panel", "list", "--json")) == [
        {"panel": "main", "url": "https://panel.example.com/", "username": HOSTILE}
    ]
    assert read(await typed("panel", "check", "main", "--json"), exit_code=1) == {
        "panel": "main",
        "ready_for_orders": False,
        "ready_for_deletions": True,
        "orders": [
            {"verdict": "mend", "what": HOSTILE},
            {"verdict": "good", "what": "Survey: 2 of 2 servers could be sold now"},
        ],
        "deletions": [{"verdict": "good", "what": "Pools"}],
        "dialect": [{"entry": "owner_set", "mark": "seen", "verdict": "DIFFERS", "note": HOSTILE}],
        "proofs": [
            {
                "entry": "owner_set",
                "status": "trusted",
                "at": NOW.isoformat().replace("+00:00", "Z"),
                "who": "anna",
                "why": HOSTILE,
                "run_id": None,
                "server_id": None,
            }
        ],
        "survey": {
            "panel": "main", "rows": {}, "servers": 2, "sellable": 2, "why_not": {}, "unread": [], "words": [],
            "words_left_out": 0, "fields": [], "findings": [],
        },
    }  # fmt: skip
    assert read(await typed("notify", "list", "--json")) == [
        {"automation": HOSTILE, "events": [HOSTILE], "sends_to": ["e-mail"], "enabled": True}
    ]


def test_every_command_that_lists_shows_or_checks_has_json() -> None:
    lacking = []
    for name, group in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]
        for word, one in getattr(group, "commands", {}).items():
            if word in ("list", "show", "check", "survey") and not any(
                "--json" in option.opts for option in one.params
            ):
                lacking.append(f"{name} {word}")
    assert lacking == []


def test_no_key_of_json_sounds_like_a_secret() -> None:
    keys = {key for model in Output.__subclasses__() for key in model.model_fields}
    assert "panel" in keys
    assert not any(word in key for key in keys for word in ("password", "secret", "token", "key"))


def test_nothing_is_printed_past_the_one_place_that_escapes() -> None:
    printing = {}
    for file in Path(dciflow.__file__).parent.rglob("*.py"):
        nodes = list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
        calls = {ast.unparse(node.func) for node in nodes if isinstance(node, ast.Call)}
        rich = {str(node.module) for node in nodes if isinstance(node, ast.ImportFrom) and "rich" in str(node.module)}
        if found := calls & {"print", "typer.echo", "typer.secho", "sys.stdout.write"} | rich:
            printing[file.name] = found
    # The latter two print names of their own files only.
    assert set(printing) == {"cli_support.py", "module_archive.py", "release.py"}
