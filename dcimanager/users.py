"""Users of the panel: the owners of servers, and its administrators."""

import json
import re
from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, SecretStr, model_validator

from dcimanager.errors import PanelRefused, WrongCredentials
from dcimanager.filters import Field, UnsafeValue
from dcimanager.listing import Listing, read_each
from dcimanager.paging import Rows
from dcimanager.parsing import PanelData, PanelId, Text, each, named, read, schema_error
from dcimanager.transport import BodyFields, PanelTransport

_ADMINISTRATORS = frozenset({"admin", "administrator"})


class User(PanelData):
    """A user of the panel; `roles` as the panel names them ("@user").

    A row without roles is outside the schema: an administrator must not pass for a client.
    Source: docs/sources.md, panel 10 (roles as a string "[@user]" and as an array).
    """

    id: PanelId
    email: Text = ""
    roles: tuple[str, ...]

    @model_validator(mode="before")
    @classmethod
    def _from_wire(cls, row: object) -> object:
        return {**row, "roles": _roles(row["roles"])} if isinstance(row, Mapping) and "roles" in row else row

    @property
    def is_admin(self) -> bool:
        """The user is an administrator of the panel."""
        return any(role.lstrip("@").lower() in _ADMINISTRATORS for role in self.roles)


def _roles(value: object) -> tuple[str, ...]:
    parts: list[object] = list(value) if isinstance(value, tuple) else each(value)
    if isinstance(value, str):
        try:
            parts = each(json.loads(value))
        except ValueError:
            parts = [*value.strip("[] ").split(",")]
    names = (named(part) for part in parts)
    return tuple(name.strip("\"' ") for name in names if name)


class Users:
    """The users of the panel. Source: docs/sources.md, panel 10."""

    def __init__(self, transport: PanelTransport) -> None:
        self._transport = transport

    async def all(self) -> Listing[User]:
        """All users, administrators included. Raises PanelError."""
        return await read_each(await self._transport.read_rows("user_list"), User, self._transport.dialect, "user_list")

    async def find(self, email: str, *, among_all: bool = False) -> User | None:
        """The user with exactly this e-mail, upper and lower case alike, or None.

        The panel is asked to filter, for the e-mail as given and in lower case. What it cannot filter (a quote in
        the e-mail, a panel that refuses the filter) is found by reading all users. `among_all`: read all of them, which
        also finds a user whom a case-sensitive filter misses. Raises PanelError.
        """
        if among_all:
            matching = _matching(await self._transport.read_list("user_list"), email)
        else:
            matching = _matching(await self._candidates(email), email)
        if not matching and not among_all and email.lower() != email:
            matching = _matching(await self._candidates(email.lower()), email)
        matching.sort(key=lambda row: row.get("email") != email)
        return self._only(matching, matching[0].get("id")) if matching else None

    async def get(self, user_id: int) -> User | None:
        """The user with this id, or None. Raises PanelError."""
        rows = await self._transport.read_list("user_list", where=Field("id").eq(user_id))
        return self._only(rows, user_id)

    async def create(self, *, email: str, full_name: str, password: SecretStr, phone: str | None) -> int:
        """Create a client's user and give back its id. Find before you create; never repeat it blindly.

        Raises PanelRefused: there is such a user, or the panel does not take the password; PanelError in general.
        """
        words = {
            "email": email,
            "full_name": full_name,
            "password": password,
            "role": self._transport.dialect_value("user_create", "user"),
            **({} if phone is None else {"phone": phone}),
        }
        answer = await self._transport.request("user_create", words=words)
        return read(_Created, answer, self._transport.dialect, "user_create").id

    async def create_key(self, user_id: int) -> SecretStr:
        """A one-time key that signs this user in to the panel's pages for an hour; one that is not used just expires.

        Raises UnexpectedPanelResponse: the key is another user's, or none that fits into an address; PanelError.
        Source: docs/sources.md, panel 3.4.
        """
        answer = await self._transport.request("key_create", ids={"user": user_id})
        made = read(_Key, answer, self._transport.dialect, "key_create")
        if made.id != user_id:
            text = f"The panel made a key for user {made.id} instead of {user_id}: correct [key_create] in the table."
            raise schema_error(text, self._transport.dialect["key_create"], None)
        return made.key

    async def find_ssh_key(self, user_id: int, public_key: str) -> int | None:
        """The id of the user's SSH key with this content, whatever its name and its comment are; None: there is none.

        Raises PanelError. Source: docs/sources.md, panel 3.6.
        """
        rows = await self._transport.read_list("ssh_key_list", ids={"user": user_id})
        found = [row for row in rows if str(row.get("ssh_pub_key")).split()[:2] == public_key.split()[:2]]
        return read(_Created, found[0], self._transport.dialect, "ssh_key_list").id if found else None

    async def add_ssh_key(self, user_id: int, *, name: str, public_key: str) -> int | None:
        """Add an SSH key to the user's and give back its id, where the panel tells it. Find before you create.

        The key is masked wherever the call is shown. Raises PanelError. Source: docs/sources.md, panel 3.6.
        """
        words: BodyFields = {"name": name, "public_key": SecretStr(public_key)}
        answer = await self._transport.request("ssh_key_create", ids={"user": user_id}, words=words)
        return read(_MaybeCreated, answer, self._transport.dialect, "ssh_key_create").id

    async def _candidates(self, email: str) -> Rows:
        try:
            return await self._transport.read_list("user_list", where=Field("email").eq(email))
        except WrongCredentials:
            raise
        except (UnsafeValue, PanelRefused):
            return await self._transport.read_list("user_list")

    def _only(self, rows: Rows, user_id: object) -> User | None:
        """The user with that id. Raises UnexpectedPanelResponse: two rows have it, or it cannot be read."""
        found = [row for row in rows if str(row.get("id")) == str(user_id)]
        if len(found) > 1:
            text = f"The panel has two users with the id {user_id}: look at them there."
            raise schema_error(text, self._transport.dialect["user_list"], None)
        return read(User, found[0], self._transport.dialect, "user_list") if found else None


KEY = re.compile(r"[A-Za-z0-9_-]{16,128}")
"""The documented form is the user's id, a dash and a UUID. What is no letter, digit or dash could lead elsewhere."""


def _fits_into_an_address(key: SecretStr) -> SecretStr:
    if not KEY.fullmatch(key.get_secret_value()):
        raise ValueError("is no key")
    return key


class _Created(PanelData):
    id: PanelId


class _MaybeCreated(PanelData):
    id: PanelId | None = None


class _Key(PanelData):
    id: PanelId
    key: Annotated[SecretStr, AfterValidator(_fits_into_an_address)]


def _matching(rows: Rows, email: str) -> Rows:
    return [row for row in rows if folded(str(row.get("email"))) == folded(email)]


def folded(email: str) -> str:
    """An e-mail address as it is compared: its case does not count, and no other letter passes for one of them.

    `str.casefold` makes "straße" and "strasse" one, and the Kelvin sign a k: those are addresses of two people.
    """
    return "".join(low if len(low := sign.lower()) == 1 and low.isascii() == sign.isascii() else sign for sign in email)
