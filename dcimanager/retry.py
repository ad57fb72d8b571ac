"""When a call may be sent again, and how long to wait before.

HTTP 503 means that a service of the panel is asleep and its handler did not run: any call may be repeated, POST
included; so may one whose connection was never made. After 502, 504 or a broken connection the handler may have run:
only GET may be repeated.
Source: docs/sources.md, panel 4.2.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tenacity import AsyncRetrying, RetryCallState, wait_exponential, wait_random

ASLEEP_SECONDS = 60.0
"""How long a sleeping service is waited for: as long as ISPsystem's own library does."""
LONGEST_RETRY_AFTER = 30.0
"""Longer pauses that a panel asks for are cut to this: a step must not sleep for hours."""
SHORTEST_PAUSE = 0.25
REPEATED_TRIES = 3

NOT_RUN = frozenset({429, 503})
"""Answers that say that the handler did not run."""
GATEWAY = frozenset({502, 504})
"""Answers of a gateway that lost the service behind it."""

AWAY = GATEWAY | {503}
"""Answers of a panel that is not there, whoever answers in its place."""

_backoff = wait_exponential(multiplier=SHORTEST_PAUSE, max=5) + wait_random(0, SHORTEST_PAUSE)


@dataclass(frozen=True)
class ReceivedResponse:
    """What came back: HTTP status, body as text, and the headers that matter; `kind` is its type."""

    status: int
    text: str = ""
    retry_after: float | None = None
    location: str | None = None
    kind: str = ""


class LostResponse(Exception):
    """No answer came back.

    `cut`: the connection broke or was never made, rather than taking too long. `sent`: something may have gone out.
    """

    def __init__(self, why: str, *, cut: bool, sent: bool) -> None:
        super().__init__(why)
        self.cut = cut
        self.sent = sent


def with_retries(method: str, sleep: Callable[[float], Awaitable[object]]) -> AsyncRetrying:
    """Sends one call as often as its method and its answers allow; the last answer or LostResponse is the result."""
    tries_left = REPEATED_TRIES

    def again(state: RetryCallState) -> bool:
        nonlocal tries_left
        answer, error = _outcome(state)
        if answer is not None and answer.status in NOT_RUN:
            # Both measures: sleeping is injected, and a panel may also take long to say 503.
            return max(state.idle_for, state.seconds_since_start or 0.0) < ASLEEP_SECONDS
        broken = answer.status in GATEWAY if answer is not None else isinstance(error, LostResponse) and error.cut
        harmless = method == "GET" or (isinstance(error, LostResponse) and not error.sent)
        tries_left -= 1
        return broken and harmless and tries_left >= 0

    async def paused(seconds: float) -> None:
        await sleep(seconds)

    return AsyncRetrying(sleep=paused, retry=again, wait=_pause)


def _pause(state: RetryCallState) -> float:
    answer, _ = _outcome(state)
    if answer is not None and answer.status in NOT_RUN and answer.retry_after is not None:
        return min(max(answer.retry_after, SHORTEST_PAUSE), LONGEST_RETRY_AFTER)
    return _backoff(state)


def _outcome(state: RetryCallState) -> tuple[ReceivedResponse | None, BaseException | None]:
    if state.outcome is None:
        return None, None
    error = state.outcome.exception()
    return (None, error) if error is not None else (state.outcome.result(), None)
