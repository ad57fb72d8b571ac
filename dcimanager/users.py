"""Users of the panel: the owners of servers, and its administrators."""

import json
from collections.abc import Mapping
from typing import TypeAlias

from pydantic import SecretStr, model_validator

from dcimanager.errors import Refused, WrongCredentials
from dcimanager.filters import Field, UnsafeValue
from dcimanager.paging import Row, Rows
from dcimanager.shapes import Shape, Text, each, named, read
from dcimanager.transport import Transport

_ADMINISTRATORS = frozenset({"admin", "administrator"})


class User(Shape):
    """A user of the panel; `roles` as the panel names them ("@user").

    A row without roles is outside the schema: an administrator must not pass for a client.
    Source: dossier "HTTP API of ISPsystem DCImanager 6", section 10 (roles as a string "[@user]" and as an array).
    """

    id: int
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


Found: TypeAlias = User | None
Listed: TypeAlias = list[User]


class Users:
    """The users of the panel. Source: dossier, section 10."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def list(self) -> Listed:
        """All users, administrators included. Raises PanelError."""
        return [self._read(row) for row in await self._transport.list("user_list")]

    async def find(self, email: str, *, among_all: bool = False) -> Found:
        """The user with exactly this e-mail, upper and lower case alike, or None.

        The panel is asked to filter, for the e-mail as given and in lower case. What it cannot filter (a quote in
        the e-mail, a panel that refuses the filter) is found by reading all users. `among_all`: read all of them, which
        also finds one whom a filter that minds the case does not. Raises PanelError.
        """
        if among_all:
            matching = _matching(await self._transport.list("user_list"), email)
        else:
            matching = _matching(await self._candidates(email), email)
        if not matching and not among_all and email.lower() != email:
            matching = _matching(await self._candidates(email.lower()), email)
        matching.sort(key=lambda row: row.get("email") != email)
        return self._read(matching[0]) if matching else None

    async def get(self, user_id: int) -> Found:
        """The user with this id, or None. Raises PanelError."""
        rows = await self._transport.list("user_list", where=Field("id").eq(user_id))
        return next((self._read(row) for row in rows if str(row.get("id")) == str(user_id)), None)

    async def create(self, *, email: str, full_name: str, password: SecretStr, phone: str | None) -> int:
        """Create a client's user and give back its id. Find before you create; never repeat it blindly.

        Raises Refused: there is such a user, or the panel does not take the password; PanelError in general.
        """
        words = {
            "email": email,
            "full_name": full_name,
            "password": password,
            "role": self._transport.spoken("user_create", "user"),
            **({} if phone is None else {"phone": phone}),
        }
        answer = await self._transport.request("user_create", words=words)
        return read(_Created, answer, self._transport.dialect["user_create"]).id

    async def _candidates(self, email: str) -> Rows:
        try:
            return await self._transport.list("user_list", where=Field("email").eq(email))
        except WrongCredentials:
            raise
        except (UnsafeValue, Refused):
            return await self._transport.list("user_list")

    def _read(self, row: Row) -> User:
        return read(User, row, self._transport.dialect["user_list"])


class _Created(Shape):
    id: int


def _matching(rows: Rows, email: str) -> Rows:
    return [row for row in rows if str(row.get("email")).casefold() == email.casefold()]
