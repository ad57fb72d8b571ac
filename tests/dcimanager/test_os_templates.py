import pytest

from dcimanager.os_templates import OsTemplate


async def test_templates_are_listed(wire, panel):
    row = {"id": 12, "name": "Debian-12-x86_64", "location_id": 3, "tags": ["linux", "debian"], "type": "os"}
    wire.on("GET", "dci/v3/os_template", {"list": [row], "size": 1})
    (template,) = await panel.os_templates.all()
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


async def test_a_template_without_a_name_is_odd_and_hides_no_other(wire, panel):
    wire.on("GET", "dci/v3/os_template", {"list": [{"id": 12}, {"id": 13, "name": "Debian"}], "size": 2})
    listed = await panel.os_templates.all()
    assert [template.id for template in listed] == [13]
    assert [(odd.id, "name" in odd.why) for odd in listed.odd] == [(12, True)]


@pytest.mark.parametrize(
    ("kind", "is_tool"), [("os", False), (None, False), ("Diagnostics", True), ("recovery", True), ("rescue", True)]
)
def test_what_boots_a_tool_installs_no_os(kind, is_tool):
    assert OsTemplate.model_validate({"id": 1, "name": "x", "type": kind}).is_tool is is_tool


def test_the_kind_of_rescue_systems_is_the_tables(panel):
    assert panel.os_templates.rescue_kind == "recovery"
