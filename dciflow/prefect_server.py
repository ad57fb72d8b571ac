"""Prefect's server on SQLite, started so that it cannot lock itself out: `python -m dciflow.prefect_server --port ...`.

Python collects cyclic garbage in the thread that happens to allocate objects, which in the server is mostly the event
loop. Suppose the garbage has a cursor whose connection, in its own thread, waits for SQLite's write lock. Freeing that
cursor waits for the connection, and the transaction that holds the lock waits for the event loop: a deadlock, until
SQLite gives up after 60 s. A few dozen runs at once are enough for it. So a thread of its own collects the garbage.
"""

import gc
import runpy
import sys
import threading
import time

OFTEN_SECONDS = 1.0
"""Seconds between two collections of young objects, each of which takes milliseconds."""

ALL_EVERY = 60
"""Every 60th collection is a full one, which stops all threads for some tenths of a second."""


def collect_beside(often_seconds: float = OFTEN_SECONDS) -> None:
    """Collect this process's cyclic garbage in a thread of its own from now on, and in no other thread."""

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
