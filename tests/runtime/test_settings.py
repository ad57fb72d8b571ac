from pathlib import Path

import pytest
from pydantic import ValidationError

from runtime.settings import MOST, Settings


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DCIFLOW_LEDGER_URL", "postgresql+asyncpg://ledger.example/dciflow")
    monkeypatch.setenv("DCIFLOW_ENDPOINTS_FILE", "/etc/dciflow/endpoints.toml")
    monkeypatch.setenv("DCIFLOW_TRAFFIC", "true")
    found = Settings()
    assert found.ledger_url == "postgresql+asyncpg://ledger.example/dciflow"
    assert found.endpoints_file == Path("/etc/dciflow/endpoints.toml")
    assert found.traffic is True


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PANEL_CALLS", "0"),
        ("CAP_INSTALLATIONS", str(MOST + 1)),
        ("RECONCILE_SHRINK_SHARE", "0.6"),
        ("RECONCILE_REPAIRS", "0"),
        ("STOCK_LOW", "-1"),
        ("CLOCK_SPEED", "0"),
    ],
)
def test_a_value_out_of_its_range_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"DCIFLOW_{name}", value)
    with pytest.raises(ValidationError, match=name.lower()):
        Settings()
