"""The panel's calls about sessions, users, pools, templates and locations."""

from collections import Counter

from simulator.calls import Answer, BodyWords, Call, Handler
from simulator.lists import answer_list
from simulator.panel import PanelModel
from simulator.refusals import invalid


class LoginWords(BodyWords):
    """login."""

    email: str
    password: str


class UserWords(BodyWords):
    """user_create."""

    email: str
    password: str
    full_name: str = ""
    phone: str | None = None
    role: str = "@user"


def login(panel: PanelModel, call: Call) -> Answer:
    """A new session."""
    words = call.words(LoginWords)
    token = panel.sessions.login(words.email, words.password)
    return Answer({"id": token, "token": token, "confirmed": True}, panel.variants.login_status)


def logout(panel: PanelModel, call: Call) -> Answer:
    """End a session."""
    panel.sessions.logout(call.ids["token"])
    return Answer({})


def whoami(panel: PanelModel, call: Call) -> Answer:
    """The user of this session; his id is a string here."""
    if call.user is None:
        return Answer({})
    view = panel.views.user(call.user, 0)
    return Answer({"id": str(call.user.id), "email": view["email"], "roles": view["roles"], "state": "active"})


def user_list(panel: PanelModel, call: Call) -> Answer:
    """All users."""
    owned = Counter(server.owner_id for server in panel.servers.values())
    users = panel.world.users.values()
    fields = {"id": lambda user: user.id, "email": lambda user: user.email}
    return Answer(
        answer_list(
            panel.world, users, call.query, fields=fields, view=lambda user: panel.views.user(user, owned[user.id])
        )
    )


def user_create(panel: PanelModel, call: Call) -> Answer:
    """A new user."""
    words = call.words(UserWords)
    role = "@user" if words.role == call.endpoint.values.get("user") else words.role
    user = panel.users.create(
        words.email, full_name=words.full_name, password=words.password, phone=words.phone, role=role
    )
    return Answer({"id": user.id})


def user_delete(panel: PanelModel, call: Call) -> Answer:
    """Remove a user who owns nothing; not in the shipped table, a site's table may have it."""
    user = panel.users.get(call.ids["user"])
    if user is call.user:
        raise invalid("user", "you cannot delete yourself")
    panel.users.delete(user.id)
    return Answer({"id": user.id})


def ip_pool_list(panel: PanelModel, call: Call) -> Answer:
    """All IP pools."""
    rows = panel.world.pools.values()
    return Answer(answer_list(panel.world, rows, call.query, fields={}, view=panel.views.pool))


def ip_pool_settings(panel: PanelModel, call: Call) -> Answer:
    """The pools' general settings."""
    return Answer({"deallocation_pools": panel.world.deallocation_pools})


def os_template_list(panel: PanelModel, call: Call) -> Answer:
    """All OS templates of all locations; for a user, those for everybody."""
    everything = call.user is not None and call.user.is_admin
    rows = [template for template in panel.world.templates.values() if everything or not template.admin_only]
    return Answer(answer_list(panel.world, rows, call.query, fields={}, view=panel.views.template))


def location_list(panel: PanelModel, call: Call) -> Answer:
    """All locations."""
    rows = panel.world.locations.values()
    return Answer(answer_list(panel.world, rows, call.query, fields={}, view=panel.views.location))


OTHER_HANDLERS: dict[str, Handler] = {
    function.__name__: function
    for function in (
        login,
        logout,
        whoami,
        user_list,
        user_create,
        user_delete,
        ip_pool_list,
        ip_pool_settings,
        os_template_list,
        location_list,
    )
}
