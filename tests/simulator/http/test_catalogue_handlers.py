from tests.simulator.visit import Visit, Visiting


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


async def test_configurations_count_their_free_servers(panel: Visit) -> None:
    panel.simulation.panel.admin.set_owner(1, "u@example.com")
    rows = (await panel.get("server/configuration"))["list"]
    assert rows == [
        {"configuration": "E-2146G-64Gb-2x960SSD", "free_server_count": 5},
        {"configuration": "Ryzen9-7950X-128Gb-2x1920NVMe", "free_server_count": 6},
    ]
