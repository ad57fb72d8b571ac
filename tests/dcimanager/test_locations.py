from dcimanager.locations import Location


async def test_locations_are_listed(wire, panel):
    wire.on("GET", "dci/v3/location", {"list": [{"id": "3", "name": "Riga"}, {"id": 4}], "size": 2})
    assert await panel.locations.all() == [Location(id=3, name="Riga"), Location(id=4, name="")]
