"""Whether ledger and Prefect belong together: each has an incarnation, and the one that is behind was restored.

The ledger counts first and Prefect's variable follows, so the variable is as far as the ledger or a little behind (a
worker died in between, or an earlier write of it arrived late), never ahead. A ledger behind the variable is an older
copy; a variable further behind, or none, is an older Prefect, or another one. Where they differ nothing runs but
`dciflow restored` (safety rule 24).
"""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import uuid4

from pydantic import AwareDatetime, BaseModel, ConfigDict, JsonValue, ValidationError

from ledger import incarnation
from ledger.incarnation import Incarnation, Side
from runtime.clock import clock
from runtime.connections import INCARNATION, connections, ledger
from runtime.errors import PrefectUnreachable, StepRefused

ADVANCE_EVERY = timedelta(seconds=15)
"""As often as heartbeats. A ledger that is not older than two of these is not told from the present."""

LATE_WRITES = 8
"""So many counts, two minutes, may the variable be behind: a write that hung is applied after others that came later.

A Prefect that was restored from a copy younger than that is not told from the present.
"""

WRITE_SECONDS = 10.0
"""Less than the count takes to go up once more."""


class Outside(BaseModel):
    """What Prefect's variable says."""

    model_config = ConfigDict(frozen=True)

    name: str
    count: int
    at: AwareDatetime


class Standing(BaseModel):
    """Whether ledger and Prefect belong together; `why` is empty if they do."""

    model_config = ConfigDict(frozen=True)

    why: str = ""
    side: Side | None = None
    """The side that was restored, as far as that is known."""

    @property
    def is_good(self) -> bool:
        """Whether work may go on."""
        return not self.why

    @property
    def do(self) -> str:
        """What a person does."""
        if self.side is None:
            return "Look at the worker's settings; then dciflow restored ledger, or prefect (docs/operate.md, Back-ups)"
        return f"Type: dciflow restored {self.side} (docs/operate.md, Back-ups)"

    @property
    def line(self) -> str:
        """What happened and what to do, in one line."""
        return f"{self.why} Nothing runs until that was gone through. {self.do}"


def compare(inside: Incarnation | None, outside: Outside | None, *, is_empty: bool) -> Standing:
    """Which side is behind; `is_empty`: the ledger knows no service. Pure.

    Of the same name a variable may be up to LATE_WRITES behind: `look` writes the ledger's count again.
    """
    if inside is not None and inside.restoring is not None:
        return Standing(why=f"A person goes through the restoration of the {inside.restoring}.", side=inside.restoring)
    if outside is None:
        if inside is None or inside.count == 0 or is_empty:
            return Standing()  # a first start, by this worker or by another one; or nothing that could be lost
        why = f"Prefect does not know this ledger (it has no variable {INCARNATION}): it is new, or was restored."
        return Standing(why=why, side="prefect")
    if inside is None or inside.count < outside.count:
        count = 0 if inside is None else inside.count
        why = f"The ledger is behind (at {count}, Prefect saw it at {outside.count}): it was restored, or is a new one."
        return Standing(why=why, side="ledger")
    if inside.name == outside.name and inside.count <= outside.count + LATE_WRITES:
        return Standing()
    if inside.count > outside.count:
        why = f"Prefect is behind (it saw the ledger at {outside.count}, which is at {inside.count}): it was restored."
        return Standing(why=why, side="prefect")
    return Standing(why="Ledger and Prefect do not belong together: one of them is another installation's.")


async def look() -> Standing:
    """Compare both; where they belong together, count on, at most once in 15 s however many look.

    Raises LedgerError, PrefectUnreachable: a side cannot be asked, or both moved meanwhile, and nothing was concluded.
    """
    inside, outside, standing = await _compared()
    if not standing.is_good or isinstance(outside, Standing):
        return standing
    now = clock().now()
    if inside is None:
        inside = await incarnation.begin(ledger(), now=now)
    if outside is None or outside.count < inside.count:
        await _write_soon(inside.name, inside.count, now)  # the first time, or what was left behind
        return standing
    further = await incarnation.advance(ledger(), inside, not_within=ADVANCE_EVERY, now=now)
    if (further.name, further.count) == (inside.name, inside.count + 1) and further.restoring is None:
        await _write_soon(further.name, further.count, now)
    return standing


async def require_one() -> None:
    """Make sure, before a person's word is carried out, that ledger and Prefect belong together.

    Raises StepRefused: they do not; LedgerError, PrefectUnreachable.
    """
    *_, standing = await _compared()
    if not standing.is_good:
        raise StepRefused(standing.line)


async def begin_new() -> None:
    """Begin a new incarnation on both sides: Prefect first, so that a ledger that was not told goes on waiting.

    Raises LedgerError, PrefectUnreachable.
    """
    outside = await _outside()
    known = outside.count if isinstance(outside, Outside) else 0
    inside = await incarnation.current(ledger())
    name, count, now = str(uuid4()), max(known, 0 if inside is None else inside.count) + 1, clock().now()
    await _write(name, count, now)
    await incarnation.renew(ledger(), name=name, count=count, now=now)


async def last_seen() -> datetime | None:
    """When the variable was written last: what Prefect has from before that is older than its restoration."""
    outside = await _outside()
    return outside.at if isinstance(outside, Outside) else None


async def _compared() -> tuple[Incarnation | None, Outside | Standing | None, Standing]:
    """Both sides and how they stand. They are read one after the other, and others count on meanwhile.

    So what looks restored is read once more the other way round: a pause in between makes first the one, then the
    other side look older, and what was restored is older both times. Raises PrefectUnreachable: it is open which.
    """
    outside = await _outside()
    inside = await incarnation.current(ledger())
    first = await _standing(inside, outside)
    if first.is_good:
        return inside, outside, first
    inside = await incarnation.current(ledger())
    outside = await _outside()
    again = await _standing(inside, outside)
    if not again.is_good and again.side != first.side:
        raise PrefectUnreachable("Ledger and Prefect moved on while they were compared: they are looked at again.")
    return inside, outside, again


async def _standing(inside: Incarnation | None, outside: Outside | Standing | None) -> Standing:
    if isinstance(outside, Standing):
        return outside
    return compare(inside, outside, is_empty=await _is_empty(inside, outside))


async def _is_empty(inside: Incarnation | None, outside: Outside | None) -> bool:
    return inside is not None and outside is None and await incarnation.is_empty(ledger())


async def _outside() -> Outside | Standing | None:
    kept = await connections().read_incarnation()
    if kept is None:
        return None
    try:
        return Outside.model_validate(kept if isinstance(kept, Mapping) else {})
    except ValidationError:
        return Standing(why=f"Prefect's variable {INCARNATION} cannot be read: somebody wrote it.", side="prefect")


async def _write_soon(name: str, count: int, now: datetime) -> None:
    """Write within 10 s or not at all: a write that comes late, past others, would make Prefect look older than it is.

    Raises PrefectUnreachable.
    """
    try:
        async with asyncio.timeout(WRITE_SECONDS):
            await _write(name, count, now)
    except TimeoutError:
        raise PrefectUnreachable(f"Prefect's server did not take its variable {INCARNATION} in time.") from None


async def _write(name: str, count: int, now: datetime) -> None:
    value: dict[str, JsonValue] = {"name": name, "count": count, "at": now.isoformat()}
    await connections().write_incarnation(value)
