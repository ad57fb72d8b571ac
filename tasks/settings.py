"""dciflow's own settings, from the environment (DCIFLOW_...). None of them is a secret."""

from functools import lru_cache
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from dcimanager.transport import CALLS_AT_ONCE
from ledger.caps import SMALL_FLEET

MOST = 10_000
"""A cap can be moved up to here; there is no value that switches it off."""


class Settings(BaseSettings):
    """What a worker needs to know before it can load the first block."""

    model_config = SettingsConfigDict(env_prefix="DCIFLOW_")

    ledger_url: str = "sqlite+aiosqlite:///.dciflow/ledger.db"
    """SQLAlchemy URL of the ledger: sqlite+aiosqlite:// or postgresql+asyncpg://. Relative SQLite paths: below the
    folder that the worker was started in."""

    endpoints_file: Path | None = None
    """A site's corrections of the panel's dialect (docs/dialect.md)."""

    panel_calls: int = Field(default=CALLS_AT_ONCE, gt=0)
    """How many calls of one panel a process has under way at once; runs take turns (README, Limits)."""

    cap_terminations_per_day: int = Field(default=50, ge=1, le=MOST)
    """Services whose server may begin to be taken back in 24 hours; the next one is HELD (safety rule 7)."""

    cap_terminations_share: float = Field(default=0.1, gt=0, le=1)
    """The same as a share of the servers that are promised."""

    cap_small_fleet: int = Field(default=SMALL_FLEET, ge=1, le=MOST)
    """As many terminations in 24 hours are never too many for the share."""

    cap_wipes_per_hour: int = Field(default=30, ge=1, le=MOST)
    """Wipes that may be permitted in an hour; the next one is HELD."""

    cap_installations: int = Field(default=100, ge=1, le=MOST)
    """OS installations of one panel at once; the next one waits."""

    stock_low: int = Field(default=1, ge=0)
    """Fewer free servers of a configuration than this are told (event dciflow.stock-low); 0: never."""

    traffic: bool = False
    """Whether the flow traffic asks the panels at all: its call is a guess until [server_traffic] is corrected."""

    reconcile_shrink_share: float = Field(default=0.1, gt=0, le=0.5)
    """The share of a list that may be missing since the last reconciliation; more stops it (safety rule 8)."""

    reconcile_repairs: int = Field(default=50, ge=1, le=1000)
    """How many differences one reconciliation of a panel may repair; the rest are for the next one."""

    clock_speed: float = Field(default=1.0, gt=0)
    """Simulated seconds per real second. Anything but 1 is for the demo and for tests."""


@lru_cache
def settings() -> Settings:
    """The settings of this process, read once."""
    return Settings()
