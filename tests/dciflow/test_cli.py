import socket
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from dciflow.cli import app
from ledger.database import Ledger
from runtime.connections import UNSAVED, stored_panels
from simulator.panel.profile import Profile
from simulator.processes import free_port
from tests.dciflow.command_line import typed

run = CliRunner()


def test_without_a_command_the_help_lists_them() -> None:
    said = run.invoke(app, [])
    for command in ("simulate", "setup", "panel", "whmcs", "held"):
        assert command in said.output


def test_a_password_is_never_taken_from_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DCIFLOW_PANEL_PASSWORD", raising=False)
    said = run.invoke(app, ["panel", "add", "main", "--url", "https://panel.example", "--username", "a@example.com"])
    assert said.exit_code == 1
    assert "DCIFLOW_PANEL_PASSWORD" in said.output


def test_a_panel_address_that_is_none_is_refused_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DCIFLOW_PANEL_PASSWORD", "canary-of-the-panel")
    said = run.invoke(app, ["panel", "add", "main", "--url", "panel.example", "--username", "a@example.com"])
    assert said.exit_code == 1
    assert said.output.startswith("dciflow: url: ")
    assert len(said.output.strip().splitlines()) == 1
    assert "canary" not in said.output


def test_without_a_ledger_the_line_says_which(ledger_url: str) -> None:
    said = run.invoke(app, ["held", "list"])
    assert said.exit_code == 1
    assert said.output.startswith("dciflow: The ledger at ")


async def test_nothing_held_is_an_empty_table(ledger_url: str) -> None:
    ledger = Ledger(ledger_url)
    await ledger.upgrade()
    await ledger.dispose()
    said = await typed("held", "list")
    assert said.exit_code == 0, said.output
    refused = await typed("held", "release", "7", "--why", "x")
    assert refused.exit_code == 1
    assert refused.output.startswith("dciflow: The ledger does not know service 7")


@pytest.mark.parametrize(
    ("text", "fault"), [('{"power_secs": 1}', "power_secs: Extra inputs"), ("{", "Invalid JSON")], ids=["word", "json"]
)
def test_a_profile_of_the_simulator_that_cannot_be_read_is_refused_in_one_line(
    tmp_path: Path, text: str, fault: str
) -> None:
    file = tmp_path / "profile.json"
    file.write_text(text)
    said = run.invoke(app, ["simulate", "--profile", str(file)])
    assert said.exit_code == 1
    assert said.output.startswith("dciflow: ")
    assert fault in said.output
    assert len(said.output.strip().splitlines()) == 1


def test_a_profile_given_in_a_file_is_the_one_simulated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[Profile] = []
    monkeypatch.setattr("simulator.http.server.serve", lambda *, profile, **_: served.append(profile))
    file = tmp_path / "profile.json"
    wanted = Profile.large(200).model_copy(update={"os_install_seconds": 7.0})
    file.write_text(wanted.model_dump_json())
    monkeypatch.setenv("DCIFLOW_SIMULATED_PROFILE", str(file))
    assert run.invoke(app, ["simulate"]).exit_code == 0
    assert served == [wanted]


def test_a_port_in_use_is_left_to_its_owner() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert free_port(port) not in (0, port)


def test_the_version_is_the_packages() -> None:
    said = run.invoke(app, ["--version"])
    assert (said.exit_code, said.output) == (0, f"dciflow {version('dciflow')}\n")


def test_a_shell_completes_the_commands() -> None:
    asked = {"_DCIFLOW_COMPLETE": "complete_bash", "COMP_WORDS": "dciflow he", "COMP_CWORD": "1"}
    assert run.invoke(app, [], prog_name="dciflow", env=asked).output.split() == ["held"]


async def test_the_panel_of_a_connection_that_is_only_tested_is_listed_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    class Prefect:
        async def __aenter__(self) -> "Prefect":
            return self

        async def __aexit__(self, *_: object) -> None:
            """Nothing is open."""

        async def read_block_documents_by_type(self, slug: str) -> list[Any]:
            return [SimpleNamespace(name=name) for name in ("north", UNSAVED, None, "main")]

    async def stored(name: str) -> Any:
        return SimpleNamespace(url=f"https://{name}.example.com", username="a@example.com")

    monkeypatch.setattr("runtime.connections.get_client", Prefect)
    monkeypatch.setattr("runtime.blocks.DcimanagerPanel.aload", stored)
    assert await stored_panels() == ["main", "north"]
    said = await typed("panel", "list")
    assert said.exit_code == 0, said.output
    assert "https://north.example.com" in said.output
    assert UNSAVED not in said.output
