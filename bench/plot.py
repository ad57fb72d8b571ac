"""The plot beside the tables."""

from pathlib import Path

import matplotlib

matplotlib.use("svg")

from matplotlib import pyplot
from matplotlib.axes import Axes

from bench.figures import p50, p95
from bench.results import Results, Subject

COLOURS = {Subject.OURS: "#1f77b4", Subject.FLOOR: "#9aa0a6", Subject.PROCESS: "#d1495b"}


def draw(results: Results, file: Path) -> None:
    """Three pictures: a suspension's time, a burst's rate, and what waiting costs. The same figures, the same file."""
    with pyplot.rc_context({"svg.hashsalt": "dciflow", "svg.fonttype": "none", "font.size": 9}):
        figure, (latency, rate, memory) = pyplot.subplots(1, 3, figsize=(11, 3.4), layout="constrained")
        _latency(latency, results)
        _rate(rate, results)
        _memory(memory, results)
        figure.savefig(file, metadata={"Date": None})
        pyplot.close(figure)


def _latency(axes: Axes, results: Results) -> None:
    axes.set_title("One suspension: request to end")
    axes.set_ylabel("seconds, p50 (mark: p95)")
    axes.set_yscale("log")
    measured = [(database, m.latency) for database, m in results.on.items() if m.latency]
    for i, subject in enumerate(Subject):
        times = [latency.to_end[subject] for _, latency in measured]
        places = [place + 0.27 * (i - 1) for place in range(len(times))]
        axes.bar(places, [p50(each) for each in times], 0.25, color=COLOURS[subject], label=subject)
        axes.scatter(places, [p95(each) for each in times], marker="_", color="black", zorder=3)
    axes.set_xticks(range(len(measured)), [str(database) for database, _ in measured])
    axes.legend(frameon=False)


def _rate(axes: Axes, results: Results) -> None:
    axes.set_title("A burst of suspensions")
    axes.set_ylabel("runs per second")
    axes.set_yscale("log")
    measured = [(database, m.bursts) for database, m in results.on.items() if m.bursts]
    for i, subject in enumerate(Subject):
        places = [place + 0.27 * (i - 1) for place in range(len(measured))]
        axes.bar(places, [bursts.of[subject].per_second for _, bursts in measured], 0.25, color=COLOURS[subject])
    axes.set_xticks(range(len(measured)), [str(database) for database, _ in measured])


def _memory(axes: Axes, results: Results) -> None:
    axes.set_title("Waiting installations")
    axes.set_xlabel("waiting in one worker")
    axes.set_ylabel("worker's memory, MB")
    calls = axes.twinx()
    calls.set_ylabel("panel calls a minute (dashed)")
    for database, measured in results.on.items():
        if measured.waiting:
            counts = [point.waiting for point in measured.waiting.points]
            line = axes.plot(counts, [point.uss_mb for point in measured.waiting.points], marker="o", label=database)
            waited = [point for point in measured.waiting.points if point.waiting]
            calls.plot(
                [point.waiting for point in waited],
                [point.panel_calls_per_minute for point in waited],
                linestyle="--",
                color=line[0].get_color(),
            )
    axes.set_xscale("symlog")
    axes.set_ylim(bottom=0)
    calls.set_ylim(bottom=0)
    if axes.lines:
        axes.legend(frameon=False)
