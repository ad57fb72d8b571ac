import asyncio
import logging
from collections.abc import Iterator
from contextlib import suppress

import httpx
import pytest

from ledger.errors import LedgerUnavailable
from runtime.errors import PrefectUnreachable
from worker import janitor


class Looks:
    """What each look says or fails with, in turn; after the last one the janitor is cancelled."""

    def __init__(self, *answers: list[str] | Exception) -> None:
        self.answers: Iterator[list[str] | Exception] = iter(answers)

    async def look(self) -> list[str]:
        answer = next(self.answers, None)
        if answer is None:
            raise asyncio.CancelledError
        if isinstance(answer, Exception):
            raise answer
        return answer


async def test_it_says_what_it_did_and_goes_on_after_every_error(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    runs = Looks(
        ["run 7 was re-queued"],
        LedgerUnavailable("the ledger is away"),
        PrefectUnreachable("Prefect is away"),
        httpx.ConnectError(""),
        KeyError("a fault of ours"),
        ["run 8 was re-queued"],
    )
    forms = Looks(["service 5 has a form"], [])
    monkeypatch.setattr(janitor, "LOOK_SECONDS", 0)
    monkeypatch.setattr(janitor, "PrefectRuns", lambda pool: pool)
    monkeypatch.setattr(janitor, "PrefectForms", lambda: None)
    monkeypatch.setattr(janitor, "StalledRuns", lambda *_: runs)
    monkeypatch.setattr(janitor, "HeldForms", lambda *_: forms)
    with caplog.at_level(logging.INFO, "dciflow.janitor"), suppress(asyncio.CancelledError):
        await janitor.look_after("dcimanager", list)
    lines = [record.getMessage() for record in caplog.records if record.name == "dciflow.janitor"]
    assert lines[:2] == ["run 7 was re-queued", "service 5 has a form"]
    assert "the ledger is away" in lines[2]
    assert "Prefect is away" in lines[3]
    assert "ConnectError" in lines[4]
    assert lines[6:] == ["run 8 was re-queued"]
