"""WHMCS's clients: the people whom the servers are for."""

from typing import Final

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, field_validator

from whmcs.errors import UnexpectedWhmcsResponse
from whmcs.response import Flag, Id, read_as
from whmcs.text import Text, plain
from whmcs.transport import WhmcsTransport

READ: Final = "GetClientsDetails"


class Client(BaseModel):
    """One client. Personal data is left out of its repr, so that it reaches no log by accident.

    email_verified: None when WHMCS does not say.
    Source: docs/sources.md, WHMCS 11 and 13 (GetClientsDetails).
    """

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True, str_strip_whitespace=True)

    id: Id = Field(validation_alias=AliasChoices("id", "client_id", "userid"))
    email: Text = Field(min_length=1, repr=False)
    firstname: Text = Field(default="", repr=False)
    lastname: Text = Field(default="", repr=False)
    phone: str | None = Field(default=None, validation_alias=AliasChoices("phonenumber", "phone"), repr=False)
    email_verified: Flag = None
    status: Text = ""

    @field_validator("phone", mode="before")
    @classmethod
    def _no_phone_is_none(cls, value: object) -> object:
        return plain(str(value)) or None if isinstance(value, str | int) else None

    @property
    def full_name(self) -> str:
        """First and last name; the e-mail where a client gave neither, for the panel wants a name."""
        return f"{self.firstname} {self.lastname}".strip() or self.email


class Clients:
    """Reads clients."""

    def __init__(self, transport: WhmcsTransport) -> None:
        self._transport = transport

    async def get(self, client_id: int) -> Client:
        """The client with this number. Raises WhmcsNotFound, and what WhmcsTransport.call raises."""
        answer = await self._transport.call(READ, {"clientid": client_id, "stats": "false"})
        # Older versions write the client's fields beside "result", newer ones also below "client".
        nested = answer.get("client")
        client = read_as(Client, nested if isinstance(nested, dict) else answer, READ)
        if client.id != client_id:
            raise UnexpectedWhmcsResponse(
                READ, None, f"WHMCS answered {READ} for client {client_id} with another client. Look there."
            )
        return client
