"""The user to log in to an installed server with: of the template's family, which the panel's tags tell."""

from dcimanager.errors import PanelError
from dcimanager.os_templates import OsTemplate
from dcimanager.panel import Panel
from runtime.run_log import run_log
from runtime.settings import settings
from whmcs.text import same_text

WINDOWS, OTHER = "Administrator", "root"

_NOT_WINDOWS = frozenset(
    {"linux", "unix", "bsd", "freebsd", "debian", "ubuntu", "centos", "almalinux", "rocky", "esxi"}
)
"""Tags that tell another family, whatever the template's name has in it."""


async def admin_user(panel: Panel, template: str, location_id: int | None) -> str:
    """The user's name: as `DCIFLOW_ADMIN_USERS` has it, else by the template's tags and type, at last by its name.

    A panel that does not tell its templates now keeps no server from its client: then the name decides.
    Source: docs/sources.md, panel 11.
    """
    for name, user in settings().admin_users.items():
        if same_text(name, template):
            return user
    try:
        known = [one for one in await panel.os_templates.all() if same_text(one.name, template)]
    except PanelError as error:
        run_log().warning("the templates of panel %s cannot be read, so the name tells the user: %s", panel.name, error)
        known = []
    here = [one for one in known if one.location_id == location_id] or known
    told = {word.casefold() for one in here for word in _told(one)}
    if any("windows" in word for word in told):
        return WINDOWS
    if told & _NOT_WINDOWS:
        return OTHER
    return WINDOWS if "windows" in template.casefold() else OTHER


def _told(template: OsTemplate) -> list[str]:
    return [*template.tags, template.kind or ""]
