from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest

from dcimanager.endpoints import load_dialect
from simulator.panel.models import SimPoint
from tests.simulator.visit import Visit, Visiting

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
HOUR = {"from": "2026-11-24T12:00:00Z", "to": "2026-11-24T13:00:00Z"}


async def test_a_server_by_id_is_not_wrapped_in_a_list(panel: Visit) -> None:
    server = await panel.get("server/3")
    assert (server["id"], len(server["ip"])) == (3, 1)


async def test_a_server_by_id_may_lack_its_addresses(visiting: Visiting) -> None:
    panel = await visiting(by_id_has_addresses=False)
    assert "ip" not in await panel.get("server/3")
    assert len((await panel.get("server", where="id EQ 3"))["list"][0]["ip"]) == 1


def measured(panel: Visit) -> None:
    """Server 3 receives a byte and sends two in each five minutes from before noon until after one."""
    panel.simulation.panel.world.servers[3].statistics = [
        SimPoint((NOON + timedelta(minutes=5 * number)).timestamp(), 1, 2) for number in range(-3, 20)
    ]


async def test_traffic_without_statistics_is_two_numbers_whatever_the_times(panel: Visit) -> None:
    panel.simulation.panel.world.servers[3].received = 7
    assert await panel.get("server/3/metrics", **HOUR) == {"received": 7, "sent": 0, "limit": None}


async def test_traffic_with_statistics_is_that_of_the_times_that_are_asked_for(panel: Visit) -> None:
    measured(panel)
    assert await panel.get("server/3/metrics", **HOUR) == {"received": 12, "sent": 24, "limit": None}


async def test_a_panel_by_points_tells_them_under_the_words_that_its_table_has(visiting: Visiting) -> None:
    entry = load_dialect()["server_traffic"]
    named = entry.model_copy(update={"values": {**entry.values, "points": "series"}})
    dialect = load_dialect().model_copy(update={"endpoints": {**load_dialect().endpoints, "server_traffic": named}})
    panel = await visiting(dialect=dialect, statistics="points")
    measured(panel)
    hour = {**HOUR, "to": "2026-11-24T12:10:00Z"}
    told = await panel.get("server/3/metrics", **hour)
    assert told == {"limit": None, "series": [{"received": 1, "sent": 2}] * 2}
    other = await visiting(statistics="points")
    measured(other)
    assert await other.get("server/3/metrics", **hour) == {"limit": None}


async def test_a_panel_without_statistics_has_no_such_call(visiting: Visiting) -> None:
    panel = await visiting(statistics="absent")
    assert (await panel.refused("GET", "server/3/metrics", status=404))[0] == 1106


@pytest.mark.parametrize("query", [{}, {"from": HOUR["from"]}, {**HOUR, "to": "soon"}])
async def test_traffic_needs_both_times(panel: Visit, query: dict[str, str]) -> None:
    await panel.refused("GET", f"server/3/metrics?{urlencode(query)}")
