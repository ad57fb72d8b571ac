"""`dciflow panel trust`, and what `dciflow panel check` says of proofs, as they are typed."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from dcimanager.endpoints import load_dialect
from dcimanager.panel import Panel
from dcimanager.transport import PanelAccess
from ledger import proofs
from ledger.database import Ledger
from ledger.proofs import EVERY_ENTRY, Backing, EntryProof
from runtime import connections
from runtime.clock import clock
from runtime.gate import provable, words_of
from runtime.settings import settings
from simulator.http.app import Simulation
from tests.dciflow.command_line import typed
from tests.harness import PANEL, QUICK

WHY = "I read the \x1b[31mpanel's[/] page"


@pytest.fixture
async def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    url = f"sqlite+aiosqlite:///{tmp_path / 'ledger.db'}"
    monkeypatch.setenv("DCIFLOW_LEDGER_URL", url)
    monkeypatch.setenv("SUDO_USER", "anna")
    monkeypatch.setenv("COLUMNS", "300")
    settings.cache_clear()
    opened = Ledger(url)
    await opened.upgrade()
    return opened


@pytest.fixture(autouse=True)
def _settings_and_panel(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    async def named(name: str) -> Panel:
        simulation = Simulation(QUICK)
        profile = simulation.panel.world.profile
        access = PanelAccess(
            name=name,
            url="https://panel.example",
            username=profile.admin_email,
            password=SecretStr(profile.admin_password),
        )
        return Panel(access, http=simulation.transport())

    monkeypatch.setattr(connections, "panel_named", named)
    yield
    settings.cache_clear()


async def kept(ledger: Ledger) -> list[EntryProof]:
    rows = await proofs.of_panel(ledger, PANEL)
    await ledger.dispose()
    return rows


async def test_who_trusts_a_panel_is_kept_with_the_reason_the_exact_calls_and_their_words(ledger: Ledger) -> None:
    said = await typed("panel", "trust", PANEL, "--why", "we read its page")
    assert said.exit_code == 0, said.output
    assert all(entry in said.output for entry in provable())
    rows = await kept(ledger)
    assert sorted(row.entry for row in rows) == sorted(provable())
    dialect = load_dialect()
    for row in rows:
        assert (row.backing, row.who, row.why) == (Backing.TRUSTED, "anna", "we read its page")
        assert (row.call, row.words) == (dialect[row.entry].call, words_of(dialect, row.entry))


async def test_only_the_entries_that_are_named_are_trusted(ledger: Ledger) -> None:
    said = await typed("panel", "trust", PANEL, "--why", "seen", "--entry", "port_off", "--entry", "port_on")
    assert "port_on, port_off are trusted" in said.output
    assert {row.entry for row in await kept(ledger)} == {"port_on", "port_off"}


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("--why", " "), "A reason is needed"),
        (("--why", "seen", "--entry", "port_of"), "port_of: no entry that has to be proved or trusted"),
        (("--why", "seen", "--entry", "whoami"), "whoami: no entry that has to be proved or trusted"),
    ],
)
async def test_what_cannot_be_trusted_is_refused_in_one_line(ledger: Ledger, words: tuple[str, ...], line: str) -> None:
    said = await typed("panel", "trust", PANEL, *words)
    assert said.exit_code == 1
    assert line in said.output
    assert len(said.output.strip().splitlines()) == 1
    assert await kept(ledger) == []


async def test_what_is_proved_needs_nobodys_word(ledger: Ledger) -> None:
    await prove(ledger, *provable())
    said = await typed("panel", "trust", PANEL, "--why", "seen")
    assert "every entry is proved already" in said.output
    assert {row.backing for row in await kept(ledger)} == {Backing.PROVED}


async def test_a_check_says_what_backs_each_entry_and_what_is_missing(ledger: Ledger) -> None:
    await prove(ledger, "port_off")
    await proofs.record(
        ledger, panel=PANEL, entry="owner_set", call=load_dialect()["owner_set"].call, words={},
        backing=Backing.TRUSTED, who="anna", why=WHY, now=clock().now(),
    )  # fmt: skip
    await ledger.dispose()
    said = await typed("panel", "check", PANEL)
    assert said.exit_code == 1
    assert "by run run-1" in said.output
    assert "trusted by anna" in said.output
    assert "\x1b" not in said.output
    assert "Ready for orders: no." in said.output
    assert "Ready for deletions: no." in said.output
    assert f"dciflow panel trust {PANEL} --why" in said.output

    machine = json.loads((await typed("panel", "check", PANEL, "--json")).stdout)
    stands = {one["entry"]: one for one in machine["proofs"]}
    assert set(stands) == set(provable())
    assert (stands["port_off"]["status"], stands["port_off"]["run_id"], stands["port_off"]["server_id"]) == (
        "proved", "run-1", 17,
    )  # fmt: skip
    assert (stands["owner_set"]["status"], stands["owner_set"]["who"], stands["owner_set"]["why"]) == (
        "trusted", "anna", WHY,
    )  # fmt: skip
    assert stands["diagnostics"] == {
        "entry": "diagnostics", "status": "unproved", "at": None, "who": None, "why": None, "run_id": None,
        "server_id": None,
    }  # fmt: skip


async def test_a_trusted_panel_is_ready(ledger: Ledger) -> None:
    await ledger.dispose()
    assert (await typed("panel", "trust", PANEL, "--why", "seen")).exit_code == 0
    said = await typed("panel", "check", PANEL)
    assert (said.exit_code, "Ready for orders: yes." in said.output) == (0, True), said.output
    assert "Ready for deletions: yes." in said.output


async def test_a_panel_that_sold_before_is_ready_and_told_what_to_prove(ledger: Ledger) -> None:
    await proofs.record(
        ledger, panel=PANEL, entry=EVERY_ENTRY, call="", words={}, backing=Backing.SOLD_BEFORE, who="dciflow",
        why="sold before proofs were kept", now=clock().now(),
    )  # fmt: skip
    await ledger.dispose()
    said = await typed("panel", "check", PANEL)
    assert said.exit_code == 0, said.output
    assert "Only used because the panel sold before proofs were kept" in said.output
    assert f"dciflow panel rehearse {PANEL} --server N" in said.output


async def prove(ledger: Ledger, *entries: str) -> None:
    dialect = load_dialect()
    for entry in entries:
        await proofs.record(
            ledger, panel=PANEL, entry=entry, call=dialect[entry].call, words=words_of(dialect, entry),
            backing=Backing.PROVED, who="dciflow", why="rehearsal", flow_run_id="run-1", server_id=17,
            now=clock().now(),
        )  # fmt: skip
