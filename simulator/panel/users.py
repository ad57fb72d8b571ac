"""Users and owners.

Source: docs/sources.md, panel 7.2 and 10.
"""

from simulator.panel.errors import ApiError, Code, invalid, no_element
from simulator.panel.models import SimServer, SimUser
from simulator.panel.operations import SimOperations
from simulator.panel.sessions import find_user
from simulator.panel.state import PanelState

ROLES = frozenset({"@admin", "@user"})


class SimUsers:
    """The panel's users."""

    def __init__(self, world: PanelState) -> None:
        self._world = world

    def find(self, email: str) -> SimUser | None:
        """The user with this e-mail, whatever its case."""
        return find_user(self._world, email)

    def get(self, user_id: int | str) -> SimUser:
        """A user by id. Raises ApiError 3080: there is none."""
        user = self._world.users.get(int(user_id)) if str(user_id).isdigit() else None
        if user is None:
            raise no_element("user", user_id)
        return user

    def create(
        self, email: str, *, full_name: str = "", password: str, phone: str | None = None, role: str = "@user"
    ) -> SimUser:
        """A new user. Raises ApiError: bad e-mail, empty password, unknown role, or the e-mail is taken."""
        if email.count("@") != 1 or not all(email.split("@")) or any(c.isspace() for c in email):
            raise invalid("email", "not an e-mail address")
        if not password:
            raise invalid("password", "must not be empty")
        if role not in ROLES:
            raise invalid("role", f"must be one of {', '.join(sorted(ROLES))}")
        if self.find(email) is not None:
            raise ApiError(400, Code.DUPLICATE, "User with this email already exists", {"email": email})
        user = SimUser(self._world.next_id("user"), email, full_name, password, phone, (role,))
        self._world.users[user.id] = user
        return user

    def delete(self, user_id: int | str) -> None:
        """Remove a user. Raises ApiError: there is none, or the user owns a server."""
        user = self.get(user_id)
        owned = [server.id for server in self._world.servers.values() if server.owner_id == user.id]
        if owned:
            raise ApiError(400, Code.OWNS_SERVERS, "User owns servers and cannot be deleted", {"servers": owned})
        del self._world.users[user.id]


class Owners:
    """The owners of servers."""

    def __init__(self, world: PanelState, users: SimUsers, operations: SimOperations) -> None:
        self._world = world
        self._users = users
        self._operations = operations

    def set(self, server: SimServer, user_id: int) -> None:
        """Make a user the owner; nothing else happens. Raises ApiError 3080: there is no such user."""
        user = self._users.get(user_id)
        if server.owner_id not in (None, user.id):
            self._world.record("owner_replaced", server, f"{self._world.owner_email(server)} by {user.email}")
        server.owner_id = user.id
        if server.disk.tenant is not None and server.disk.tenant != user.email:
            self._world.record("handed_over_unwiped", server, f"{user.email} got: {server.disk.content}")

    def clear(self, server: SimServer) -> None:
        """Take the owner away; some panels then start diagnostics by themselves."""
        had_owner = server.owner_id is not None
        server.owner_id = None
        mode = self._world.variants.release_diagnostics
        if mode != "none" and had_owner and server.running_operation is None:
            self._operations.start_diagnostics(server, clear_disks=mode == "clear")
