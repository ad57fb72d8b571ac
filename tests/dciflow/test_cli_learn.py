"""The command `dciflow panel learn` on a simulated panel."""

import json
from pathlib import Path
from typing import Any

import pytest

from dcimanager.endpoints import load_dialect
from dcimanager.panel import Panel
from dcimanager.transport import PanelAccess
from runtime import connections
from simulator.http.app import Simulation
from simulator.panel.variants import Variants
from tests.dciflow.command_line import typed

LEARN = ("panel", "learn", "main")


@pytest.fixture
def variants() -> Variants:
    return Variants()


@pytest.fixture
def simulated(monkeypatch: pytest.MonkeyPatch, variants: Variants) -> Simulation:
    simulation = Simulation(variants=variants)

    async def panel_named(name: str) -> Panel:
        access = PanelAccess(name=name, url="https://panel.example.com", username="u", password="canary-password")
        return Panel(access, http=simulation.transport())

    monkeypatch.setattr(connections, "panel_named", panel_named)
    return simulation


async def test_each_entry_is_shown_with_its_certainty_and_evidence(simulated: Simulation) -> None:
    said = await typed(*LEARN)
    assert said.exit_code == 0, said.output
    rows = [line for line in said.output.splitlines() if "diagnostics" in line]
    assert any("sure" in row and "as ours" in row for row in rows)
    not_learned = ["swagger", "address_add_ipv6"]  # the latter is a site's to write, where its pools have IPv6
    assert [name for name in load_dialect().endpoints if name not in said.output] == not_learned


async def test_programs_read_what_was_learned(simulated: Simulation) -> None:
    said = await typed(*LEARN, "--json")
    told: dict[str, Any] = json.loads(said.output)
    assert told["definitions"] == [
        "DCI back (/api/dci/v3/swagger.json)",
        "Auth v4 (/api/auth/v4/swagger.json)",
        "IPmanager (/api/ip/v3/swagger.json)",
    ]
    diagnostics = next(one for one in told["entries"] if one["entry"] == "diagnostics")
    assert (diagnostics["certainty"], diagnostics["same"]) == ("sure", True)
    assert diagnostics["body"] == {"clear_disks": "clear_disks"}


async def test_a_file_is_written_once_and_accepted(simulated: Simulation, tmp_path: Path) -> None:
    file = tmp_path / "endpoints-main.toml"
    assert "DCIFLOW_ENDPOINTS_FILE" in (await typed(*LEARN, "--write", str(file))).output
    written = file.read_text(encoding="utf-8")
    assert load_dialect(file)["diagnostics"].path == load_dialect()["diagnostics"].path
    again = await typed(*LEARN, "--write", str(file))
    assert (again.exit_code, file.read_text(encoding="utf-8")) == (1, written)
    assert "is there already" in again.output


async def test_a_folder_that_is_not_there_is_told_in_one_line(simulated: Simulation, tmp_path: Path) -> None:
    said = await typed(*LEARN, "--write", str(tmp_path / "no" / "file.toml"))
    assert said.exit_code == 1
    assert len(said.output.strip().splitlines()) == 1


@pytest.mark.parametrize("variants", [Variants(swagger="absent")])
async def test_a_panel_without_a_description_is_told_in_one_line(simulated: Simulation) -> None:
    said = await typed(*LEARN)
    assert said.exit_code == 1
    assert said.output.startswith("dciflow: Panel main serves no Swagger definition (/swagger/: HTTP 404")
    assert len(said.output.strip().splitlines()) == 1
