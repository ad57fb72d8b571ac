"""What was measured, as it is kept in docs/benchmarks.json: raw figures, so that every number shown can be traced."""

import os
import platform
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

import prefect
import psutil
from pydantic import BaseModel, ConfigDict, Field


class Subject(StrEnum):
    """One of the three things that the benchmark compares: what executes the runs."""

    OURS = "dciflow"
    FLOOR = "engine's floor"
    """An empty flow in our worker: the time that Prefect's engine takes by itself."""
    PROCESS = "process worker"


class Database(StrEnum):
    """Where Prefect and the ledger keep their rows."""

    SQLITE = "SQLite"
    POSTGRES = "PostgreSQL"


class Record(BaseModel):
    """A part of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Host(Record):
    """What a part was measured on."""

    day: str = Field(default_factory=lambda: f"{datetime.now(UTC):%Y-%m-%d}")
    cores: int = Field(default_factory=lambda: os.cpu_count() or 0)
    memory_gb: int = Field(default_factory=lambda: round(psutil.virtual_memory().total / 2**30))
    python: str = Field(default_factory=platform.python_version)
    prefect: str = prefect.__version__

    @property
    def sentence(self) -> str:
        """The host in one line."""
        machine = f"{self.cores} cores, {self.memory_gb} GB, Python {self.python}, Prefect {self.prefect}"
        return f"{machine}, {self.day}"


class Part(Record):
    """One part of the benchmark on one database."""

    host: Host = Field(default_factory=Host)


class Latency(Part):
    """Single suspensions, one after the other: seconds from the request on."""

    to_first_write: dict[Subject, list[float]]
    to_end: dict[Subject, list[float]]


class Burst(Record):
    """Many requests as fast as they are taken."""

    runs: int
    failed: int
    seconds: float
    """From the first request to the last end."""

    @property
    def per_second(self) -> float:
        """Runs per second."""
        return self.runs / self.seconds


class Bursts(Part):
    """One burst of each subject."""

    of: dict[Subject, Burst]


class MemoryPoint(Record):
    """So many installations wait in one worker."""

    waiting: int
    uss_mb: float
    panel_calls_per_minute: float


class Waiting(Part):
    """What waiting costs, from none on; and the memory of the one process that waits for one installation."""

    points: list[MemoryPoint]
    process_uss_mb: float

    def mb_each(self, point: MemoryPoint) -> float:
        """Memory per waiting installation: what the worker grew by since none waited, shared out."""
        return (point.uss_mb - self.points[0].uss_mb) / point.waiting


class Activations(Part):
    """Activations requested at once, of as many servers as there are requests."""

    install_seconds: float
    over_seconds: list[float]
    """From request to end, less the installation's own time, of those that were COMPLETED."""
    not_completed: int
    double_claims: int


class Measurements(Record):
    """All parts on one database; None: not measured."""

    latency: Latency | None = None
    bursts: Bursts | None = None
    waiting: Waiting | None = None
    activations: Activations | None = None


class Results(Record):
    """The whole file."""

    on: dict[Database, Measurements] = {}

    def merged(self, database: Database, **parts: Part) -> "Results":
        """With parts measured again; the others stay as they were."""
        before = self.on.get(database, Measurements())
        return Results(on={**self.on, database: before.model_copy(update=parts)})


def load(file: Path) -> Results:
    """What was measured before; nothing when there is no such file."""
    return Results.model_validate_json(file.read_text(encoding="utf-8")) if file.exists() else Results()


def save(results: Results, file: Path) -> None:
    """Keep it, readable."""
    file.write_text(results.model_dump_json(indent=1, exclude_none=True) + "\n", encoding="utf-8")
