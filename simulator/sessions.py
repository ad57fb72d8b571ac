"""Who is signed in.

Source: dossier "HTTP API of ISPsystem DCImanager 6", section 3.
"""

from collections.abc import Mapping
from uuid import uuid4

from simulator.refusals import Code, Refusal
from simulator.things import SimUser
from simulator.world import World

COOKIE = "ses6"


class Sessions:
    """Tokens that die after an hour in which nobody used them."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._last_use: dict[str, tuple[int, float]] = {}

    def login(self, email: str, password: str) -> str:
        """A new token. Raises Refusal 401: unknown e-mail or wrong password, which of the two is not said."""
        user = find_user(self._world, email)
        if user is None or user.password != password:
            raise Refusal(401, Code.WRONG_CREDENTIALS, "Invalid email or password")
        token = f"{user.id}-{uuid4()}"
        self._last_use[token] = (user.id, self._world.now())
        return token

    def logout(self, token: str) -> None:
        """End a session; one that is not there is ended already."""
        self._last_use.pop(token, None)

    def expire_all(self) -> None:
        """End every session, as a restart of the panel's auth service does."""
        self._last_use.clear()

    def user(self, method: str, headers: Mapping[str, str], cookies: Mapping[str, str]) -> SimUser:
        """Whose call this is; the session lives on for another hour.

        The token may come as x-xsrf-token, ISP-Session or the cookie ses6. Internal-Auth counts for nothing.
        Raises Refusal 401: no session or a dead one; 403: a write with the cookie only, where the panel is strict.
        """
        header = headers.get("x-xsrf-token") or headers.get("isp-session")
        token = header or cookies.get(COOKIE)
        known = self._last_use.get(token or "")
        now = self._world.now()
        if token is None or known is None or now - known[1] > self._world.profile.session_seconds:
            self._last_use.pop(token or "", None)
            raise Refusal(401, Code.NO_SESSION, "Session is absent or expired")
        if self._world.variants.strict_carriers and header is None and method != "GET":
            raise Refusal(403, Code.NOT_ALLOWED, "Header x-xsrf-token is required")
        user = self._world.users.get(known[0])
        if user is None:
            raise Refusal(401, Code.NO_SESSION, "Session is absent or expired")
        self._last_use[token] = (user.id, now)
        return user


def find_user(world: World, email: str) -> SimUser | None:
    """The user with this e-mail, whatever its case."""
    wanted = email.casefold()
    return next((user for user in world.users.values() if user.email.casefold() == wanted), None)
