"""The report: the same tables on the terminal and in docs/benchmarks.md, all of it made from what was measured."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table as RichTable

from bench.figures import p50, p95
from bench.results import Part, Results, Subject
from bench.targets import verdicts

PLOT = "benchmarks.svg"


@dataclass(frozen=True)
class Table:
    """One part's table; `about` says what it shows and how it was measured."""

    title: str
    about: str
    header: tuple[str, ...]
    rows: list[tuple[str, ...]] = field(default_factory=list)


INTRODUCTION = f"""\
# Benchmarks

Written by `make bench`; its raw figures are in [benchmarks.json](benchmarks.json). With `BENCH=--quick` it is tried in
a few minutes. One machine runs everything: the simulated panel and WHMCS, Prefect's server, the worker, and the
benchmark that asks. Three are compared side by side:

* **{Subject.OURS}**: this project's flows in its own worker.
* **{Subject.FLOOR}**: an empty flow with as many empty tasks as `suspend` has steps, in the same worker and the same
  queue. Nothing that runs on Prefect in this worker can be quicker.
* **{Subject.PROCESS}**: the very same `suspend`, in a pool of Prefect's type `process` with its default command.

Requests are what WHMCS sends (service, panel, requested_by, the run's name and tags, an idempotency key), and a 503 is
repeated with the same key. The process worker asks for work every second, as ours does where no event tells it sooner.
Times are Prefect's own: from the flow run's `created` to its `end_time`; the first write is the simulated panel's own
record. Except in the activations, the simulated panel does everything at once but installing: what is left is this
project's time and Prefect's.
"""

ENGINES = """\
## What is the engine's

The floor's figures are Prefect's alone: every run is created, handed out, moved through its states, and its tasks and
its log are told to the server, in calls of its REST API and in events; the server does all of that in one process. What
dciflow adds is the difference to the floor.
"""


def tables(results: Results) -> Iterator[Table]:
    """All tables, in order; a part that was measured on no database has none."""
    for table in (_targets(results), _latency(results), _bursts(results), _waiting(results), _activations(results)):
        if table.rows:
            yield table


def markdown(results: Results) -> str:
    """The document."""
    parts = [INTRODUCTION, "\n".join(_hosts(results)), f"![The figures below as a plot]({PLOT})\n"]
    for table in tables(results):
        parts += [f"## {table.title}\n", f"{table.about}\n" if table.about else "", _as_markdown(table)]
    return "\n".join(part for part in [*parts, ENGINES] if part)


def show(results: Results, console: Console) -> None:
    """The same on a terminal."""
    for table in tables(results):
        shown = RichTable(*table.header, title=table.title, title_justify="left")
        for row in table.rows:
            shown.add_row(*row)
        console.print(shown)


def _as_markdown(table: Table) -> str:
    lines = [table.header, tuple("---" for _ in table.header), *table.rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _hosts(results: Results) -> Iterator[str]:
    """On what each part was measured, parts of one host together."""
    whose: dict[str, list[str]] = {}
    for database, measured in results.on.items():
        for name, part in measured:
            if isinstance(part, Part):
                whose.setdefault(part.host.sentence, []).append(f"{name} on {database}")
    for sentence, parts in whose.items():
        yield f"* {sentence}: {', '.join(parts)}."
    yield ""


def _targets(results: Results) -> Table:
    about = "p50 is the median, p95 what 19 of 20 stay below."
    rows: list[tuple[str, ...]] = [
        (
            str(verdict.database),
            verdict.what,
            verdict.measured,
            verdict.target,
            "held" if verdict.held else "**missed**",
        )
        for database, measured in results.on.items()
        for verdict in verdicts(database, measured)
    ]
    return Table("Targets", about, ("database", "what", "measured", "target", ""), rows)


def _latency(results: Results) -> Table:
    table = Table(
        "One suspension",
        "Services suspended one after the other, the three in turn: seconds from the request on, p50 / p95. The floor\n"
        "writes nothing to the panel.",
        ("database", "who", "runs", "first panel write", "end", "end, to the floor's", "process worker's, to this"),
    )
    for database, latency in ((d, m.latency) for d, m in results.on.items() if m.latency):
        ends = {subject: p50(times) for subject, times in latency.to_end.items()}
        for subject, times in latency.to_end.items():
            written = latency.to_first_write.get(subject)
            table.rows.append((
                database, subject, str(len(times)),
                f"{p50(written):.2f} / {p95(written):.2f}" if written else "-",
                f"{p50(times):.2f} / {p95(times):.2f}",
                f"{ends[subject] / ends[Subject.FLOOR]:.2f}",
                f"{ends[Subject.PROCESS] / ends[subject]:.1f}",
            ))  # fmt: skip
    return table


def _bursts(results: Results) -> Table:
    table = Table(
        "A burst of suspensions",
        "Requested as fast as they are taken, eight requests at a time; runs per second from the first request to the\n"
        "last end. The process worker gets fewer runs: each of them is seconds of work for the whole machine.",
        (
            "database",
            "who",
            "runs",
            "failed",
            "seconds",
            "runs per second",
            "to the floor's",
            "to the process worker's",
        ),
    )
    for database, bursts in ((d, m.bursts) for d, m in results.on.items() if m.bursts):
        rate = {subject: burst.per_second for subject, burst in bursts.of.items()}
        for subject, burst in bursts.of.items():
            table.rows.append((
                database, subject, str(burst.runs), str(burst.failed), f"{burst.seconds:.1f}",
                f"{rate[subject]:.2f}",
                f"{rate[subject] / rate[Subject.FLOOR]:.2f}", f"{rate[subject] / rate[Subject.PROCESS]:.1f}",
            ))  # fmt: skip
    return table


def _waiting(results: Results) -> Table:
    table = Table(
        "Installations that are waited for",
        "`watch-os-install` of services whose OS installs, all in one worker. Memory is the worker's own (USS), the\n"
        "median of samples after it settled; each one's share is what the worker grew by since none waited. Panel\n"
        "calls are counted over the same window. The process worker's line is what waits for one installation there.",
        ("database", "who", "waiting", "memory", "of each", "panel calls a minute"),
    )
    for database, waiting in ((d, m.waiting) for d, m in results.on.items() if m.waiting):
        for point in waiting.points:
            table.rows.append((
                database, Subject.OURS, f"{point.waiting:,}", f"{point.uss_mb:.0f} MB",
                f"{waiting.mb_each(point):.2f} MB" if point.waiting else "-",
                f"{point.panel_calls_per_minute:.0f}",
            ))  # fmt: skip
        one = f"{waiting.process_uss_mb:.0f} MB"
        table.rows.append((database, Subject.PROCESS, "1", one, one, "-"))
    return table


def _activations(results: Results) -> Table:
    table = Table(
        "Activations at once",
        "As many requests as there are servers that fit, all for the same ones. This panel takes its time: 5 s for a\n"
        "port, 10 s for an address. Seconds from request to end, less the installation's own time.",
        ("database", "requested", "completed", "installation", "over it, p50", "over it, slowest", "given out twice"),
    )
    for database, activations in ((d, m.activations) for d, m in results.on.items() if m.activations):
        over = activations.over_seconds
        table.rows.append((
            database, str(len(over) + activations.not_completed), str(len(over)),
            f"{activations.install_seconds:.0f} s",
            f"{p50(over):.0f} s" if over else "-", f"{max(over):.0f} s" if over else "-",
            str(activations.double_claims),
        ))  # fmt: skip
    return table
