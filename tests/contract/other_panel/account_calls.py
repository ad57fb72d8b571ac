"""The calls of sessions, users, OS templates and locations."""

from typing import Any

from tests.contract.other_panel import rows
from tests.contract.other_panel.calls import Asked, Call
from tests.contract.other_panel.filters import listed
from tests.contract.other_panel.state import Account, Refusal, World

DCI, AUTH = "dci/v3", "auth/v4"


def sign_in(world: World, asked: Asked) -> Any:
    """Who signs in; the app makes the session. Refused: wrong name or password."""
    for account in world.accounts:
        if account.email == asked.body["email"] and account.password == asked.body["password"]:
            return {"confirmed": True, "id": str(account.id), "expires_at": None}
    raise Refusal(1001, "Wrong e-mail or password")


def sign_out(world: World, asked: Asked) -> Any:
    """The app ends the session."""
    return {}


def who_am_i(world: World, asked: Asked) -> Any:
    """The administrator, who alone signs in here."""
    admin = world.accounts[0]
    return {"id": str(admin.id), "email": admin.email, "roles": [admin.role]}


def list_users(world: World, asked: Asked) -> Any:
    """The users."""
    return listed([rows.account(world, account) for account in world.accounts], asked.query)


def add_user(world: World, asked: Asked) -> Any:
    """A new user, in the documented shape. Refused: the e-mail is somebody's."""
    wanted = asked.body["email"]
    if any(account.email.lower() == wanted.lower() for account in world.accounts):
        raise Refusal(4401, "There is a user with this e-mail")
    account = Account(world.number(), wanted, asked.body["full_name"], asked.body["password"], asked.body["role"])
    world.accounts.append(account)
    return {"id": account.id}


def make_key(world: World, asked: Asked) -> Any:
    """A one-time key of a user. Refused: there is no such user."""
    account = world.account(int(asked.ids["user"]))
    return {"id": str(account.id), "key": f"{account.id}-0c4cf5f2-0c5e-4c5b-8f1c-1df3f8b0a001"}


def list_images(world: World, asked: Asked) -> Any:
    """The OS templates of every location."""
    return listed([rows.image(world, image) for image in world.images], asked.query)


def list_sites(world: World, asked: Asked) -> Any:
    """The locations."""
    return listed([rows.place(site) for site in world.sites], asked.query)


TEXT = {"type": "string"}

ACCOUNT_CALLS = (
    Call(AUTH, "POST", "public/token", "Log in with e-mail and password", "Sessions", sign_in,
         {"email": TEXT, "password": TEXT}, ("email", "password"), "Session", public=True),
    Call(AUTH, "DELETE", "session/{token}", "End a session: log out", "Sessions", sign_out),
    Call(AUTH, "GET", "whoami", "Who am I", "Sessions", who_am_i, answer="User"),
    Call(DCI, "GET", "user", "List users", "Users", list_users, answer="User"),
    Call(
        DCI, "POST", "user", "Create a user", "Users", add_user,
        {
            "email": TEXT, "full_name": TEXT, "password": TEXT, "phone_number": TEXT,
            "role": {**TEXT, "enum": ["@admin", "@user"]},
        },
        ("email", "full_name", "password", "role"), "Created",
    ),
    Call(AUTH, "POST", "user/{user}/key", "Create a one-time key of a user", "Users", make_key, answer="Key"),
    Call(DCI, "GET", "image", "List OS templates", "Templates", list_images, answer="Image"),
    Call(DCI, "GET", "site", "List locations", "Locations", list_sites, answer="Site"),
)  # fmt: skip
