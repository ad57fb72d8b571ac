"""What a route works with: whose call it is, the rate of its installation, and Prefect."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from door.installations import Installation
from door.middleware import CALL
from door.rate_limits import RateLimits
from door.refusal import DoorRefusal
from door.request_log import LoggedCall
from door.upstream import Upstream


@dataclass(frozen=True)
class CallContext:
    """One call that was let in."""

    call: LoggedCall
    installation: Installation
    upstream: Upstream
    rate_limits: RateLimits

    @asynccontextmanager
    async def rate_limited(self, what: str, *, urgent: bool = False) -> AsyncIterator[Upstream]:
        """Name the call for the log, and ask Prefect within the installation's rate. Raises DoorRefusal (429)."""
        self.call.what = what
        async with self.rate_limits.rate_limited(self.installation, urgent=urgent):
            yield self.upstream

    def check_panel(self, name: str, *, sells: bool) -> None:
        """Raises DoorRefusal (403): the panel is not the installation's. sells: the call is about a service of it."""
        installation = self.installation
        if not (installation.has_panel(name) if sells else installation.may_check(name)):
            raise DoorRefusal(403, f"Panel {name} is not of {self.installation.name}: see `panels` in door.toml.")


def _context(request: Request) -> CallContext:
    call: LoggedCall = request.scope[CALL]
    if call.installation is None:
        raise AssertionError("a call that was not let in has come to a route")
    return CallContext(call, call.installation, request.app.state.upstream, request.app.state.rate_limits)


Context = Annotated[CallContext, Depends(_context)]
"""The parameter of a route."""
