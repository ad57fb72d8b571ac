"""The traffic of servers: the panel's numbers for a stretch of time."""

from datetime import UTC, datetime

from pydantic import Field, JsonValue

from dcimanager.endpoints import DialectError
from dcimanager.shapes import Shape, outside, read
from dcimanager.transport import Transport


class Moved(Shape):
    """Bytes that a server received and sent, and how many it may move; None: the panel tells no limit."""

    received: int = Field(default=0, ge=0)
    sent: int = Field(default=0, ge=0)
    limit: int | None = Field(default=None, ge=0)

    @property
    def total(self) -> int:
        """Both ways together."""
        return self.received + self.sent


class Traffic:
    """The traffic of the panel's servers. Nothing of the call is documented: its entry is a guess throughout."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def of(self, server_id: int, *, since: datetime, until: datetime) -> Moved:
        """What a server moved between two moments, which the panel is told in UTC and to the second.

        Raises Surprise: the answer lacks a number that the table names; DialectError: the table names none; PanelError.
        Source: dossier "HTTP API of ISPsystem DCImanager 6", sections 14 and 16.1 (inferred).
        """
        endpoint = self._transport.dialect["server_traffic"]
        keys = {word: str(key) for word, key in endpoint.values.items()}
        counted = [word for word in ("received", "sent") if word in keys]
        if not counted:
            raise DialectError("[server_traffic] has neither received nor sent in its values: add the answer's keys.")
        query = {keys[word]: _told(moment) for word, moment in (("from", since), ("to", until)) if word in keys}
        answer = await self._transport.request("server_traffic", ids={"server": server_id}, query=query)
        if not isinstance(answer, dict) or any(answer.get(keys[word]) is None for word in counted):
            text = f"The panel does not tell the traffic of server {server_id}: correct [server_traffic] in the table."
            raise outside(text, endpoint, answer)
        told: dict[str, JsonValue] = {word: answer[keys[word]] for word in counted}
        return read(Moved, {**told, "limit": answer.get(keys.get("limit", ""))}, endpoint)


def _told(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
