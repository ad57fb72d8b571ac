from dcimanager.endpoints import Dialect, Endpoint, Mark, load_dialect
from tests.simulator.visit import Visiting


async def test_roles_come_as_a_list_in_some_panels(visiting: Visiting) -> None:
    panel = await visiting(roles="array")
    assert (await panel.get("user"))["list"][0]["roles"] == ["@admin"]


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
