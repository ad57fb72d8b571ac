from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from dciflow import cli_rehearse
from dciflow.cli import app
from dcimanager.errors import PanelNotFound
from dcimanager.servers import Server
from runtime import connections

run = CliRunner()


class Servers:
    """A panel with one server, 17."""

    async def get(self, server_id: int) -> Server:
        if server_id != 17:
            raise PanelNotFound(f"The panel main has no server {server_id}: was it removed there?")
        return Server(id=17, name="srv-17\x1b[2J", serial="SN-17")


@pytest.fixture(autouse=True)
def started(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The rehearsals that were started."""
    found: list[Any] = []

    async def panel(name: str) -> Any:
        return SimpleNamespace(servers=Servers())

    async def start(*asked: object) -> None:
        found.append(asked)
        raise RuntimeError("far enough")

    monkeypatch.setattr(connections, "panel_named", panel)
    monkeypatch.setattr(cli_rehearse, "_start", start)
    return found


def rehearse(*arguments: str, typed: str = "") -> Any:
    return run.invoke(app, ["panel", "rehearse", "main", *arguments], input=typed)


def test_a_script_has_to_agree_to_the_clearing_of_the_disks(started: list[Any]) -> None:
    said = rehearse("--server", "17")
    assert said.exit_code == 1
    assert "say --yes if its disks may be cleared. Nothing was touched." in said.output
    assert started == []


@pytest.mark.parametrize(("typed", "begins"), [("17\n", True), ("71\n", False), ("yes\n", False)])
def test_a_person_types_the_servers_number(
    started: list[Any], monkeypatch: pytest.MonkeyPatch, typed: str, begins: bool
) -> None:
    monkeypatch.setattr(cli_rehearse, "_has_terminal", lambda: True)
    said = rehearse("--server", "17", typed=typed)
    assert said.exit_code == 1
    assert bool(started) is begins
    assert "serial SN-17" in said.output
    assert "\x1b" not in said.output


def test_yes_asks_nobody(started: list[Any]) -> None:
    rehearse("--server", "17", "--yes", "--template", "Debian", "--pool", "public")
    assert started == [("main", 17, "Debian", "public")]


def test_a_server_that_is_not_there_is_one_line(started: list[Any]) -> None:
    said = rehearse("--server", "99", "--yes")
    assert (said.exit_code, started) == (1, [])
    assert said.output.startswith("dciflow: The panel main has no server 99")
