from datetime import UTC, datetime

import httpx
import pytest

from dciflow.doctor.findings import Verdict
from dciflow.doctor.whmcs_api import NEVER_CALLED, check_whmcs, check_whmcs_clock
from runtime import connections
from simulator.whmcs.model import IDENTIFIER, NEEDED, SECRET
from tests.harness import Harness


def verdicts(found: object) -> list[Verdict]:
    return [one.verdict for one in found]  # type: ignore[attr-defined]


async def test_a_whmcs_with_the_right_role_is_ok_and_nothing_was_written(harness: Harness) -> None:
    assert verdicts(await check_whmcs()) == [Verdict.OK]
    asked = {request.action for request in harness.whmcs.requests}
    assert {action for action in asked if not action.startswith("Get")} == set()


@pytest.mark.parametrize("missing", ["GetClientsProducts", "GetClientsDetails"])
async def test_a_role_that_lacks_a_call_is_wrong(harness: Harness, missing: str) -> None:
    harness.whmcs.allow(IDENTIFIER, SECRET, NEEDED - {missing})
    [found] = await check_whmcs()
    assert found.verdict is Verdict.WRONG and missing in found.what


async def test_a_role_that_allows_more_is_wrong(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    transport = (await connections.whmcs_api()).transport
    asked = transport.call

    async def call(action: str, parameters: object) -> object:
        return {"result": "success"} if action == NEVER_CALLED[0] else await asked(action, parameters)  # type: ignore[arg-type]

    monkeypatch.setattr(transport, "call", call)
    [found] = await check_whmcs()
    assert found.verdict is Verdict.WRONG and NEVER_CALLED[0] in found.what


async def test_a_credential_that_is_refused_is_wrong(harness: Harness) -> None:
    harness.whmcs.allow(IDENTIFIER, "another", NEEDED)
    [found] = await check_whmcs()
    assert found.verdict is Verdict.WRONG and "dciflow whmcs set" in found.what


@pytest.mark.parametrize(
    ("change", "said"),
    [({"url": "http://billing.example/whmcs"}, "unencrypted"), ({"verify_tls": False}, "not verified")],
)
async def test_how_whmcs_is_reached_may_be_wrong(harness: Harness, change: dict[str, object], said: str) -> None:
    transport = (await connections.whmcs_api()).transport
    transport.access = transport.access.model_copy(update=change)
    [found] = [one for one in await check_whmcs() if one.verdict is Verdict.WRONG]
    assert said in found.what


@pytest.mark.usefixtures("harness")
@pytest.mark.parametrize(
    ("date", "verdict"),
    [
        ("Fri, 01 Jan 2027 12:00:01 GMT", Verdict.OK),
        ("Fri, 01 Jan 2027 12:02:00 GMT", Verdict.WRONG),
        ("soon", Verdict.LOOK),
    ],
)
async def test_whmcs_has_the_same_time_or_not(date: str, verdict: Verdict) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert b"secret" not in request.content
        return httpx.Response(403, headers={"date": date})

    now = datetime(2027, 1, 1, 12, tzinfo=UTC)
    assert verdicts(await check_whmcs_clock(now, httpx.MockTransport(answer))) == [verdict]
