"""What the tests of operations share: a sold server, an installation on it, and its status."""

from tests.simulator.visit import Visit

OWNER = "u@example.com"


def template(panel: Visit, name: str = "Debian-12-x86_64", location: int = 1) -> int:
    return panel.simulation.panel.template(name, location).id


async def sold(panel: Visit, server: int = 3, email: str = OWNER) -> None:
    """Server 3 has an address from before, so that an OS can be installed on it."""
    user = panel.simulation.panel.users.find(email)
    await panel.post(f"server/{server}/owner", owner=user.id if user else await panel.new_user(email))


async def install(panel: Visit, server: int = 3) -> int:
    answer = await panel.post(
        f"server/{server}/install", os_template=template(panel), password="p", domain="h.example.com"
    )
    operation: int = answer["operation"]
    return operation


async def status(panel: Visit, server: int = 3) -> str:
    found: str = (await panel.get(f"server/{server}"))["operation"]["status"]
    return found


def kinds(panel: Visit) -> list[str]:
    return [incident.kind for incident in panel.simulation.panel.incidents]
