"""A reinstallation that has to wait, or that a person looks at: it goes on, or its client keeps what they have."""

import pytest

from flows.reinstall import reinstall
from ledger.states import State
from ledger.through_whmcs import may_decide, refused_through_whmcs
from runtime.settings import settings
from tests.harness import Harness
from tests.ledger.scenario import last_request
from tests.stories.anew import UBUNTU, ask, disk, in_use, is_untouched
from tests.stories.moments import decide
from tests.stories.scenario import is_held, one_line, sent, take_panel_down


async def test_on_a_full_panel_it_waits_no_longer_than_a_wish_lasts(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    service_id, server_id = await in_use(harness)
    password, writes = harness.billed(service_id).password, len(harness.panel.writes())
    monkeypatch.setattr(settings(), "cap_installations", 0)
    assert "was asked for 15 minutes ago and had not begun" in await one_line(ask(harness, service_id))
    await is_untouched(harness, service_id, server_id, writes)
    assert harness.billed(service_id).password == password


async def test_one_whose_answer_is_lost_and_cannot_be_looked_for_is_held_and_a_retry_takes_it_over(
    harness: Harness,
) -> None:
    service_id, server_id = await in_use(harness)
    harness.faults.lose_answer("os_install", 1)
    harness.faults.admin_acts_before("os_install", 1, lambda: take_panel_down(harness))
    await one_line(ask(harness, service_id))
    held = await is_held(harness, service_id, "answer-lost")
    assert held.held_from is State.INSTALLING
    request = await last_request(harness.ledger, service_id)
    assert may_decide(held, request) == ()
    assert refused_through_whmcs(held, request, "retry", past_cap=False) is not None
    harness.faults.clear()
    assert "reinstall is started" in await decide(service_id, "retry")
    await harness.run(reinstall, service_id, requested_by="admin")
    assert (await harness.service(service_id)).state is State.ACTIVE
    assert disk(harness, server_id).startswith(f"os {UBUNTU}")
    assert len(sent(harness, "os_install")) == 2
