import pytest

from simulator.panel.profile import Profile
from tests.simulator.visit import Visit, Visiting


async def test_a_page_is_cut_by_offset_and_count_and_size_tells_the_total(panel: Visit) -> None:
    page = await panel.get("server", limit="4,3")
    assert [row["id"] for row in page["list"]] == [5, 6, 7]
    assert page["size"] == 12
    assert isinstance(page["last_notify"], int)


async def test_a_limit_of_one_number_is_a_count(panel: Visit) -> None:
    assert len((await panel.get("server", limit="2"))["list"]) == 2


async def test_a_page_beyond_the_end_is_empty(panel: Visit) -> None:
    assert (await panel.get("server", limit="400,10"))["list"] == []


async def test_lists_are_ordered_both_ways_with_nulls_apart(panel: Visit) -> None:
    panel.simulation.panel.admin.set_owner(3, "b@example.com")
    panel.simulation.panel.admin.set_owner(4, "a@example.com")
    down = await panel.get("server", orderby="owner_email desc", limit="2")
    assert [row["id"] for row in down["list"]] == [3, 4]
    up = await panel.get("server", orderby="owner_email asc")
    assert [row["id"] for row in up["list"]][-2:] == [4, 3]


@pytest.mark.parametrize("query", [{"limit": "x"}, {"limit": "1,2,3"}, {"orderby": "id up"}, {"orderby": "ip asc"}])
async def test_a_senseless_limit_or_order_is_refused(visiting: Visiting, query: dict[str, str]) -> None:
    panel = await visiting(Profile(stale_address_every=1))
    panel.simulation.panel.servers[1].addresses *= 2
    answer = await panel.http.get("/dci/v3/server", params=query)
    assert answer.status_code == 400


async def test_an_order_by_an_unknown_field_is_refused(panel: Visit) -> None:
    answer = await panel.http.get("/dci/v3/server", params={"orderby": "nonsense"})
    assert answer.json()["error"]["code"] == 3010


async def test_a_list_without_a_limit_has_the_panels_default(visiting: Visiting) -> None:
    panel = await visiting(default_limit=5)
    page = await panel.get("server")
    assert (len(page["list"]), page["size"]) == (5, 12)


async def test_a_panel_may_keep_the_total_to_itself(visiting: Visiting) -> None:
    panel = await visiting(size_in_lists=False)
    assert "size" not in await panel.get("server")


async def test_ten_thousand_servers_are_there_and_can_be_paged_through(visiting: Visiting) -> None:
    panel = await visiting(Profile.large(10_000))
    seen: list[int] = []
    while len(seen) < 10_000:
        page = await panel.get("server", where="owner_email IS null", limit=f"{len(seen)},2500")
        assert page["size"] == 10_000
        seen += [row["id"] for row in page["list"]]
    assert seen == list(range(1, 10_001))
