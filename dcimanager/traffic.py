"""The traffic of servers: the panel's numbers for a stretch of time."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from pydantic import Field, JsonValue

from dcimanager.endpoints import DialectError
from dcimanager.errors import UnexpectedPanelResponse
from dcimanager.parsing import PanelData, read, schema_error
from dcimanager.transport import PanelTransport

POINT = timedelta(minutes=5)
"""The panel keeps a point each five minutes (docs/sources.md, panel 14)."""


class Point(PanelData):
    """Bytes that a server received and sent in five minutes."""

    received: int = Field(ge=0)
    sent: int = Field(ge=0)

    @property
    def rate_in(self) -> int:
        """The load towards the server, in bits a second."""
        return self.received * 8 // int(POINT.total_seconds())

    @property
    def rate_out(self) -> int:
        """The load from the server, in bits a second."""
        return self.sent * 8 // int(POINT.total_seconds())


class Moved(PanelData):
    """Bytes that a server received and sent, and how many it may move; None: the panel tells no limit."""

    received: int = Field(default=0, ge=0)
    sent: int = Field(default=0, ge=0)
    limit: int | None = Field(default=None, ge=0)
    points: list[Point] = Field(default_factory=list)
    """The points of which the numbers are made; empty: the table names none, or the panel has none."""

    @property
    def total(self) -> int:
        """Both ways together."""
        return self.received + self.sent


class Traffic:
    """The traffic of the panel's servers. Nothing of the call is documented: its entry is a guess throughout."""

    def __init__(self, transport: PanelTransport) -> None:
        self._transport = transport

    @property
    def keys(self) -> dict[str, str]:
        """The keys of query and answer by our words, as the table has them."""
        return {word: str(key) for word, key in self._transport.dialect["server_traffic"].values.items()}

    def check_days(self) -> None:
        """Whether the traffic of single days can be asked for, both ways apart. Raises DialectError: it cannot."""
        missing = [word for word in ("from", "to", "received", "sent") if word not in self.keys]
        if missing:
            raise DialectError(
                f"[server_traffic] has no {', '.join(missing)} in its values: no traffic of single days is known. "
                "Add the panel's keys."
            )

    async def of(self, server_id: int, *, since: datetime, until: datetime) -> Moved:
        """What a server moved between two moments, which the panel is told in UTC and to the second.

        Where the table names points, they are read, too; numbers that the answer lacks beside them are their sums.
        Raises UnexpectedPanelResponse: the answer lacks a number that the table names, or has more points than there
        are between the moments; PanelError in general. Raises DialectError: the table names no number.
        Source: docs/sources.md, panel 14 and 16.1 (inferred).
        """
        dialect = self._transport.dialect
        endpoint = dialect["server_traffic"]
        keys = self.keys
        counted = [word for word in ("received", "sent") if word in keys]
        if not counted:
            raise DialectError("[server_traffic] has neither received nor sent in its values: add the answer's keys.")
        query = {keys[word]: _told(moment) for word, moment in (("from", since), ("to", until)) if word in keys}
        answer = await self._transport.request("server_traffic", ids={"server": server_id}, query=query)
        if not isinstance(answer, dict):
            raise self._unknown(server_id, answer)
        points = self._points(server_id, answer, counted)
        if points is not None and len(points) > (until - since) / POINT + 1:
            text = f"The panel tells {len(points)} points of server {server_id}, more than there are between the times "
            raise schema_error(f"{text}that it was asked for: correct [server_traffic] in the table.", endpoint, None)
        told: dict[str, JsonValue] = {}
        for word in counted:
            number = answer.get(keys[word])
            if number is None and points is not None:
                number = sum(getattr(point, word) for point in points)
            if number is None:
                raise self._unknown(server_id, answer)
            told[word] = number
        moved = read(Moved, {**told, "limit": answer.get(keys.get("limit", ""))}, dialect, "server_traffic")
        return moved.model_copy(update={"points": points or []})

    def _points(self, server_id: int, answer: dict[str, JsonValue], counted: Sequence[str]) -> list[Point] | None:
        """The answer's points; those without numbers, which nobody measured, are left out. None: the table names none.

        Raises UnexpectedPanelResponse.
        """
        keys = self.keys
        if "points" not in keys:
            return None
        rows = answer.get(keys["points"])
        if not isinstance(rows, list):
            raise self._unknown(server_id, answer)
        points = []
        for row in rows:
            if not isinstance(row, dict):
                raise self._unknown(server_id, row)
            numbers = {word: row.get(keys[word]) for word in counted}
            if any(number is not None for number in numbers.values()):
                nothing = {"received": 0, "sent": 0}  # of a direction that the table does not name
                points.append(read(Point, {**nothing, **numbers}, self._transport.dialect, "server_traffic"))
        return points

    def _unknown(self, server_id: int, answer: JsonValue) -> UnexpectedPanelResponse:
        text = f"The panel does not tell the traffic of server {server_id}: correct [server_traffic] in the table."
        return schema_error(text, self._transport.dialect["server_traffic"], answer)


def _told(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
