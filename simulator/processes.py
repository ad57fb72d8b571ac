"""Servers on this machine that somebody starts for a while: a free port, and the wait until the server answers."""

import asyncio
import socket
from contextlib import suppress
from pathlib import Path

import httpx

LOOK_SECONDS = 0.1
"""Seconds between two probes."""

ANSWER_SECONDS = 2.0
"""A server that has just started may accept a connection and take a while to answer."""


class NotStarted(RuntimeError):
    """A server stopped while it started, or took too long; the text has the end of its log."""


def free_port(preferred: int = 0) -> int:
    """The preferred port if it is free, else any free one, on the loopback address. Raises NotStarted: none is."""
    for port in (preferred, 0):
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    raise NotStarted("No free port on 127.0.0.1.")


async def until_it_answers(
    name: str,
    process: asyncio.subprocess.Process,
    url: str,
    log: Path,
    *,
    seconds: float,
    whatever: bool = False,
) -> None:
    """Wait until the server gives a good answer there, or any answer if `whatever`.

    Raises NotStarted: it stopped, or did not answer within the seconds.
    """
    # The environment's proxies are not for the loopback address.
    async with httpx.AsyncClient(timeout=ANSWER_SECONDS, trust_env=False) as client:
        for _ in range(round(seconds / LOOK_SECONDS)):
            with suppress(httpx.HTTPError):
                if (await client.get(url)).is_success or whatever:
                    return
            if process.returncode is not None:
                raise NotStarted(f"{name} stopped while it started; the last lines of its log:\n{await _tail(log)}")
            await asyncio.sleep(LOOK_SECONDS)
    raise NotStarted(f"{name} does not answer after {seconds:.0f} s; the last lines of its log:\n{await _tail(log)}")


async def _tail(log: Path) -> str:
    return "\n".join((await asyncio.to_thread(log.read_text, errors="replace")).splitlines()[-10:])
