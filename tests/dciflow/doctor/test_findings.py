import httpx
import pytest

from dciflow.doctor.findings import Answer, Check, Finding, Verdict, look, ok, wrong
from runtime.errors import StepRefused


async def found(answer: Answer | Exception) -> list[Finding]:
    async def ask() -> Answer:
        if isinstance(answer, Exception):
            raise answer
        return answer

    return await Check("worker", ask).findings()


async def test_what_is_found_says_what_it_is_about() -> None:
    said = await found([ok("alive"), look("two", "look"), wrong("dead", "start it")])
    assert [(one.about, one.verdict) for one in said] == [
        ("worker", Verdict.OK), ("worker", Verdict.LOOK), ("worker", Verdict.WRONG),
    ]  # fmt: skip


async def test_a_check_that_asks_nobody_needs_no_waiting() -> None:
    assert [one.what for one in await Check("caps", lambda: [ok("set")]).findings()] == ["set"]


@pytest.mark.parametrize(
    "error", [StepRefused("no block\x1b[31m"), httpx.ConnectError("refused"), PermissionError("no")]
)
async def test_a_check_that_cannot_be_made_says_so_and_goes_on(error: Exception) -> None:
    [said] = await found(error)
    assert said.verdict is Verdict.LOOK
    assert said.what.startswith("could not be looked at: ") and said.what.isprintable()


async def test_an_error_that_nobody_foresaw_quotes_nothing() -> None:
    [said] = await found(RuntimeError("canary-password"))
    assert said.what == "could not be looked at (RuntimeError)"
