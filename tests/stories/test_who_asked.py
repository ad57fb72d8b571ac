"""The name of the member of staff who asked for a command is kept with its request and shown where requests are."""

import pytest

from flows.activate import activate
from flows.suspend import suspend
from flows.terminate import terminate
from flows.unsuspend import unsuspend
from ledger import requests
from ledger.hold_reasons import HoldReason
from ledger.snapshots import Request
from tasks.service_summary import held_summary
from tests.harness import Harness
from tests.stories.scenario import activated, is_held


async def last(harness: Harness, service_id: int) -> Request:
    request = await requests.last_of(harness.ledger, service_id)
    assert request is not None
    return request


@pytest.mark.parametrize("who", ["WHMCS shop, by its own word anna", None])
async def test_each_command_keeps_who_asked_and_one_without_a_name_goes_as_well(
    harness: Harness, who: str | None
) -> None:
    named = {} if who is None else {"who": who}
    service_id = harness.buy()
    order = harness.order()
    await harness.run(activate, service_id, order=order, requested_by="admin", **named)
    assert (await last(harness, service_id)).who == who
    for flow in (suspend, unsuspend, terminate):
        await harness.run(flow, service_id, requested_by="admin", **named)
        request = await last(harness, service_id)
        assert (request.action, request.requested_by, request.who) == (flow.name, "admin", who)


async def test_a_name_that_is_no_line_is_kept_as_one(harness: Harness) -> None:
    service_id, _ = await activated(harness)
    await harness.run(suspend, service_id, requested_by="admin", who=" an\nna\x00 ")
    assert (await last(harness, service_id)).who == "an na\\x00"


async def test_whoever_decides_reads_who_asked_for_what_stopped(harness: Harness) -> None:
    service_id, server = await activated(harness)
    harness.panel.admin.set_owner(server.id, "other@example.com")
    with pytest.raises(Exception, match="owner"):
        await harness.run(suspend, service_id, requested_by="admin", who="anna")
    service = await is_held(harness, service_id, HoldReason.OWNER_CHANGED)
    assert "asked for by `admin (anna)`" in await held_summary(service)
