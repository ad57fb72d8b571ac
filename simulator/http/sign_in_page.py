"""The panel's page that a login key opens: it begins a session and shows the user's servers.

Source: docs/sources.md, panel 3.4.
"""

from html import escape

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from simulator.panel.errors import ApiError
from simulator.panel.model import PanelModel
from simulator.panel.sessions import COOKIE


def router(panel: PanelModel) -> APIRouter:
    """GET /auth/key-v4/{key}."""
    routes = APIRouter()

    @routes.get("/auth/key-v4/{key}")
    async def page(key: str) -> HTMLResponse:
        panel.settle()
        try:
            token = panel.sessions.sign_in(key)
        except ApiError as refusal:
            return HTMLResponse(f"<title>DCImanager 6</title><p>{escape(refusal.message)}</p>", refusal.status)
        user = panel.users.get(token.split("-")[0])
        servers = [server.name for server in panel.servers.values() if user.is_admin or server.owner_id == user.id]
        rows = "".join(f"<li>{escape(name)}</li>" for name in servers)
        shown = HTMLResponse(f"<title>DCImanager 6</title><p>Signed in as {escape(user.email)}</p><ul>{rows}</ul>")
        shown.set_cookie(COOKIE, token, httponly=True, samesite="lax")
        return shown

    return routes
