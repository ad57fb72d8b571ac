import pytest

from flows.activate import activate
from tests.harness import Harness
from tests.stories.scenario import activated, one_line, sent


async def test_a_user_whom_the_panel_spells_with_capitals_is_the_clients(harness: Harness) -> None:
    user = harness.panel.users.create("ANNA+DC@example.com", password="simulated-client-password")
    _, server = await activated(harness)
    assert server.owner_id == user.id


@pytest.mark.parametrize("spelling", [str.upper, str.title])
async def test_an_administrator_in_another_spelling_is_no_client(harness: Harness, spelling: object) -> None:
    assert callable(spelling)
    admin = harness.panel.world.profile.admin_email
    client = harness.whmcs.add_client(spelling(admin), "Mallory", "Example")
    line = await one_line(
        harness.run(activate, harness.buy(client_id=client.id), order=harness.order(client_id=client.id))
    )
    assert "belongs to an administrator" in line
    assert sent(harness, "user_create") == []


async def test_an_administrator_whom_the_panel_spells_with_capitals_is_no_client(harness: Harness) -> None:
    harness.panel.users.create("ADMIN2@Example.com", password="simulated-admin-password", role="@admin")
    client = harness.whmcs.add_client("admin2@example.com", "Mallory", "Example")
    line = await one_line(
        harness.run(activate, harness.buy(client_id=client.id), order=harness.order(client_id=client.id))
    )
    assert "belongs to an administrator" in line


@pytest.mark.parametrize("first", ["<script>alert(1)</script>", 'O"Hara\\', "Анна 安娜", "' OR 1=1 --", "{{7*7}}"])
async def test_a_hostile_name_is_the_panel_users_name_and_nothing_else(
    harness: Harness, first: str, caplog: pytest.LogCaptureFixture
) -> None:
    client = harness.whmcs.add_client("eve+%27@example.com", first, "Eve")
    service_id = harness.buy(client_id=client.id)
    await harness.run(activate, service_id, order=harness.order(client_id=client.id))
    user = harness.panel.users.get((await harness.server(service_id)).owner_id or 0)
    assert (user.email, user.full_name) == ("eve+%27@example.com", f"{first} Eve")
    assert first not in caplog.text
