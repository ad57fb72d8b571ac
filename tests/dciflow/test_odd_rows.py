"""Every command that lists goes on listing when one row is odd, and names that row."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from dciflow import notifications
from ledger import claims, requests, server_notes, services
from ledger.database import Ledger
from ledger.hardware import Hardware
from runtime import connections
from runtime.blocks import DcimanagerPanel
from runtime.settings import settings
from tests.dciflow.command_line import typed
from tests.dciflow.test_cli_held import NOW

LONG = "x" * 50_000


async def change(ledger: Ledger, statement: str) -> None:
    async with ledger.transaction() as session:
        await (await session.connection()).exec_driver_sql(statement)


@pytest.fixture
async def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    url = f"sqlite+aiosqlite:///{tmp_path / 'ledger.db'}"
    monkeypatch.setenv("DCIFLOW_LEDGER_URL", url)
    settings.cache_clear()
    ledger = Ledger(url)
    await ledger.upgrade()
    for service_id in (1, 2, 3):
        await services.remember(ledger, service_id=service_id, panel="main", client_id=7, now=NOW)
        driver, _ = await requests.open(
            ledger, service_id=service_id, panel="main", action="activate", flow_run_id=f"run-{service_id}",
            requested_by="cron", now=NOW, silent_after=timedelta(seconds=90),
        )  # fmt: skip
        await claims.take(ledger, driver, server_id=service_id, hardware=Hardware(serial=f"SN-{service_id}"), now=NOW)
        evidence = "seen: SN[/bold]1" if service_id != 3 else LONG
        await requests.hold_and_close(ledger, driver, reason="owner-changed", evidence=evidence, now=NOW)
        await server_notes.set_aside(ledger, panel="main", server_id=service_id, who="anna", why="SN[/bold]1", now=NOW)
    yield ledger
    await ledger.dispose()
    settings.cache_clear()


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("UPDATE service SET way_back = 'FLOATING' WHERE service_id = 2", "'FLOATING' is not a valid State"),
        ('UPDATE service SET "order" = \'{"ipv4_count": 0}\' WHERE service_id = 2', "order.client_id: Field required"),
        ("UPDATE service SET \"order\" = '{' WHERE service_id = 2", "Expecting property name"),
    ],
    ids=["a state of a newer version", "an order that is none", "JSON that is none"],
)
@pytest.mark.parametrize("as_json", [False, True])
async def test_the_other_held_services_are_listed_when_a_row_cannot_be_read(
    ledger: Ledger, statement: str, why: str, as_json: bool
) -> None:
    await change(ledger, statement)
    listed = await typed("held", "list", *(["--json"] if as_json else []))
    assert listed.exit_code == 1
    assert listed.stderr.startswith("dciflow: service 2 is left out, it cannot be read: ")
    assert why in listed.stderr
    assert len(listed.stderr.splitlines()) == 1
    if as_json:
        assert [one["service_id"] for one in json.loads(listed.stdout)] == [1, 3]
    else:
        assert "SN[/bold]1" in listed.stdout
    assert [one.service_id for one in await services.held(ledger)] == [1, 3]


async def test_the_other_servers_are_listed_when_a_row_cannot_be_read(ledger: Ledger) -> None:
    await change(ledger, "UPDATE server_note SET failures = 'many' WHERE server_id = 2")
    listed = await typed("server", "list")
    assert listed.exit_code == 1
    assert "server 2 of panel main is left out" in listed.stderr
    assert "SN[/bold]1" in listed.stdout
    assert [one.server_id for one in await server_notes.listed(ledger)] == [1, 3]


@pytest.mark.usefixtures("ledger")
async def test_a_text_without_end_is_cut_in_a_table() -> None:
    listed = await typed("held", "list")
    assert listed.exit_code == 0
    assert len(listed.output) < 10_000


async def test_the_other_panels_are_listed_when_a_block_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    async def names() -> list[str]:
        return ["main", "north", "south"]

    async def stored(name: str) -> DcimanagerPanel:
        if name == "north":
            return DcimanagerPanel.model_validate({"url": "https://panel.example.com"})
        return DcimanagerPanel(url="https://panel.example.com/", username="admin@example.com", password="secret")

    monkeypatch.setattr(connections, "stored_panels", names)
    monkeypatch.setattr(DcimanagerPanel, "aload", stored)
    listed = await typed("panel", "list")
    assert listed.exit_code == 1
    assert "Panel north is left out" in listed.stderr
    assert "main" in listed.stdout and "south" in listed.stdout and "north" not in listed.stdout


async def test_the_other_automations_are_listed_when_one_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    good = notifications.NOTIFICATIONS[1].automation([], enabled=True)

    class Client:
        async def __aenter__(self) -> "Client":
            return self

        async def __aexit__(self, *_: object) -> None:
            """Nothing was opened."""

        async def read_automations_by_name(self, name: str) -> list[Any]:
            if name.endswith("cap reached"):
                notifications.Receivers.model_validate({"webhook": []})
            return [good] if good.name == name else []

    monkeypatch.setattr(notifications, "get_client", Client)
    listed = await typed("notify", "list")
    assert listed.exit_code == 1
    assert "Automation dciflow: cap reached is left out" in listed.stderr
    assert "dciflow: HELD" in listed.stdout
