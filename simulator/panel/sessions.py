"""Sessions of the panel: sign-in, tokens and their expiry.

Source: docs/sources.md, panel 3.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import uuid4

from simulator.panel.errors import ApiError, Code
from simulator.panel.models import SimUser
from simulator.panel.state import PanelState

COOKIE = "ses6"

KEY_SECONDS = 3600.0
"""How long a login key signs in (section 3.4)."""


@dataclass
class LoginKey:
    """A key that signs a user in to the panel's pages."""

    user_id: int
    text: str
    made_at: float
    used: int = 0


class Sessions:
    """Tokens, each of which expires an hour after its last use."""

    def __init__(self, world: PanelState) -> None:
        self._world = world
        self._last_use: dict[str, tuple[int, float]] = {}
        self.keys: list[LoginKey] = []
        """Every login key that was made, oldest first."""

    def login(self, email: str, password: str) -> str:
        """A new token. Raises ApiError 401: unknown e-mail or wrong password; the message is the same."""
        user = find_user(self._world, email)
        if user is None or user.password != password:
            raise ApiError(401, Code.WRONG_CREDENTIALS, "Invalid email or password")
        token = f"{user.id}-{uuid4()}"
        self._last_use[token] = (user.id, self._world.now())
        return token

    def make_key(self, user: SimUser) -> LoginKey:
        """A new login key for a user."""
        key = LoginKey(user.id, f"{user.id}-{uuid4()}", self._world.now())
        self.keys.append(key)
        return key

    def sign_in(self, text: str) -> str:
        """The token of a new session for whoever has this key. Raises ApiError 403: there is no such key any more."""
        key = next((one for one in self.keys if one.text == text), None)
        now = self._world.now()
        is_over = key is not None and (
            now - key.made_at > KEY_SECONDS or (key.used > 0 and self._world.variants.login_keys == "once")
        )
        if key is None or is_over or key.user_id not in self._world.users:
            raise ApiError(403, Code.NOT_ALLOWED, "The key is not valid")
        key.used += 1
        token = f"{key.user_id}-{uuid4()}"
        self._last_use[token] = (key.user_id, now)
        return token

    def logout(self, token: str) -> None:
        """End a session; one that is not there is ended already."""
        self._last_use.pop(token, None)

    def expire_all(self) -> None:
        """End every session, as a restart of the panel's auth service does."""
        self._last_use.clear()

    def user(self, method: str, headers: Mapping[str, str], cookies: Mapping[str, str]) -> SimUser:
        """The user who makes the call; the session is extended by an hour.

        The token may come as x-xsrf-token, ISP-Session or the cookie ses6. Internal-Auth counts for nothing.
        Raises ApiError 401, or code 1000 where the variants say so: no session or a dead one.
        Raises ApiError 403: a write with the cookie only, where the panel is strict.
        """
        header = headers.get("x-xsrf-token") or headers.get("isp-session")
        token = header or cookies.get(COOKIE)
        known = self._last_use.get(token or "")
        now = self._world.now()
        if token is None or known is None or now - known[1] > self._world.profile.session_seconds:
            self._last_use.pop(token or "", None)
            raise self._dead()
        if self._world.variants.strict_carriers and header is None and method != "GET":
            raise ApiError(403, Code.NOT_ALLOWED, "Header x-xsrf-token is required")
        user = self._world.users.get(known[0])
        if user is None:
            raise self._dead()
        self._last_use[token] = (user.id, now)
        return user

    def _dead(self) -> ApiError:
        text = "Session is absent or expired"
        match self._world.variants.dead_session:
            case "401":
                return ApiError(401, Code.NO_SESSION, text)
            case "1000 with 200":
                return ApiError(200, Code.DEAD_SESSION, text)
            case "1000 with 400":
                return ApiError(400, Code.DEAD_SESSION, text)


def find_user(world: PanelState, email: str) -> SimUser | None:
    """The user with this e-mail, whatever its case."""
    wanted = email.casefold()
    return next((user for user in world.users.values() if user.email.casefold() == wanted), None)
