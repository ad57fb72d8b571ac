from datetime import timedelta

import httpx
import pytest
from pydantic import JsonValue

from ledger import decisions, requests, services
from ledger.states import State
from runtime.heartbeat import STALLED_AFTER
from tasks.held.forms import Form, HeldForms
from tests.harness import PANEL, Harness


class RememberedForms:
    """Prefect as far as it matters here: which forms wait, and which were ended."""

    def __init__(self) -> None:
        self.asked = 0
        self.forms: list[Form] = []
        self.ended: list[str] = []

    async def waiting(self) -> list[Form]:
        self.asked += 1
        return [form for form in self.forms if form.run_id not in self.ended]

    async def end(self, form: Form, why: str) -> None:
        self.ended.append(form.run_id)


@pytest.fixture
def forms() -> RememberedForms:
    return RememberedForms()


async def hold(harness: Harness, service_id: int, reason: str = "owner-changed") -> None:
    harness.clock.simulated.advance(60)
    now = harness.clock.now()
    await services.remember(harness.ledger, service_id=service_id, panel=PANEL, now=now)
    driver, _ = await requests.open(
        harness.ledger,
        service_id=service_id,
        panel=PANEL,
        action="suspend",
        flow_run_id=f"run-{now}",
        requested_by="cron",
        now=now,
        silent_after=STALLED_AFTER,
    )
    await requests.hold_and_close(harness.ledger, driver, reason=reason, evidence="-", now=now)


async def decide(harness: Harness, service_id: int) -> None:
    await decisions.leave_hold(
        harness.ledger, service_id, to=State.NEW, who="anna", why="-", now=harness.clock.now() + timedelta(seconds=1)
    )


def started(harness: Harness, forms: RememberedForms) -> list[int]:
    """The services that a form was asked for, in order; each form waits from then on."""
    known = {form.run_id for form in forms.forms}
    for _, parameters, key in harness.started:
        if key not in known:
            forms.forms.append(Form.model_validate({**parameters, "run_id": key}))
            known.add(key)
    return [int(str(parameters["service_id"])) for _, parameters, _ in harness.started]


async def test_each_hold_gets_one_form_however_often_one_looks(harness: Harness, forms: RememberedForms) -> None:
    held = HeldForms(forms)
    for service_id in (1, 2):
        await hold(harness, service_id)
    for _ in range(3):
        await held.look()
    assert started(harness, forms) == [1, 2]
    assert {deployment for deployment, _, _ in harness.started} == {"decide-held/whmcs"}
    await HeldForms(forms).look()  # another worker asks again, with the same keys
    assert len({key for _, _, key in harness.started}) == 2
    assert forms.asked == 2, "the forms were listed although nothing was decided"


async def test_a_form_whose_decision_was_made_elsewhere_is_ended(harness: Harness, forms: RememberedForms) -> None:
    held = HeldForms(forms)
    await hold(harness, 1)
    await hold(harness, 2)
    await held.look()
    started(harness, forms)
    await decide(harness, 1)
    assert await held.look() == ["decide-held of service 1: decided elsewhere, its form is closed"]
    assert [form.service_id for form in await forms.waiting()] == [2]


async def test_a_service_that_is_held_anew_gets_a_new_form_in_place_of_the_old_one(
    harness: Harness, forms: RememberedForms
) -> None:
    held = HeldForms(forms)
    await hold(harness, 1)
    await held.look()
    started(harness, forms)
    await decide(harness, 1)
    await hold(harness, 1)
    await held.look()
    assert started(harness, forms) == [1, 1]
    assert len(forms.ended) == 1
    [waiting] = await forms.waiting()
    assert waiting.run_id != forms.ended[0]


async def test_a_form_that_could_not_be_started_is_started_at_the_next_look(
    harness: Harness, forms: RememberedForms
) -> None:
    connections = harness.connect()
    start_run = connections.start_run

    async def away(deployment: str, parameters: dict[str, JsonValue], key: str) -> None:
        raise httpx.ConnectError("away")

    held = HeldForms(forms)
    await hold(harness, 1)
    connections.start_run = away
    with pytest.raises(httpx.ConnectError):
        await held.look()
    connections.start_run = start_run
    await held.look()
    assert started(harness, forms) == [1]
