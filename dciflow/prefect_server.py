"""Prefect's server on SQLite, started so that it cannot lock itself out: `python -m dciflow.prefect_server --port ...`.

Python collects cyclic garbage in whichever thread makes objects, so mostly in the server's event loop. When a cursor is
among the garbage whose connection waits just then, in its own thread, for SQLite's write lock, then freeing the cursor
waits for that connection, and the transaction that has the lock waits for the event loop. Nothing moves until SQLite
gives up waiting after 60 s, and a few dozen runs at once are enough for it. So the collector gets a thread of its own.
"""

import gc
import runpy
import sys
import threading
import time

OFTEN_SECONDS = 1.0
"""How often what was made lately is looked through; that takes milliseconds."""

ALL_EVERY = 60
"""Once a minute everything is: it stops all threads for some tenths of a second."""


def collect_beside(often_seconds: float = OFTEN_SECONDS) -> None:
    """From here on a thread of its own collects this process's cyclic garbage, and no other thread does."""

    def collect() -> None:
        rounds = 0
        while True:
            time.sleep(often_seconds)
            rounds += 1
            gc.collect(2 if rounds % ALL_EVERY == 0 else 1)

    gc.disable()
    threading.Thread(target=collect, name="garbage", daemon=True).start()


if __name__ == "__main__":
    collect_beside()
    sys.argv = ["prefect", "server", "start", *sys.argv[1:]]
    runpy.run_module("prefect", run_name="__main__", alter_sys=True)
