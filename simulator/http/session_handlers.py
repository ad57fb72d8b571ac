"""The panel's calls about sessions and users."""

from collections import Counter

from simulator.http.handler_types import ApiAnswer, ApiCall, BodyWords, Handler
from simulator.http.list_query import answer_list
from simulator.panel.errors import ApiError, Code, invalid
from simulator.panel.model import PanelModel
from simulator.panel.models import SimUser


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


class SshKeyWords(BodyWords):
    """ssh_key_create."""

    name: str
    public_key: str


def login(panel: PanelModel, call: ApiCall) -> ApiAnswer:
    """A new session."""
    words = call.words(LoginWords)
    token = panel.sessions.login(words.email, words.password)
    told = {"confirmed": True, "id": token.split("-")[0], "token": token, "expires_at": None}
    return ApiAnswer(told, panel.variants.login_status)


def logout(panel: PanelModel, call: ApiCall) -> ApiAnswer:
    """End a session."""
    panel.sessions.logout(call.ids["token"])
    return ApiAnswer({})


def whoami(panel: PanelModel, call: ApiCall) -> ApiAnswer:
    """The user of this session; their id is a string here."""
    if call.user is None:
        return ApiAnswer({})
    view = panel.serializers.user(call.user, 0)
    return ApiAnswer({"id": str(call.user.id), "email": view["email"], "roles": view["roles"], "state": "active"})


def user_list(panel: PanelModel, call: ApiCall) -> ApiAnswer:
    """All users."""
    owned = Counter(server.owner_id for server in panel.servers.values())
    users = panel.world.users.values()
    fields = {"id": lambda user: user.id, "email": lambda user: user.email}
    return ApiAnswer(
        answer_list(
            panel.world,
            users,
            call.query,
            fields=fields,
            view=lambda user: panel.serializers.user(user, owned[user.id]),
        )
    )


def user_create(panel: PanelModel, call: ApiCall) -> ApiAnswer:
    """A new user."""
    words = call.words(UserWords)
    role = "@user" if words.role == call.endpoint.values.get("user") else words.role
    user = panel.users.create(
        words.email, full_name=words.full_name, password=words.password, phone=words.phone, role=role
    )
    return ApiAnswer({"id": user.id})


def key_create(panel: PanelModel, call: ApiCall) -> ApiAnswer:
    """A key that signs the user in to the panel's pages; the user's id is a string here."""
    if panel.variants.login_keys == "absent":
        raise ApiError(404, Code.NO_ROUTE, "Request handler not found")
    if call.body:
        raise ApiError(400, Code.UNEXPECTED_PROPERTY, "Unexpected property", {"property": next(iter(call.body))})
    key = panel.sessions.make_key(panel.users.get(call.ids["user"]))
    return ApiAnswer({"id": str(key.user_id), "key": key.text})


def ssh_key_list(panel: PanelModel, call: ApiCall) -> ApiAnswer:
    """The SSH keys of a user."""
    user = _with_ssh_keys(panel, call)
    keys = [{"id": key_id, "name": name, "ssh_pub_key": text} for key_id, (name, text) in user.ssh_keys.items()]
    fields = {"id": lambda key: key["id"]}
    return ApiAnswer(answer_list(panel.world, keys, call.query, fields=fields, view=lambda key: key))


def ssh_key_create(panel: PanelModel, call: ApiCall) -> ApiAnswer:
    """Another SSH key of a user."""
    user = _with_ssh_keys(panel, call)
    words = call.words(SshKeyWords)
    key_id = panel.world.next_id("sshkey")
    user.ssh_keys[key_id] = (words.name, words.public_key)
    return ApiAnswer({"id": key_id})


def _with_ssh_keys(panel: PanelModel, call: ApiCall) -> SimUser:
    if panel.variants.ssh_keys == "absent":
        raise ApiError(404, Code.NO_ROUTE, "Request handler not found")
    return panel.users.get(call.ids["user"])


def user_delete(panel: PanelModel, call: ApiCall) -> ApiAnswer:
    """Remove a user who owns no server. The shipped table has no such call; a site's own table may."""
    user = panel.users.get(call.ids["user"])
    if user is call.user:
        raise invalid("user", "you cannot delete yourself")
    panel.users.delete(user.id)
    return ApiAnswer({"id": user.id})


SESSION_HANDLERS: dict[str, Handler] = {
    function.__name__: function
    for function in (
        login,
        logout,
        whoami,
        user_list,
        user_create,
        key_create,
        ssh_key_list,
        ssh_key_create,
        user_delete,
    )
}
