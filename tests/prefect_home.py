"""Prefect homes whose SQLite database is migrated already: a server on a new one spends ten seconds of CPU on that."""

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

DATABASE = "prefect.db"


def prefect_home(factory: pytest.TempPathFactory, name: str) -> Path:
    """A new folder for a stack; its folder `prefect`, Prefect's home, has a database of today's schema.

    The first of all processes of a test run migrates one, and the others wait for it and copy it.
    """
    home = factory.mktemp(name)
    (home / "prefect").mkdir()
    shutil.copy(_migrated(factory) / DATABASE, home / "prefect" / DATABASE)
    return home


def _migrated(factory: pytest.TempPathFactory) -> Path:
    shared = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    done = shared / "migrated-prefect"
    with (shared / "migrated-prefect.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            building = shared / "migrating-prefect"
            command = [sys.executable, "-m", "prefect", "server", "database", "upgrade", "--yes"]
            subprocess.run(
                command, env=os.environ | {"PREFECT_HOME": str(building)}, check=True, capture_output=True, timeout=120
            )
            building.rename(done)
    return done
