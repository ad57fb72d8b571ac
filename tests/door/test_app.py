"""The application as uvicorn starts it, and what nobody thought of."""

from pathlib import Path

import pytest

from door.app import from_environment
from door.installations import DoorNotConfigured, add
from door.rate_limits import RateLimits
from tests.door.conftest import Door


def test_it_is_made_of_its_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "door.toml"
    monkeypatch.setenv("DCIFLOW_DOOR_CONFIG", str(file))
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:1/api")
    with pytest.raises(DoorNotConfigured):
        from_environment()
    add(file, "shop", panels=["main"], whmcs=None, addresses=[])
    assert from_environment()


async def test_what_nobody_thought_of_is_one_line_without_a_trace(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("canary")

    monkeypatch.setattr(RateLimits, "rate_limited", broken)
    answer = await door.start("suspend")
    assert (answer.status_code, answer.json()) == (500, {"detail": "The door failed (RuntimeError): see its log."})
    assert "canary" not in "".join(door.log)
