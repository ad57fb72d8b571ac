import pytest

from tests.simulator.visit import Visit, Visiting


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
    panel.simulation.panel.admin.set_owner(1, "u@example.com")
    assert (await panel.refused("POST", "server/1/owner", body, status))[0] == code
    assert panel.simulation.panel.owner_of(1) == "u@example.com"


async def test_replacing_an_owner_is_an_incident(panel: Visit) -> None:
    panel.simulation.panel.admin.set_owner(1, "first@example.com")
    await panel.post("server/1/owner", owner=await panel.new_user())
    assert [incident.kind for incident in panel.simulation.panel.incidents] == ["owner_replaced"]


@pytest.mark.parametrize(("mode", "clear"), [("check", False), ("clear", True)])
async def test_a_release_may_start_diagnostics_by_itself(visiting: Visiting, mode: str, clear: bool) -> None:
    panel = await visiting(release_diagnostics=mode)
    panel.simulation.panel.admin.set_owner(1, "u@example.com")
    panel.simulation.panel.write_tenant_data(1, "photos")
    await panel.post("server/1/owner", owner=None)
    assert (await panel.get("server/1"))["operation"]["status"] == "queued"
    panel.clock.advance(1200)
    assert panel.simulation.panel.server(1).disk.is_clear is clear
