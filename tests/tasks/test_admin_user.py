"""The user of an installed server is of the template's family; its name is the last resort."""

from dataclasses import replace

import pytest

from runtime import settings as module
from runtime.settings import Settings
from tasks.admin_user import admin_user
from tests.harness import PANEL, Harness


async def user_of(harness: Harness, name: str, tags: tuple[str, ...]) -> str:
    templates = harness.panel.world.templates
    template = replace(next(iter(templates.values())), name=name, tags=tags)
    templates[template.id] = template
    return await admin_user(harness.connect().panels[PANEL], name, template.location_id)


@pytest.mark.parametrize(
    ("name", "tags", "user"),
    [
        ("Win2022-Std", ("windows",), "Administrator"),
        ("Server 2022", ("Windows Server",), "Administrator"),
        ("Debian for former Windows users", ("linux", "debian"), "root"),
        ("Windows-2019", (), "Administrator"),
        ("Own image", (), "root"),
    ],
)
async def test_the_panels_tags_decide_and_the_name_at_last(
    harness: Harness, name: str, tags: tuple[str, ...], user: str
) -> None:
    assert await user_of(harness, name, tags) == user


async def test_a_setting_corrects_what_the_panel_does_not_tell(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DCIFLOW_ADMIN_USERS", "Own=image=Administrator, R&D = admin")
    module.settings.cache_clear()
    assert Settings().admin_users == {"Own=image": "Administrator", "R&D": "admin"}
    assert await user_of(harness, "Own=image", ("linux",)) == "Administrator"
    assert await admin_user(harness.connect().panels[PANEL], "R&amp;D", None) == "admin"
    module.settings.cache_clear()


async def test_a_panel_that_does_not_tell_its_templates_keeps_no_server_back(harness: Harness) -> None:
    panel = harness.connect().panels[PANEL]
    harness.faults.server_error(500, "os_template_list")
    assert await admin_user(panel, "Windows-2019", None) == "Administrator"
