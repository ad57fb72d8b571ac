"""The door as an ASGI application: `create_app` of its parts, `from_environment` as uvicorn starts it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from door import panels, runs, variables
from door.installations import Installations, load
from door.middleware import CALL, DoorMiddleware
from door.rate_limits import RateLimits
from door.refusal import DoorRefusal, not_allowed
from door.request_log import Log, to_standard_output
from door.settings import DoorSettings
from door.upstream import Upstream, http_client


def from_environment() -> DoorMiddleware:
    """The application as its settings say. Raises DoorNotConfigured."""
    settings = DoorSettings()
    secret = settings.prefect_api_auth_string
    auth_string = secret.get_secret_value() if secret else None
    http = http_client(settings.prefect_api_url, auth_string, authority=settings.prefect_api_ssl_cert_file)
    return create_app(load(settings.dciflow_door_config), http)


def create_app(
    installations: Installations, http: httpx.AsyncClient, *, log: Log = to_standard_output
) -> DoorMiddleware:
    """The application for these installations, in front of the Prefect of this client, which it closes at its end."""

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        async with http:
            yield

    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False, lifespan=life)
    app.state.upstream = Upstream(http)
    app.state.rate_limits = RateLimits()
    for part in (runs.router, variables.router, panels.router):
        app.include_router(part, prefix="/api")
    app.add_exception_handler(DoorRefusal, _refused)
    for status in (404, 405):
        app.add_exception_handler(status, _no_such_call)
    app.add_exception_handler(RequestValidationError, _no_such_call)
    app.add_exception_handler(Exception, _failed)
    return DoorMiddleware(app, installations, log)


async def _refused(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, DoorRefusal):
        raise error
    request.scope[CALL].why = str(error)
    headers = {"Retry-After": str(error.retry_after)} if error.retry_after is not None else None
    return JSONResponse({"detail": str(error)}, error.status, headers)


async def _no_such_call(request: Request, error: Exception) -> JSONResponse:
    """No route, no such method, or an id that is none."""
    return await _refused(request, not_allowed())


async def _failed(request: Request, error: Exception) -> JSONResponse:
    """What nobody thought of; the server's own log has the trace."""
    return await _refused(request, DoorRefusal(500, f"The door failed ({type(error).__name__}): see its log."))
