import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from dciflow.cli import app
from ledger import panels, services
from ledger.database import Ledger
from runtime import blocks, connections
from runtime.settings import settings

run = CliRunner()
NOW = datetime(2026, 3, 1, tzinfo=UTC)
HERE = "https://panel.example:443"


@pytest.fixture
def stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """What Prefect has credentials of; the ledger knows panel main with one service."""
    url = f"sqlite+aiosqlite:///{tmp_path / 'ledger.db'}"
    monkeypatch.setenv("DCIFLOW_LEDGER_URL", url)
    monkeypatch.setenv("DCIFLOW_PANEL_PASSWORD", "canary")
    settings.cache_clear()
    kept: dict[str, Any] = {"main": "the block of main"}

    async def names() -> list[str]:
        return sorted(kept)

    async def load(name: str) -> SimpleNamespace:
        async def save(new: str, overwrite: bool) -> None:
            kept[new] = kept[name]

        return SimpleNamespace(asave=save)

    async def save(self: object, name: str, overwrite: bool) -> None:
        kept[name] = "added"

    monkeypatch.setattr(connections, "stored_panels", names)
    monkeypatch.setattr(blocks.DcimanagerPanel, "aload", load)
    monkeypatch.setattr(blocks.DcimanagerPanel, "asave", save)

    async def fill() -> None:
        ledger = Ledger(url)
        await ledger.upgrade()
        await panels.recognise(ledger, "main", HERE, NOW)
        await services.remember(ledger, service_id=1, panel="main", now=NOW)
        await ledger.dispose()

    asyncio.run(fill())
    yield kept
    settings.cache_clear()


def test_a_renamed_panel_goes_on_with_its_credentials_under_the_new_name(stored: dict[str, Any]) -> None:
    said = run.invoke(app, ["panel", "rename", "main", "main-3"])
    assert said.exit_code == 0, said.output
    assert "Panel main is called main-3 from now on; services: 1." in said.output
    assert stored["main-3"] == "the block of main"


def test_credentials_that_whmcs_stored_under_the_new_name_stay(stored: dict[str, Any]) -> None:
    stored["main-3"] = "WHMCS's"
    assert run.invoke(app, ["panel", "rename", "main", "main-3"]).exit_code == 0
    assert stored["main-3"] == "WHMCS's"


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["rename", "main", "Main#"], "'Main#' is no name of a panel"),
        (["rename", "nobody", "main-3"], "The ledger knows no panel nobody"),
        (["recount", "main?x=1"], "'main?x=1' is no name of a panel"),
        (["add", "Main", "--url", "https://x.example", "--username", "a"], "'Main' is no name of a panel"),
        (["add", "main-3", "--url", "https://PANEL.example/", "--username", "a"], "Panel main-3 is panel main under"),
        (["check", "main?x=1"], "'main?x=1' is no name of a panel"),
        (["survey", "../main"], "'../main' is no name of a panel"),
        (["trust", "main#", "--why", "-"], "'main#' is no name of a panel"),
        (["learn", "main#"], "'main#' is no name of a panel"),
        (["rehearse", "main#", "--server", "3"], "'main#' is no name of a panel"),
    ],
)
def test_what_is_no_name_or_a_second_one_is_refused_in_one_line(
    stored: dict[str, Any], words: list[str], line: str
) -> None:
    said = run.invoke(app, ["panel", *words])
    assert said.exit_code == 1
    assert said.output.startswith(f"dciflow: {line}")
    assert len(said.output.strip().splitlines()) == 1
    assert set(stored) == {"main"}
