"""How many addresses may go back in a day, whoever asks."""

import pytest

from ledger import decisions
from runtime.settings import settings
from tests.harness import Harness
from tests.stories.scenario import activated, one_line
from tests.stories.test_change_addresses import addresses, change


async def test_so_many_addresses_go_back_in_a_day_and_no_more(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings(), "cap_addresses_back_per_day", 2)
    service_id, server = await activated(harness, ipv4_count=4)
    await change(harness, service_id, 2, *addresses(server)[2:])
    line = await one_line(change(harness, service_id, 1, addresses(server)[1]))
    assert "2 addresses of panel main went back within a day" in line
    assert len(addresses(server)) == 2
    harness.clock.simulated.advance(90_000)
    await change(harness, service_id, 1, addresses(server)[1])
    assert len(addresses(server)) == 1


async def test_no_address_of_a_protected_service_goes_back(harness: Harness) -> None:
    service_id, server = await activated(harness, ipv4_count=2)
    await decisions.protect(harness.ledger, service_id, who="shift", why="a hospital", now=harness.clock.now())
    assert "is protected: no address goes back" in await one_line(change(harness, service_id, 1, addresses(server)[1]))
    assert len(addresses(server)) == 2
