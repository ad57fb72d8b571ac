import pytest

from dcimanager.errors import Surprise
from dcimanager.locations import Location
from dcimanager.os_templates import OsTemplate


async def test_templates_are_listed(wire, panel):
    row = {"id": 12, "name": "Debian-12-x86_64", "location_id": 3, "tags": ["linux", "debian"], "type": "os"}
    wire.on("GET", "dci/v3/os_template", {"list": [row], "size": 1})
    (template,) = await panel.os_templates.list()
    assert template == OsTemplate(
        id=12, name="Debian-12-x86_64", location_id=3, tags=("linux", "debian"), kind="os", admin_only=False
    )


@pytest.mark.parametrize(
    "told", [{"admin_only": True}, {"adminonly": 1}, {"access": "Admins only"}, {"admin_only": "true"}]
)
def test_a_template_for_administrators_is_known_in_each_form(told):
    assert OsTemplate.model_validate({"id": 1, "name": "x", **told}).admin_only is True


@pytest.mark.parametrize("told", [{}, {"admin_only": None}, {"adminonly": False}, {"access": "All"}])
def test_a_template_is_for_all_otherwise(told):
    assert OsTemplate.model_validate({"id": 1, "name": "x", **told}).admin_only is False


def test_a_template_with_a_location_and_tags_as_objects_is_read():
    row = {"id": 1, "name": "x", "location": {"id": "3"}, "tags": [{"name": "linux"}, None]}
    template = OsTemplate.model_validate(row)
    assert (template.location_id, template.tags) == (3, ("linux",))
    assert OsTemplate.model_validate(template.model_dump()) == template


async def test_a_template_without_a_name_is_a_surprise(wire, panel):
    wire.on("GET", "dci/v3/os_template", {"list": [{"id": 12}], "size": 1})
    with pytest.raises(Surprise, match="name"):
        await panel.os_templates.list()


async def test_locations_are_listed(wire, panel):
    wire.on("GET", "dci/v3/location", {"list": [{"id": "3", "name": "Riga"}, {"id": 4}], "size": 2})
    assert await panel.locations.list() == [Location(id=3, name="Riga"), Location(id=4, name="")]
