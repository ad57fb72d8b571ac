"""Serving a simulation over real HTTP, where a lost answer is a connection that is closed without one."""

from asyncio import BaseTransport, Transport
from collections.abc import MutableMapping
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from simulator.http.app import Simulation
from simulator.panel.clock import RealClock
from simulator.panel.faults import AnswerLost
from simulator.panel.profile import Profile

#: The connections that are open, by the caller's address and port, as an ASGI scope names the caller.
_open: MutableMapping[Any, Transport] = {}


class CuttableProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol, remembering its connection so that it can be cut."""

    def connection_made(self, transport: BaseTransport) -> None:
        """Somebody has connected."""
        super().connection_made(transport)  # type: ignore[arg-type]
        if isinstance(transport, Transport):
            _open[transport.get_extra_info("peername")[:2]] = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        _open.pop(self.transport.get_extra_info("peername")[:2], None)
        super().connection_lost(exc)


class CutConnections:
    """Holds an answer back until it is known not to be lost; cuts the connection of one that is."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or cut."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        held: list[Message] = []

        async def hold(message: Message) -> None:
            held.append(message)

        try:
            await self._app(scope, receive, hold)
        except AnswerLost:
            connection = _open.get(tuple(scope["client"] or ()))
            if connection is None:
                raise
            connection.abort()
            # uvicorn takes a silent application for a broken one until it has noticed that the caller is gone.
            while (await receive())["type"] != "http.disconnect":
                pass
            return
        for message in held:
            await send(message)


def server(simulation: Simulation, *, host: str, port: int) -> uvicorn.Server:
    """A server of the simulation, not started yet; port 0 takes any free one."""
    app = CutConnections(simulation.app)
    return uvicorn.Server(uvicorn.Config(app, host=host, port=port, http=CuttableProtocol, log_level="warning"))


def serve(*, host: str, port: int, profile: Profile, speed: float = 1.0) -> None:
    """Serve a new simulation until interrupted, `speed` simulated seconds for each real one."""
    simulation = Simulation(profile, clock=RealClock(speed))
    base = f"http://{host}:{port}"
    print(f"DCImanager 6 (simulated)  {base}   {profile.admin_email} / {profile.admin_password}")
    print(f"WHMCS (simulated)         {base}/whmcs   racks: {base}/racks   speed: {speed:g}", flush=True)
    server(simulation, host=host, port=port).run()
