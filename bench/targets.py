"""The targets, and whether what was measured holds them."""

from collections.abc import Iterator

from pydantic import BaseModel, ConfigDict

from bench.figures import p50
from bench.results import Activations, Bursts, Database, Latency, Measurements, Subject, Waiting

TIMES_PROCESS = 10.0
"""Better than the process worker by this factor at least: what a start of Python and an import of Prefect cost."""

TIMES_FLOOR = 1.3
"""What our own work may add to the engine's."""

MB_EACH = 1.0
FLAT = 1.5
"""Panel calls with the most waiting installations against those with a tenth of them."""

OVER_SECONDS = 60.0


class TargetVerdict(BaseModel):
    """One target and what came of it."""

    model_config = ConfigDict(frozen=True)

    database: Database
    what: str
    measured: str
    target: str
    held: bool


def verdicts(database: Database, measured: Measurements) -> list[TargetVerdict]:
    """All targets of the parts that were measured."""
    judged: list[tuple[str, str, str, bool]] = []
    if measured.latency is not None:
        judged += _latency(measured.latency)
    if measured.bursts is not None:
        judged += _bursts(measured.bursts)
    if measured.waiting is not None:
        judged += _waiting(measured.waiting)
    if measured.activations is not None:
        judged += _activations(measured.activations)
    return [
        TargetVerdict(database=database, what=what, measured=figure, target=target, held=held)
        for what, figure, target, held in judged
    ]


def _at_least(what: str, ratio: float) -> tuple[str, str, str, bool]:
    return what, f"{ratio:.1f} times", f"at least {TIMES_PROCESS:g} times", ratio >= TIMES_PROCESS


def _within(what: str, ratio: float) -> tuple[str, str, str, bool]:
    return what, f"{ratio:.2f} times", f"within {TIMES_FLOOR:g} times", ratio <= TIMES_FLOOR


def _latency(latency: Latency) -> Iterator[tuple[str, str, str, bool]]:
    written = {subject: p50(times) for subject, times in latency.to_first_write.items()}
    ended = {subject: p50(times) for subject, times in latency.to_end.items()}
    yield _at_least(
        "a suspension's first panel write, process worker's p50 to ours",
        written[Subject.PROCESS] / written[Subject.OURS],
    )
    yield _at_least("a suspension's end, process worker's p50 to ours", ended[Subject.PROCESS] / ended[Subject.OURS])
    yield _within("a suspension's end, our p50 to the floor's", ended[Subject.OURS] / ended[Subject.FLOOR])


def _bursts(bursts: Bursts) -> Iterator[tuple[str, str, str, bool]]:
    rate = {subject: burst.per_second for subject, burst in bursts.of.items()}
    failed = sum(burst.failed for burst in bursts.of.values())
    yield _at_least("a burst, our rate to the process worker's", rate[Subject.OURS] / rate[Subject.PROCESS])
    yield _within("a burst, the floor's rate to ours", rate[Subject.FLOOR] / rate[Subject.OURS])
    yield "runs of the bursts that were not COMPLETED", str(failed), "none", failed == 0


def _waiting(waiting: Waiting) -> Iterator[tuple[str, str, str, bool]]:
    # Not with the fewest: up to 50 servers are asked for by their ids, more by a list of all, which has pages.
    *_, fewer, most = waiting.points
    each, times = waiting.mb_each(most), most.panel_calls_per_minute / fewer.panel_calls_per_minute
    yield (
        f"memory of each of {most.waiting:,} waiting installations",
        f"{each:.2f} MB",
        f"under {MB_EACH:g} MB",
        each < MB_EACH,
    )
    yield (
        f"panel calls with {most.waiting:,} waiting installations to those with {fewer.waiting:,}",
        f"{times:.2f} times",
        f"flat (within {FLAT:g} times)",
        times <= FLAT,
    )


def _activations(activations: Activations) -> Iterator[tuple[str, str, str, bool]]:
    asked, done = len(activations.over_seconds) + activations.not_completed, len(activations.over_seconds)
    last, doubles = max(activations.over_seconds, default=float("inf")), activations.double_claims
    yield f"activations at once that were COMPLETED, of {asked}", str(done), "all", done == asked
    yield "servers given out twice", str(doubles), "none", doubles == 0
    yield (
        "the slowest activation, less its installation",
        f"{last:.0f} s",
        f"within {OVER_SECONDS:g} s",
        last <= OVER_SECONDS,
    )
