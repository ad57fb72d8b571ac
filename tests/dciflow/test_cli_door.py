"""`dciflow door`: how it starts, and who is let in."""

from pathlib import Path
from typing import Any

import pytest
import uvicorn
from typer.testing import CliRunner

from dciflow.cli import app
from door.installations import authenticated, load
from tests.door.test_installations import basic

RUN = CliRunner()


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DCIFLOW_DOOR_CONFIG", str(tmp_path / "door.toml"))
    return tmp_path / "door.toml"


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    asked: dict[str, Any] = {}
    monkeypatch.setattr(uvicorn, "run", lambda application, **more: asked.update(more, application=application))
    return asked


def test_a_new_installation_gets_a_secret_that_is_shown_once(config: Path) -> None:
    said = RUN.invoke(
        app, ["door", "add", "billing", "--panel", "main", "--whmcs", "0f1e2d3c4b5a", "--address", "192.0.2.10"]
    )
    assert said.exit_code == 0
    assert authenticated(load(config), basic(said.output.split()[-1])) == load(config)["billing"]
    again = RUN.invoke(app, ["door", "add", "billing", "--panel", "main"])
    assert (again.exit_code, again.output.count("\n")) == (1, 1)
    assert "Nothing was written" in again.output


def test_it_starts_with_what_options_or_environment_say(
    config: Path, started: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    RUN.invoke(app, ["door", "add", "billing", "--panel", "main", "--address", "192.0.2.10"])
    monkeypatch.setenv("DCIFLOW_DOOR_PORT", "8443")
    key = tmp_path / "key.pem"
    key.write_text("-", encoding="utf-8")
    said = RUN.invoke(
        app, ["door", "--host", "192.0.2.1", "--certificate", str(key), "--key", str(key), "--processes", "3"]
    )
    assert said.output == "The door is open on 192.0.2.1:8443 for billing.\n"
    assert started["application"] == "door.app:from_environment"
    wanted = {"host": "192.0.2.1", "port": 8443, "workers": 3, "ssl_certfile": key, "ssl_keyfile": key}
    assert wanted.items() <= started.items()
    assert (started["access_log"], started["forwarded_allow_ips"]) == (False, "127.0.0.1")


def test_plain_http_beyond_this_machine_is_told(config: Path, started: dict[str, Any]) -> None:
    RUN.invoke(app, ["door", "add", "billing", "--panel", "main"])
    assert "readable on the wire" in RUN.invoke(app, ["door", "--host", "192.0.2.1"]).output
    assert "readable on the wire" not in RUN.invoke(app, ["door"]).output


def test_a_port_that_others_reach_without_addresses_is_told(config: Path, started: dict[str, Any]) -> None:
    RUN.invoke(app, ["door", "add", "billing", "--panel", "main", "--address", "192.0.2.10"])
    assert "the firewall" not in RUN.invoke(app, ["door", "--host", "192.0.2.1"]).output
    RUN.invoke(app, ["door", "add", "other", "--panel", "theirs"])
    said = RUN.invoke(app, ["door", "--host", "192.0.2.1"]).output
    assert "No `addresses` for other: let the firewall admit WHMCS's address only." in said
    assert "the firewall" not in RUN.invoke(app, ["door"]).output


@pytest.mark.parametrize("arguments", [[], ["--config", "/nowhere/door.toml"]])
def test_without_installations_it_does_not_start(config: Path, started: dict[str, Any], arguments: list[str]) -> None:
    said = RUN.invoke(app, ["door", *arguments])
    assert (said.exit_code, said.output.count("\n"), started) == (1, 1, {})
    assert "dciflow door add" in said.output


def test_a_certificate_without_its_key_is_refused(config: Path, started: dict[str, Any]) -> None:
    RUN.invoke(app, ["door", "add", "billing", "--panel", "main"])
    said = RUN.invoke(app, ["door", "--certificate", str(config)])
    assert (said.exit_code, started) == (1, {})
