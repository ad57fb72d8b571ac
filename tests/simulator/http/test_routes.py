import httpx

from tests.simulator.visit import Visit


async def test_every_route_answers_with_and_without_api(panel: Visit) -> None:
    with_prefix: httpx.Response = await panel.http.get("/api/dci/v3/server/1")
    assert with_prefix.json() == await panel.get("server/1")
