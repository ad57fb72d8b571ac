"""The password in WHMCS when a reinstallation does not come to the panel: it is the one that the server still has."""

import logging

import pytest

from ledger import reinstalls
from ledger.errors import LedgerUnavailable
from ledger.states import State
from simulator.whmcs.model import Answer, Parameters
from tests.harness import Harness
from tests.stories.anew import ask, disk, in_use, is_untouched
from tests.stories.scenario import one_line, sent

READS = 4
"""How often a reading is asked for before it is given up (whmcs/transport.py)."""


def away_after_the_update(harness: Harness, monkeypatch: pytest.MonkeyPatch, calls: int) -> None:
    """WHMCS takes the next update and then does not answer for so many calls."""
    handle, seen = harness.whmcs.handle, list[str]()

    def once(form: Parameters) -> Answer:
        answer = handle(form)
        if form.get("action") == "UpdateClientProduct" and not seen:
            seen.append("taken")
            harness.whmcs.unavailable(calls)
        return answer

    monkeypatch.setattr(harness.whmcs, "handle", once)


@pytest.mark.parametrize("lost", ["answer", "reading"])
async def test_what_whmcs_does_not_answer_is_no_reason_to_forget_the_servers_own_password(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    service_id, server_id = await in_use(harness)
    password, writes = harness.billed(service_id).password, len(harness.panel.writes())
    harness.panel.admin.protect(server_id)  # the run starts once more, and then the panel refuses
    if lost == "answer":
        harness.whmcs.lose_answer("UpdateClientProduct")
    else:
        away_after_the_update(harness, monkeypatch, READS)
    await one_line(ask(harness, service_id))
    assert harness.billed(service_id).password == password
    assert (await harness.service(service_id)).state is State.ACTIVE
    assert "photographs" in disk(harness, server_id)
    assert len(harness.panel.writes()) > writes, "the second start came to the panel"


async def test_a_password_that_cannot_be_put_back_ends_the_run_with_what_to_do(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    service_id, server_id = await in_use(harness)
    password, writes = harness.billed(service_id).password, len(harness.panel.writes())
    away_after_the_update(harness, monkeypatch, READS + 1)  # the reading, and the update that puts it back
    with caplog.at_level(logging.WARNING):
        line = await one_line(ask(harness, service_id))
    assert "WHMCS may show a password that its server does not have" in line
    await is_untouched(harness, service_id, server_id, writes)
    shown = harness.billed(service_id).password
    [warning] = [one.getMessage() for one in caplog.records if "was not touched" in one.getMessage()]
    assert "another reinstallation makes both the same again" in warning
    assert not any(secret in text for secret in (password, shown) for text in (warning, line))
    harness.clock.simulated.advance(600)
    await ask(harness, service_id)
    assert len(sent(harness, "os_install")) == 2


async def test_a_ledger_that_is_away_keeps_no_password_from_being_put_back(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    service_id, server_id = await in_use(harness)
    password, withdraw, tries = harness.billed(service_id).password, reinstalls.withdraw, list[str]()

    async def away_once(*given: object, **named: object) -> object:
        tries.append(harness.billed(service_id).password)
        if len(tries) == 1:
            raise LedgerUnavailable("the ledger is away")
        return await withdraw(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr("ledger.reinstalls.withdraw", away_once)
    harness.panel.admin.protect(server_id)
    await one_line(ask(harness, service_id))
    assert tries[0] != password
    assert harness.billed(service_id).password == password
