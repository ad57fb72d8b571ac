from pathlib import Path

import pytest
from rich.console import Console

from bench import data_centre
from bench.__main__ import DOCS, DOCUMENT, FIGURES
from bench.baseline import TASKS
from bench.latency import in_turn
from bench.plot import draw
from bench.report import PLOT, markdown, show
from bench.results import (
    Activations,
    Burst,
    Bursts,
    Database,
    Host,
    Latency,
    Measurements,
    MemoryPoint,
    Results,
    Subject,
    Waiting,
    load,
    save,
)
from bench.targets import verdicts
from flows.suspend import suspend
from simulator.panel.profile import Profile
from tools.steps import steps_of

HOST = Host(day="2027-01-01", cores=2, memory_gb=8, python="3.11.7", prefect="3.8.8")
LATENCY = Latency(
    host=HOST,
    to_first_write={Subject.OURS: [0.5, 0.6, 0.7], Subject.PROCESS: [7.0, 8.0, 9.0]},
    to_end={Subject.OURS: [0.7, 0.8, 0.9], Subject.FLOOR: [0.6, 0.7, 0.8], Subject.PROCESS: [8.5, 9.0, 9.5]},
)
BURSTS = Bursts(
    host=HOST,
    of={
        Subject.FLOOR: Burst(runs=300, failed=0, seconds=50),
        Subject.OURS: Burst(runs=300, failed=0, seconds=60),
        Subject.PROCESS: Burst(runs=20, failed=0, seconds=50),
    },
)
WAITING = Waiting(
    host=HOST,
    points=[
        MemoryPoint(waiting=0, uss_mb=100, panel_calls_per_minute=0),
        MemoryPoint(waiting=10, uss_mb=105, panel_calls_per_minute=8),
        MemoryPoint(waiting=1000, uss_mb=600, panel_calls_per_minute=12),
    ],
    process_uss_mb=90,
)
ACTIVATIONS = Activations(host=HOST, install_seconds=60, over_seconds=[20, 30, 59.5], not_completed=0, double_claims=0)
MEASURED = Measurements(latency=LATENCY, bursts=BURSTS, waiting=WAITING, activations=ACTIVATIONS)


def test_the_document_is_what_its_figures_make() -> None:
    assert (DOCS / DOCUMENT).read_text(encoding="utf-8") == markdown(load(DOCS / FIGURES)), (
        'write it afresh: make bench BENCH="--write"'
    )


def test_the_plot_is_what_its_figures_draw(tmp_path: Path) -> None:
    draw(load(DOCS / FIGURES), tmp_path / PLOT)
    assert (tmp_path / PLOT).read_bytes() == (DOCS / PLOT).read_bytes()


def test_targets_that_are_met_are_held() -> None:
    judged = verdicts(Database.SQLITE, MEASURED)
    assert [verdict.what for verdict in judged if not verdict.held] == []
    assert len(judged) == 11


@pytest.mark.parametrize(
    ("part", "missed"),
    [
        (
            LATENCY.model_copy(update={"to_first_write": {Subject.OURS: [1.0], Subject.PROCESS: [9.9]}}),
            "first panel",
        ),
        (LATENCY.model_copy(update={"to_end": {**LATENCY.to_end, Subject.PROCESS: [7.9]}}), "end, process worker"),
        (LATENCY.model_copy(update={"to_end": {**LATENCY.to_end, Subject.FLOOR: [0.6]}}), "to the floor's"),
        (
            BURSTS.model_copy(update={"of": {**BURSTS.of, Subject.PROCESS: Burst(runs=20, failed=0, seconds=39)}}),
            "our rate",
        ),
        (
            BURSTS.model_copy(update={"of": {**BURSTS.of, Subject.FLOOR: Burst(runs=300, failed=0, seconds=46)}}),
            "the floor's rate",
        ),
        (
            BURSTS.model_copy(update={"of": {**BURSTS.of, Subject.OURS: Burst(runs=300, failed=1, seconds=60)}}),
            "not COMPLETED",
        ),
        (
            WAITING.model_copy(
                update={"points": [*WAITING.points[:2], WAITING.points[2].model_copy(update={"uss_mb": 1100})]}
            ),
            "memory of each",
        ),
        (
            WAITING.model_copy(
                update={
                    "points": [*WAITING.points[:2], WAITING.points[2].model_copy(update={"panel_calls_per_minute": 13})]
                }
            ),
            "panel calls",
        ),
        (ACTIVATIONS.model_copy(update={"not_completed": 1}), "were COMPLETED"),
        (ACTIVATIONS.model_copy(update={"double_claims": 1}), "given out twice"),
        (ACTIVATIONS.model_copy(update={"over_seconds": [20, 61]}), "slowest"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_target_can_be_missed(part: Latency | Bursts | Waiting | Activations, missed: str) -> None:
    name = type(part).__name__.lower()
    judged = verdicts(Database.SQLITE, Measurements(**{name: part}))
    assert [verdict.held for verdict in judged if missed in verdict.what] == [False]


def test_memory_is_shared_out_without_what_the_worker_weighs_when_nobody_waits() -> None:
    assert WAITING.mb_each(WAITING.points[2]) == 0.5


def test_a_part_measured_again_leaves_the_others_as_they_were(tmp_path: Path) -> None:
    file = tmp_path / FIGURES
    save(Results(on={Database.SQLITE: MEASURED}), file)
    again = BURSTS.model_copy(update={"host": HOST.model_copy(update={"day": "2027-02-02"})})
    save(load(file).merged(Database.SQLITE, bursts=again).merged(Database.POSTGRES, latency=LATENCY), file)
    assert load(file).on == {
        Database.SQLITE: MEASURED.model_copy(update={"bursts": again}),
        Database.POSTGRES: Measurements(latency=LATENCY),
    }


def test_what_was_not_measured_has_no_table() -> None:
    text = markdown(Results(on={Database.SQLITE: Measurements(bursts=BURSTS)}))
    assert "## A burst of suspensions" in text
    assert "| SQLite | dciflow | 300 | 0 | 60.0 | 5.00 | 0.83 | 12.5 |" in text
    assert "## One suspension" not in text
    assert "## Activations at once" not in text


def test_the_terminal_shows_what_the_document_says() -> None:
    console = Console(width=200, record=True, quiet=False)
    show(Results(on={Database.SQLITE: MEASURED}), console)
    assert "0.50 MB" in console.export_text()


def test_the_document_names_no_machine() -> None:
    assert set(Host.model_fields) == {"day", "cores", "memory_gb", "python", "prefect"}


def test_the_floor_has_as_many_tasks_as_a_suspension_has_steps() -> None:
    assert TASKS == len(steps_of(suspend)) == 3


def test_the_process_workers_few_runs_are_spread_among_the_others() -> None:
    order = list(in_turn(6, 2))
    assert [order.count(subject) for subject in Subject] == [6, 6, 2]
    assert [i for i, subject in enumerate(order) if subject is Subject.PROCESS] == [6, 13]


@pytest.mark.parametrize(
    "profile", [data_centre.instant(1002, install_seconds=0), data_centre.usual(30, install_seconds=60)]
)
def test_a_data_centre_has_a_server_for_every_order(profile: Profile) -> None:
    offered = {batch.configuration: batch.servers for batch in profile.fleet}
    orders = [data_centre.configuration(number, profile) for number in range(1002 if len(offered) > 1 else 30)]
    assert all(orders.count(name) <= servers for name, servers in offered.items())
