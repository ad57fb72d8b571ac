import asyncio
import sys
from pathlib import Path

import pytest

from simulator.processes import NotStarted, free_port, until_it_answers


async def started(script: str, log: Path) -> asyncio.subprocess.Process:
    with log.open("wb") as out:
        return await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=out, stderr=out)


async def test_a_server_that_stops_while_it_starts_is_told_with_the_end_of_its_log(tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    process = await started("print('first'); raise SystemExit('no such database')", log)
    with pytest.raises(NotStarted, match=r"(?s)server stopped while it started.*no such database"):
        await until_it_answers("server", process, f"http://127.0.0.1:{free_port()}", log, seconds=20)


async def test_a_server_that_never_answers_is_given_up(tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    process = await started("import time; time.sleep(60)", log)
    try:
        with pytest.raises(NotStarted, match="does not answer after 1 s"):
            await until_it_answers("server", process, f"http://127.0.0.1:{free_port()}", log, seconds=1)
    finally:
        process.kill()
        await process.wait()
