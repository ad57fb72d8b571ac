"""A whole simulation: one panel, one WHMCS, one clock, one web application."""

import asyncio
from collections.abc import Awaitable, Callable

import httpx
from fastapi import FastAPI, Request, Response

from dcimanager.endpoints import Dialect, load_dialect
from simulator.http import control, racks, sign_in_page
from simulator.http.in_process import InProcessTransport
from simulator.http.routes import PanelRoutes
from simulator.panel.clock import ManualClock, RealClock, SimClock
from simulator.panel.faults import Faults
from simulator.panel.model import PanelModel
from simulator.panel.profile import Profile
from simulator.panel.variants import Variants
from simulator.whmcs import routes
from simulator.whmcs.model import SimulatedWhmcs


class Simulation:
    """A simulated DCImanager 6 and a simulated WHMCS in one ASGI application.

    The panel answers at / and at /api, WHMCS at /whmcs/includes/api.php; /racks is a page to look at and /control
    the control API. The table of endpoints is the panel client's own, so a corrected table corrects both.
    """

    def __init__(
        self,
        profile: Profile | None = None,
        *,
        clock: SimClock | None = None,
        variants: Variants | None = None,
        dialect: Dialect | None = None,
    ) -> None:
        self.clock: SimClock = clock or RealClock()
        self.panel = PanelModel(profile, self.clock, variants)
        self.whmcs = SimulatedWhmcs(self.clock)
        self.faults = Faults(_sleep_of(self.clock))
        self.app = self._application(dialect or load_dialect())

    def transport(self) -> httpx.AsyncBaseTransport:
        """A transport for httpx.AsyncClient that needs no sockets; any host name leads here."""
        return InProcessTransport(self.app, self.faults.sleep)

    def _application(self, dialect: Dialect) -> FastAPI:
        app = FastAPI(title="dciflow simulator", docs_url=None, redoc_url=None, openapi_url=None)
        app.include_router(routes.router(self.whmcs))
        app.include_router(control.router(self.panel, self.whmcs))
        app.include_router(racks.router(self.panel))
        app.include_router(sign_in_page.router(self.panel))
        panel = PanelRoutes(self.panel, dialect, self.faults)

        @app.api_route("/{path:path}", methods=["GET", "POST", "DELETE", "PUT", "PATCH"])
        async def call_of_the_panel(request: Request) -> Response:
            return await panel.handle(request)

        return app


def _sleep_of(clock: SimClock) -> Callable[[float], Awaitable[None]]:
    """How simulated seconds pass on a clock: a clock that is set by hand is moved on, any other is waited for."""

    async def sleep(seconds: float) -> None:
        if isinstance(clock, ManualClock):
            clock.advance(seconds)
        else:
            await asyncio.sleep(seconds / (clock.speed if isinstance(clock, RealClock) else 1.0))

    return sleep
