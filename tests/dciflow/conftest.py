"""Commands as they are typed, without a Prefect server: of that they need one variable, which is kept here."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prefect.variables import Variable

from runtime.settings import settings


@pytest.fixture(autouse=True)
def variables(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Prefect's variables by name."""
    kept: dict[str, Any] = {}

    async def aget(name: str, default: Any = None) -> Any:
        return kept.get(name, default)

    async def aset(name: str, value: Any, *, overwrite: bool = False) -> None:
        assert overwrite or name not in kept
        kept[name] = value

    monkeypatch.setattr(Variable, "aget", aget)
    monkeypatch.setattr(Variable, "aset", aset)
    return kept


@pytest.fixture
def ledger_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Where the commands of this test look for the ledger; there is none yet."""
    url = f"sqlite+aiosqlite:///{tmp_path / 'ledger.db'}"
    monkeypatch.setenv("DCIFLOW_LEDGER_URL", url)
    settings.cache_clear()
    yield url
    settings.cache_clear()


@pytest.fixture(autouse=True)
def annas_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who types, and a terminal so wide that no table is folded."""
    monkeypatch.setenv("SUDO_USER", "anna")
    monkeypatch.setenv("COLUMNS", "300")
