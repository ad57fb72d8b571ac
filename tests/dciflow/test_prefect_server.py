import subprocess
import sys
from pathlib import Path

import pytest

STORY = """
import gc, sqlite3, sys, threading
from dciflow.prefect_server import collect_beside

if sys.argv[2] == "beside":
    collect_beside(often_seconds=0.05)
file = sys.argv[1]
holder = sqlite3.connect(file, isolation_level=None)
holder.executescript("PRAGMA journal_mode = WAL; CREATE TABLE t (n UNIQUE); INSERT INTO t VALUES (1)")
waiter = sqlite3.connect(file, isolation_level=None, check_same_thread=False, timeout=3)

class Loop: pass
lost = Loop()
lost.itself, lost.cursor = lost, waiter.cursor()
try:
    lost.cursor.execute("INSERT INTO t VALUES (1)")
except sqlite3.IntegrityError:
    pass  # what keeps a statement in a cursor

holder.execute("BEGIN IMMEDIATE")
waits, outcome = threading.Event(), []

def wait_for_the_lock():
    waits.set()
    try:
        waiter.execute("INSERT INTO t VALUES (2)")
        outcome.append("got the lock")
    except sqlite3.OperationalError as error:
        outcome.append(str(error))

thread = threading.Thread(target=wait_for_the_lock)
thread.start()
waits.wait()
threading.Event().wait(0.5)  # it is inside SQLite by now
del lost
kept = [[] for _ in range(100_000)]  # what makes Python collect where it is made
holder.execute("COMMIT")
thread.join()
print(outcome[0])
"""


@pytest.mark.parametrize(("where", "outcome"), [("here", "database is locked"), ("beside", "got the lock")])
def test_a_forgotten_cursor_stops_everything_but_where_garbage_is_collected_beside(
    tmp_path: Path, where: str, outcome: str
) -> None:
    said = subprocess.run(
        [sys.executable, "-c", STORY, str(tmp_path / "one.db"), where], capture_output=True, text=True, timeout=60
    )
    assert said.stdout.strip() == outcome, said.stderr
