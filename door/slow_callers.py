"""A time limit for what a caller sends: without a web server in front nothing else ends a call that drips."""

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from door.body import BODY_SECONDS

HEAD_SECONDS = 10.0
"""From the first byte of a call (or the connection) to the end of its head: a kilobyte of the next room's."""

SPARE_SECONDS = 2.0
"""Beyond a body's own time, in which its caller gets 408; then the connection is cut, whatever was answered."""


class BoundedCalls(H11Protocol):
    """uvicorn's HTTP protocol, which cuts a connection whose call is not there in time, however steadily it drips.

    What was received is the door's own to answer; how long that takes is not bounded here.
    """

    _part = ""
    """Which part of a call is waited for: "head", "body", or none."""
    _end: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Somebody has connected, and has to say what they want."""
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Some of a call has come."""
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """A call was answered; its body may be on its way still, or the next head."""
        super().on_response_complete()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._wait_for("")
        super().connection_lost(exc)

    def _watch(self) -> None:
        state = self.conn.their_state
        if state is h11.IDLE and (self.cycle is None or self.conn.trailing_data[0]):
            self._wait_for("head")
        else:
            self._wait_for("body" if state is h11.SEND_BODY else "")

    def _wait_for(self, part: str) -> None:
        """The time of a part begins with it; what comes of it meanwhile does not make it longer."""
        if part == self._part:
            return
        self._part = part
        if self._end is not None:
            self._end.cancel()
            self._end = None
        if part:
            self._end = self.loop.call_later(
                HEAD_SECONDS if part == "head" else BODY_SECONDS + SPARE_SECONDS, self._cut
            )

    def _cut(self) -> None:
        if not self.transport.is_closing():
            who = self.client[0] if self.client else "unknown"
            self.logger.warning("A caller at %s was cut off: the %s of its call did not come in time.", who, self._part)
        self.transport.abort()
