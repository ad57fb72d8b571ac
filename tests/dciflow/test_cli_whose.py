"""The commands by which a person says whose something is, as they are typed."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from dcimanager.users import User
from ledger import panel_users, services
from ledger.database import Ledger
from ledger.service_identity import ServiceIdentity
from runtime import connections
from tests.dciflow.command_line import typed
from tests.dciflow.test_cli_held import NOW


async def test_a_whmcs_under_a_new_name_is_served_on_a_persons_word(ledger_url: str, tmp_path: Path) -> None:
    ledger = Ledger(ledger_url)
    await ledger.upgrade()
    for number, client in ((1, 7), (2, 8)):
        identity = ServiceIdentity(installation="old", client_id=client)
        await services.remember(ledger, service_id=number, panel="main", identity=identity, now=NOW)
    said = await typed("whmcs", "renamed", "new")
    assert (said.exit_code, said.output.strip()) == (0, "2 services are those of WHMCS installation new from now on.")
    assert await services.serves_another(ledger, "new") is None
    await ledger.dispose()


async def test_a_panel_user_is_given_to_another_client_by_a_person(
    ledger_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = Ledger(ledger_url)
    await ledger.upgrade()
    await panel_users.remember(ledger, panel="main", user_id=25, client_id=7, now=NOW)
    users = {25: User(id=25, email="anna@example.com", roles=("@user",)), 1: User(id=1, roles=("@admin",))}

    async def panel_named(name: str) -> object:
        async def get(user_id: int) -> User | None:
            return users.get(user_id)

        return SimpleNamespace(users=SimpleNamespace(get=get))

    monkeypatch.setattr(connections, "panel_named", panel_named)
    for number, what in (("1", "an administrator"), ("99", "not there")):
        refused = await typed("panel", "user", "main", number, "--client", "8")
        assert refused.exit_code == 1 and what in refused.output
    said = await typed("panel", "user", "main", "25", "--client", "8")
    assert said.output.strip() == "User 25 of panel main is client 8's and was client 7's until now."
    assert await panel_users.of_panel(ledger, "main") == {25: 8}
    await ledger.dispose()
