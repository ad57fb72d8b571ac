"""`dciflow doctor` on a real stack: what is there is ok, and nothing is changed by looking."""

import asyncio
import json
import sys

import pytest

from dciflow.demo.stack import Stack
from dciflow.registration import PROJECT
from simulator.whmcs.model import SECRET

pytestmark = [pytest.mark.prefect, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

LOOKS = 12
"""The stack does not wait for its worker's first heartbeat."""


async def seen(stack: Stack) -> dict[str, list[tuple[str, str]]]:
    """What the doctor says now: verdict and line, by what they are about."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "dciflow", "doctor", "--json",
        cwd=PROJECT, env=stack.environment, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    said = (await process.communicate())[0].decode()
    assert process.returncode == 1  # the demo's clock runs quicker, and its server wants no password
    assert SECRET not in said
    found: dict[str, list[tuple[str, str]]] = {}
    for one in json.loads(said):
        found.setdefault(one["about"], []).append((one["verdict"], one["what"]))
    return found


async def test_the_doctor_finds_what_is_there_and_what_is_not(stack: Stack) -> None:
    for _ in range(LOOKS):
        found = await seen(stack)
        if found["worker"][0][0] == "ok":
            break
        await asyncio.sleep(3)
    verdicts = {about: {verdict for verdict, _ in lines} for about, lines in found.items()}
    for about in ("ledger", "clock", "Prefect", "Prefect's port", "worker", "deployments", "panel main", "WHMCS"):
        assert verdicts[about] == {"ok"}, found[about]
    assert verdicts["Prefect's auth"] == {"wrong"}
    assert "wrong" in verdicts["caps"]
    assert verdicts["messages"] == {"look"}
    assert not [line for lines in found.values() for _, line in lines if "could not be looked at" in line]
