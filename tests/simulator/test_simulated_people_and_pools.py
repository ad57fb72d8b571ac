import pytest
from simulated_visit import Visit, Visiting

from dcimanager.endpoints import Dialect, Endpoint, Mark, load_dialect
from simulator.profile import Failures, PoolPlan, Profile
from simulator.refusals import Refusal


async def test_a_user_is_created_once(panel: Visit) -> None:
    number = await panel.new_user("u@example.com")
    row = (await panel.get("user", where="email EQ 'u@example.com'"))["list"][0]
    assert (row["id"], row["full_name"], row["roles"], row["server_count"]) == (number, "U Ser", "[@user]", 0)
    body = {"email": "U@Example.com", "password": "p", "role": "@user"}
    assert (await panel.refused("POST", "user", body))[0] == 4004


@pytest.mark.parametrize(
    "change",
    [
        {"email": "nobody"},
        {"email": "a b@example.com"},
        {"email": "@"},
        {"email": 5},
        {"password": ""},
        {"role": "@king"},
        {"role": None},
    ],
)
async def test_a_senseless_user_is_refused(panel: Visit, change: dict[str, object]) -> None:
    body = {"email": "u@example.com", "password": "p", "role": "@user", **change}
    assert (await panel.refused("POST", "user", body))[0] == 3009
    assert len((await panel.get("user"))["list"]) == 1


async def test_roles_come_as_a_list_in_some_panels(visiting: Visiting) -> None:
    panel = await visiting(roles="array")
    assert (await panel.get("user"))["list"][0]["roles"] == ["@admin"]


async def test_an_owner_is_set_and_taken_away_and_nothing_else_happens(panel: Visit) -> None:
    user = await panel.new_user()
    before = await panel.get("server/3")
    await panel.post("server/3/owner", owner=user)
    assert await panel.get("server/3") == {**before, "owner_email": "u@example.com"}
    assert (await panel.get("user", where=f"id EQ {user}"))["list"][0]["server_count"] == 1
    await panel.post("server/3/owner", owner=None)
    assert await panel.get("server/3") == before
    names = [call.endpoint for call in panel.simulation.panel.writes()]
    assert names == ["user_create", "owner_set", "owner_clear"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [({"owner": 99}, 404, 3080), ({"owner": "2"}, 400, 3009), ({}, 400, 3009), ({"user": 2}, 400, 3008)],
)
async def test_a_senseless_owner_is_refused(panel: Visit, body: dict[str, object], status: int, code: int) -> None:
    panel.simulation.panel.by_hand.set_owner(1, "u@example.com")
    assert (await panel.refused("POST", "server/1/owner", body, status))[0] == code
    assert panel.simulation.panel.owner_of(1) == "u@example.com"


async def test_replacing_an_owner_is_an_incident(panel: Visit) -> None:
    panel.simulation.panel.by_hand.set_owner(1, "first@example.com")
    await panel.post("server/1/owner", owner=await panel.new_user())
    assert [incident.kind for incident in panel.simulation.panel.incidents] == ["owner_replaced"]


@pytest.mark.parametrize(("mode", "clear"), [("check", False), ("clear", True)])
async def test_a_release_may_start_diagnostics_by_itself(visiting: Visiting, mode: str, clear: bool) -> None:
    panel = await visiting(release_diagnostics=mode)
    panel.simulation.panel.by_hand.set_owner(1, "u@example.com")
    panel.simulation.panel.write_tenant_data(1, "photos")
    await panel.post("server/1/owner", owner=None)
    assert (await panel.get("server/1"))["operation"]["status"] == "queued"
    panel.clock.advance(1200)
    assert panel.simulation.panel.server(1).disk.is_clear is clear


async def test_a_user_who_owns_a_server_cannot_be_deleted(visiting: Visiting) -> None:
    shipped = load_dialect()
    delete = Endpoint(name="user_delete", method="DELETE", path="dci/v3/user/{user}", mark=Mark.INFERRED)
    panel = await visiting(dialect=Dialect(endpoints={**shipped.endpoints, "user_delete": delete}))
    user = await panel.new_user()
    await panel.post("server/1/owner", owner=user)
    assert (await panel.refused("DELETE", f"user/{user}"))[0] == 4009
    await panel.post("server/1/owner", owner=None)
    assert (await panel.http.delete(f"/dci/v3/user/{user}")).status_code == 200
    assert (await panel.refused("DELETE", f"user/{user}", None, 404))[0] == 3080
    assert (await panel.refused("DELETE", "user/1"))[0] == 3009


async def test_a_user_may_be_given_a_server_by_hand(panel: Visit) -> None:
    panel.simulation.panel.by_hand.set_owner(1, "new@example.com")
    assert (await panel.get("server/1"))["owner_email"] == "new@example.com"
    panel.simulation.panel.by_hand.set_owner(1, None)
    assert (await panel.get("server/1"))["owner_email"] is None


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


async def test_pools_tell_their_size_in_either_shape(visiting: Visiting) -> None:
    newer = await visiting()
    rows = (await newer.http.get("/ip/v3/ippool")).json()["list"]
    assert rows[1] == {
        "id": 2,
        "name": "small-v4",
        "note": "",
        "ipv4": {"total": 2, "used": 0},
        "ipv6": {"total": 0, "used": 0},
    }
    older = await visiting(pool_counts="strings")
    rows = (await older.http.get("/ip/v3/ippool", params={"where": "name CP '%small%'"})).json()["list"]
    assert rows == [{"id": 2, "name": "small-v4", "note": "", "total_ip": "2", "using_ip": "0"}]


async def test_the_general_settings_name_the_deallocation_pools(panel: Visit) -> None:
    assert await panel.get("ipmgr/settings") == {"deallocation_pools": [3]}


async def test_templates_live_in_their_location(panel: Visit) -> None:
    rows = (await panel.get("os_template", where="location_id EQ 2"))["list"]
    assert "Debian-12-x86_64" in {row["name"] for row in rows}
    assert {row["location_id"] for row in rows} == {2}
    kinds = {row["name"]: (row["type"], row["admin_only"]) for row in rows}
    assert kinds["Diag6"] == ("diagnostics", False)
    assert kinds["Windows-Server-2022"] == ("os", True)


async def test_locations_have_names(panel: Visit) -> None:
    assert (await panel.get("location"))["list"] == [{"id": 1, "name": "Riga"}, {"id": 2, "name": "Vilnius"}]


async def test_a_removed_server_is_gone_and_its_address_is_free(panel: Visit) -> None:
    pool = panel.simulation.panel.pool("public-v4")
    used = pool.used
    panel.simulation.panel.by_hand.remove_server(3)
    assert (await panel.refused("GET", "server/3", None, 404))[0] == 3080
    assert pool.used == used - 1
    assert (await panel.get("server"))["size"] == 11


async def test_a_server_removed_during_diagnostics_does_not_come_back(panel: Visit) -> None:
    await panel.post("server/1/diag", clear_disks=True)
    panel.simulation.panel.by_hand.remove_server(1)
    panel.clock.advance(1200)
    assert (await panel.get("server"))["size"] == 11
    assert panel.simulation.panel.pool("deallocation").used == 0


async def test_swapped_hardware_shows_another_serial_and_other_macs(panel: Visit) -> None:
    before = await panel.get("server/1")
    panel.simulation.panel.by_hand.swap_hardware(1)
    after = await panel.get("server/1")
    assert after["serial"] != before["serial"]
    assert not set(after["macs"]) & set(before["macs"])
    assert [port["mac"] for port in after["switch_connection"]] == after["macs"]


async def test_an_administrator_switches_ports_and_operations_by_hand(panel: Visit) -> None:
    hand = panel.simulation.panel.by_hand
    hand.switch_port(1, "down")
    assert [port.admin_up for port in panel.simulation.panel.servers[1].ports] == [False, False, True]
    hand.start_operation(1, clear_disks=True)
    assert (await panel.get("server/1"))["operation"]["status"] == "queued"
    hand.end_operation(1)
    assert (await panel.get("server/1"))["operation"]["status"] == "canceled"
    hand.start_operation(3, "os_install", template="Debian-12-x86_64")
    assert (await panel.get("server/3"))["operation"]["type"] == "os_install"
    with pytest.raises(Refusal, match="there is no BeOS"):
        hand.start_operation(6, "os_install", template="BeOS")
    with pytest.raises(Refusal, match="server 99"):
        hand.protect(99)
