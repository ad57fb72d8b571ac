"""dciflow's own settings, from the environment (DCIFLOW_...). None of them is a secret."""

from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from dcimanager.transport import CALLS_AT_ONCE
from ledger.caps import SMALL_FLEET
from ledger.orders import LONGEST_WIPE_DELAY

MOST = 10_000
"""A cap can be moved up to here; there is no value that switches it off."""


class SellDespite(StrEnum):
    """What is against selling a server for the vendor's own billing, and may be waived (docs/limits.md)."""

    SHARED_MAC = "shared-mac"
    """Another server of the panel has one of its MAC addresses."""
    STATE = "state"
    """The panel does not say that it is in operation."""
    PROBLEMS = "problems"
    """The panel tells problems of it."""
    NO_IDENTITY = "no-identity"
    """Nothing tells it from other servers. It is never wiped by automation: a person has to."""
    DIRTY = "dirty"
    """An OS was installed on it last: by a host who installs before selling, or for a client whose data is there."""


def _listed(value: object) -> object:
    """The elements of a text with commas, as settings in the environment are."""
    return [one.strip() for one in value.split(",") if one.strip()] if isinstance(value, str) else value


def _named(value: object) -> object:
    """Names with their values, `name=value` with commas between, as settings in the environment are."""
    if not isinstance(value, str):
        return value
    pairs = [one.rpartition("=") for one in value.split(",") if one.strip()]
    if not all(name.strip() and said.strip() for name, _, said in pairs):
        raise ValueError("write template=user, with commas between")
    return {name.strip(): said.strip() for name, _, said in pairs}


class Settings(BaseSettings):
    """What a worker needs to know before it can load the first block."""

    model_config = SettingsConfigDict(env_prefix="DCIFLOW_")

    ledger_url: str = "sqlite+aiosqlite:///.dciflow/ledger.db"
    """SQLAlchemy URL of the ledger: sqlite+aiosqlite:// or postgresql+asyncpg://. Relative SQLite paths: below the
    folder that the worker was started in."""

    endpoints_file: Path | None = None
    """A site's corrections of the panel's dialect (docs/dialect.md)."""

    panel_calls: int = Field(default=CALLS_AT_ONCE, gt=0)
    """How many calls of one panel a process has under way at once; runs take turns (docs/limits.md)."""

    cap_terminations_per_day: int = Field(default=50, ge=1, le=MOST)
    """Services whose server may begin to be taken back in 24 hours; the next one is HELD (safety rule 7)."""

    cap_terminations_share: float = Field(default=0.1, gt=0, le=1)
    """The same as a share of the servers that are promised."""

    cap_small_fleet: int = Field(default=SMALL_FLEET, ge=1, le=MOST)
    """As many terminations in 24 hours are never too many for the share."""

    cap_wipes_per_hour: int = Field(default=30, ge=1, le=MOST)
    """Wipes that may be permitted in an hour; the next one is HELD."""

    burst_times: float = Field(default=3.0, ge=1, le=100)
    """More than so many times the busiest day of the last 14 weeks is a burst of terminations, and HELD."""

    burst_at_least: int = Field(default=5, ge=1, le=MOST)
    """So many terminations in 24 hours are never a burst."""

    ceiling_per_day: int | None = Field(default=None, ge=1, le=MOST)
    """Terminations, and wipes, in 24 hours that no decision passes; None: twice what the day's cap is."""

    cap_reinstalls_per_day: int = Field(default=20, ge=1, le=MOST)
    """Services of one panel that may be reinstalled in 24 hours, by whose wish ever; the next one is refused."""

    cap_addresses_back_per_day: int = Field(default=50, ge=1, le=MOST)
    """Addresses of one panel's services that may go back after the sale in 24 hours; more are refused."""

    cap_installations: int = Field(default=100, ge=1, le=MOST)
    """OS installations of one panel at once; the next one waits."""

    adopted_wipe_delay_hours: int = Field(default=24, ge=0, le=LONGEST_WIPE_DELAY)
    """The wipe delay of services that were adopted: no product says one. A wrong row of the importer's shows in it."""

    sell_despite: Annotated[frozenset[SellDespite], NoDecode, BeforeValidator(_listed)] = frozenset()
    """What does not keep a server from being sold: of shared-mac, state, problems, no-identity,
    dirty, with commas between them."""

    set_aside_after: int = Field(default=3, ge=1, le=100)
    """Activations that may fail on one server in a row; then it is set aside until a person allows it again."""

    admin_users: Annotated[dict[str, str], NoDecode, BeforeValidator(_named)] = {}
    """Users of OS templates whose tags do not tell their family: `template=user`, with commas between."""

    stock_low: int = Field(default=1, ge=0)
    """Fewer free servers of a configuration than this are reported (event dciflow.stock-low); 0: never."""

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
