"""The racks page: every server of the simulated data centre, drawn where it stands."""

from dataclasses import dataclass
from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader

from simulator.http.overview import ServerOverview, overview
from simulator.panel.model import PanelModel

#: More racks than these would take the browser longer to draw than to refresh.
RACKS_SHOWN = 40


@dataclass(frozen=True)
class Rack:
    """A rack with its servers, the topmost first."""

    name: str
    location: str
    servers: list[ServerOverview]


def racks(panel: PanelModel, limit: int | None = None) -> list[Rack]:
    """The racks by location and name; with a limit, the first ones only."""
    places: dict[tuple[int, str], list[int]] = {}
    for server in panel.servers.values():
        places.setdefault((server.location_id, server.rack), []).append(server.id)
    return [
        Rack(
            rack,
            panel.world.locations[location].name,
            sorted((overview(panel, panel.servers[number]) for number in numbers), key=lambda seen: -seen.unit),
        )
        for (location, rack), numbers in sorted(places.items())[:limit]
    ]


def router(panel: PanelModel) -> APIRouter:
    """GET /racks, and GET /racks/fragment, which the page fetches every two seconds."""
    routes = APIRouter()
    pages = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )

    def render(template: str) -> HTMLResponse:
        panel.settle()
        servers = panel.servers.values()
        total = len({(server.location_id, server.rack) for server in servers})
        owned = sum(server.owner_id is not None for server in servers)
        shown = racks(panel, RACKS_SHOWN)
        page = pages.get_template(template).render(
            racks=shown, hidden=total - len(shown), servers=len(servers), owned=owned, incidents=panel.incidents
        )
        return HTMLResponse(page)

    @routes.get("/racks")
    async def page() -> HTMLResponse:
        return render("racks.html")

    @routes.get("/racks/fragment")
    async def fragment() -> HTMLResponse:
        return render("racks_fragment.html")

    return routes
