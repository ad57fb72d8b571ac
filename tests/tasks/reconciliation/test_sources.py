from collections.abc import Callable

import pytest

from ledger import reconciliation, services
from simulator.panel.profile import Profile
from tests.conftest import HarnessMaker
from tests.harness import PANEL, Harness
from tests.stories.scenario import activated, one_line, take_panel_down
from tests.tasks.reconciliation.scenario import changes, look, reconcile_once

Spoil = Callable[[Harness], object]


@pytest.mark.parametrize(
    ("spoil", "line"),
    [
        pytest.param(lambda harness: harness.panel.servers.clear(), "lists no servers at all", id="no servers"),
        pytest.param(lambda harness: _lose_servers(harness, 10), "2 servers, and 12 the last time", id="few servers"),
        pytest.param(lambda harness: harness.whmcs.services.clear(), "WHMCS does not show 4 or more", id="no services"),
        pytest.param(take_panel_down, "did not answer", id="panel down"),
        pytest.param(lambda harness: harness.whmcs.unavailable(100), "503", id="WHMCS down"),
        pytest.param(lambda harness: harness.whmcs.reject_ip(), "API IP Access Restriction", id="WHMCS refuses"),
    ],
)
async def test_a_source_that_cannot_be_believed_stops_everything(harness: Harness, spoil: Spoil, line: str) -> None:
    found = [await activated(harness) for _ in range(5)]
    await reconcile_once(harness)
    for _, server in found:
        harness.panel.admin.switch_port(server.id, "down")
    before = await services.get(harness.ledger, found[0][0])
    spoil(harness)

    async def stopped() -> None:
        said = await one_line(reconcile_once(harness))
        assert line in said
        assert said.startswith("Not reconciled: main: ")

    assert await changes(harness, stopped()) == (0, 0)
    assert await services.get(harness.ledger, found[0][0]) == before


def _lose_servers(harness: Harness, count: int) -> None:
    for server_id in sorted(harness.panel.servers)[-count:]:
        harness.panel.admin.remove_server(server_id)


async def test_a_shorter_list_is_believed_once_a_person_says_so(harness: Harness) -> None:
    await activated(harness)
    await reconcile_once(harness)
    for server in list(harness.panel.servers.values()):
        if server.owner_id is None and len(harness.panel.servers) > 5:
            harness.panel.admin.remove_server(server.id)
    assert "dciflow panel recount main" in await one_line(reconcile_once(harness))
    await reconciliation.forget_counts(harness.ledger, PANEL)
    await reconcile_once(harness)


async def test_a_few_servers_less_are_no_accident(harness: Harness) -> None:
    await activated(harness)
    await reconcile_once(harness)
    free = [server.id for server in harness.panel.servers.values() if server.owner_id is None]
    for server_id in free[:3]:
        harness.panel.admin.remove_server(server_id)
    await reconcile_once(harness)


async def test_the_panel_is_asked_for_pages_and_differences_only(make_harness: HarnessMaker) -> None:
    harness = make_harness(Profile.large(1200))
    configurations = [batch.configuration for batch in harness.panel.profile.fleet]
    found = [await activated(harness, configuration=configurations[0]) for _ in range(3)]
    await reconcile_once(harness)
    for _, server in found[:2]:
        harness.panel.admin.remove_server(server.id)
    seen = len(harness.panel.requests)
    harness.clock.simulated.advance(60)
    await look(harness)
    asked = [call.endpoint for call in harness.panel.requests[seen:]]
    # Three pages of servers and one of users; and each missing server in two ways, as nothing is found by its number.
    assert sorted(map(str, asked)) == ["server_get"] * 2 + ["server_list"] * 5 + ["user_list"]
