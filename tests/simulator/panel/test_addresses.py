import pytest

from simulator.panel.profile import Failures, PoolPlan, Profile
from tests.simulator.visit import Visit, Visiting


async def test_addresses_are_allocated_after_a_while(panel: Visit) -> None:
    await panel.post("server/1/ip", pool=1, family="ipv4", count=2)
    rows = (await panel.get("server/1/ip"))["list"]
    assert [row["status"] for row in rows] == ["allocating", "allocating"]
    assert rows[0]["network"] == "192.0.2.0/24"
    assert rows[0]["gateway"] == "192.0.2.1"
    panel.clock.advance(10)
    assert [row["status"] for row in (await panel.get("server/1"))["ip"]] == ["allocated", "allocated"]


async def test_an_exhausted_pool_gives_nothing_at_all(panel: Visit) -> None:
    code, text = await panel.refused("POST", "server/1/ip", {"pool": 2, "family": "ipv4", "count": 3})
    assert (code, text) == (4005, "Not enough free addresses in the pool")
    assert (await panel.get("server/1/ip"))["list"] == []
    await panel.post("server/1/ip", pool=2, count=2)
    assert (await panel.refused("POST", "server/2/ip", {"pool": 2, "count": 1}))[0] == 4005


async def test_a_returned_address_is_free_when_it_has_left_the_server(panel: Visit) -> None:
    await panel.post("server/1/ip", pool=2, count=2)
    row = (await panel.get("server/1/ip"))["list"][0]
    assert (await panel.http.delete(f"/dci/v3/server/1/ip/{row['id']}")).status_code == 200
    assert (await panel.http.delete(f"/dci/v3/server/1/ip/{row['id']}")).status_code == 200
    assert (await panel.get("server/1/ip"))["list"][0]["status"] == "releasing"
    assert (await panel.refused("POST", "server/2/ip", {"pool": 2, "count": 1}))[0] == 4005
    panel.clock.advance(10)
    assert len((await panel.get("server/1/ip"))["list"]) == 1
    await panel.post("server/2/ip", pool=2, count=1)
    assert (await panel.get("server/2/ip"))["list"][0]["name"] == row["name"]
    assert (await panel.refused("DELETE", f"server/1/ip/{row['id']}", None, 404))[0] == 3080


async def test_a_pool_with_ipv6_counts_both_apart(visiting: Visiting) -> None:
    panel = await visiting(ipv6_pools=True)
    await panel.post("server/1/ip", pool=1, family="ipv6", count=2)
    rows = (await panel.get("server/1/ip"))["list"]
    assert [(row["family"], ":" in row["name"]) for row in rows] == [("ipv6", True)] * 2
    pool = panel.simulation.panel.world.pools[1]
    assert pool.ipv6 is not None
    assert pool.ipv6.used == 2


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"pool": 99, "count": 1}, 404, 3080),
        ({"pool": 1, "count": 0}, 400, 3009),
        ({"pool": 1, "count": True}, 400, 3009),
        ({"pool": "1"}, 400, 3009),
        ({"pool": 1, "family": "ipv6"}, 400, 3009),
        ({"pool": 1, "size": 1}, 400, 3008),
    ],
)
async def test_a_senseless_wish_for_addresses_is_refused(
    panel: Visit, body: dict[str, object], status: int, code: int
) -> None:
    assert (await panel.refused("POST", "server/1/ip", body, status))[0] == code


async def test_the_usual_pool_is_the_racks_then_the_locations_then_the_public_one(visiting: Visiting) -> None:
    pools = (
        PoolPlan(name="public-v4", networks=("192.0.2.0/24",)),
        PoolPlan(name="of-riga", networks=("198.51.100.0/24",), locations=("Riga",)),
        PoolPlan(name="of-a-rack", networks=("203.0.113.0/24",), racks=("RIG-01",)),
    )
    panel = await visiting(Profile(pools=pools, stale_address_every=0))
    for server in (1, 2, 4):
        await panel.post(f"server/{server}/ip", count=1)
    given = [panel.simulation.panel.servers[server].addresses[0].network for server in (1, 2, 4)]
    assert given == ["203.0.113.0/24", "198.51.100.0/24", "192.0.2.0/24"]
    assert (await panel.refused("POST", "server/4/ip", {"pool": 2, "count": 1}, 404))[0] == 3080


async def test_without_a_usual_pool_a_pool_must_be_named(visiting: Visiting) -> None:
    panel = await visiting(Profile(pools=()))
    assert (await panel.refused("POST", "server/1/ip", {"count": 1}, 404))[0] == 3080


async def test_stuck_addresses_neither_come_nor_go(visiting: Visiting) -> None:
    panel = await visiting(Profile(failures=Failures(addresses_stuck=True)))
    await panel.post("server/1/ip", pool=1, count=1)
    old = panel.simulation.panel.servers[3].addresses[0]
    await panel.http.delete(f"/dci/v3/server/3/ip/{old.id}")
    panel.clock.advance(1000)
    assert (await panel.get("server/1/ip"))["list"][0]["status"] == "allocating"
    assert (await panel.get("server/3/ip"))["list"][0]["status"] == "releasing"
