"""Messages to staff: Prefect automations that send each alert (runtime/alerts.py) to a webhook, to e-mail, or to both.

They run in Prefect's server, so messages are sent also while no worker runs. The receivers are blocks of Prefect, whose
secret fields cannot be read back.
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from prefect import get_client
from prefect.blocks.webhook import Webhook
from prefect.client.orchestration import PrefectClient
from prefect.events.actions import ActionTypes, CallWebhook, SendNotification
from prefect.events.schemas.automations import Automation, AutomationCore, EventTrigger, Posture
from prefect.exceptions import ObjectNotFound
from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from runtime import alerts
from runtime.blocks import Email
from runtime.errors import StepRefused

PREFIX = "dciflow: "
"""The names of all our automations begin with it; they are found by their names."""

TEST = "dciflow.notify-test"
EXECUTED, FAILED = "prefect.automation.action.executed", "prefect.automation.action.failed"

SUBJECT = "[dciflow] {{ event.payload.title }}"
BODY = "{{ event.payload.line }}"
JSON = """{
  "text": {{ (event.payload.title ~ ". " ~ event.payload.line) | tojson }},
  "title": {{ event.payload.title | tojson }},
  "urgency": {{ event.payload.urgency | tojson }},
  "event": {{ event.event | tojson }},
  "service_id": {{ event.payload.service_id | tojson }},
  "panel": {{ event.payload.panel | tojson }},
  "link": {{ event.payload.link | tojson }}
}"""
"""The body sent to a webhook. Slack, Mattermost and the like show `text`; the other fields are for programs."""

ANSWER_SECONDS = 40.0
"""How long a test waits. Prefect acts on an event within two seconds, but waits for a receiver that is silent."""


class Notification(BaseModel):
    """One automation: an alert, and how often it is sent about the same thing."""

    model_config = ConfigDict(frozen=True)

    event: str
    name: str
    description: str
    once_in: timedelta = timedelta(0)
    """A second alert about the same resource within this time is not sent. 0: every alert is sent."""

    def automation(self, actions: list[ActionTypes], *, enabled: bool) -> AutomationCore:
        """The automation to register. `type` is given explicitly: Prefect's client omits unset fields in an update."""
        trigger = EventTrigger(
            type="event",
            expect={self.event},
            for_each={"prefect.resource.id"},
            posture=Posture.Reactive,
            threshold=1,
            within=self.once_in,
        )
        return AutomationCore(
            name=f"{PREFIX}{self.name}",
            description=self.description,
            enabled=enabled,
            trigger=trigger,
            actions=actions,
        )


NOTIFICATIONS = (
    Notification(
        event=alerts.UNSUSPEND_FAILED,
        name="unsuspend failed",
        description="Highest urgency: a client who has paid stays cut off the network.",
    ),
    Notification(event=alerts.HELD, name="HELD", description="A service waits for a person's decision."),
    Notification(
        event=alerts.ACTIVATION_FAILED,
        name="activation failed",
        description="A client who has paid did not get the server.",
    ),
    Notification(
        event=alerts.CAP_REACHED,
        name="cap reached",
        description="So much is deleted or installed at once that a person has to look. Once an hour for each cap.",
        once_in=timedelta(hours=1),
    ),
    Notification(
        event=alerts.RECONCILIATION_STOPPED,
        name="reconciliation stopped",
        description="A panel could not be compared with WHMCS and the ledger. Once in six hours for each panel.",
        once_in=timedelta(hours=6),
    ),
    Notification(
        event=alerts.STOCK_LOW,
        name="stock low",
        description="Hardly any server of a configuration is free. Once a day for each configuration.",
        once_in=timedelta(days=1),
    ),
    Notification(
        event=alerts.RESTORED,
        name="restored",
        description="Highest urgency: a back-up was restored, and nothing runs until a person has gone through that. "
        "Once an hour.",
        once_in=timedelta(hours=1),
    ),
    Notification(
        event=alerts.STANDSTILL,
        name="worker stood still",
        description="No run of a worker went on for ten seconds or more. Once an hour for each worker.",
        once_in=timedelta(hours=1),
    ),
    Notification(event=TEST, name="test", description="What `dciflow notify test` sends."),
)


class Receivers(BaseModel):
    """The names of the blocks that messages are sent to."""

    model_config = ConfigDict(frozen=True)

    webhook: str | None = None
    email: str | None = None

    async def actions(self, client: PrefectClient) -> list[ActionTypes]:
        """The actions of an automation. Raises StepRefused: no block is named, or there is no such block."""
        found: list[ActionTypes] = []
        if self.webhook is not None:
            block = await _block(client, Webhook.get_block_type_slug(), self.webhook, "webhook")
            found.append(CallWebhook(type="call-webhook", block_document_id=block, payload=JSON))
        if self.email is not None:
            block = await _block(client, Email.get_block_type_slug(), self.email, "email")
            found.append(
                SendNotification(type="send-notification", block_document_id=block, subject=SUBJECT, body=BODY)
            )
        if not found:
            raise StepRefused("Where to? Name a webhook block, an e-mail block, or both.")
        return found


async def register(receivers: Receivers, *, dry_run: bool) -> AsyncIterator[str]:
    """Create or update every automation; yields a line for each. May be repeated.

    An automation that somebody switched off in the UI stays off. Raises StepRefused: there is no such block.
    """
    async with get_client() as client:
        actions = await receivers.actions(client)
        there = await _registered(client)
        for one in NOTIFICATIONS:
            old = there.get(f"{PREFIX}{one.name}")
            automation = one.automation(actions, enabled=old is None or old.enabled)
            if not dry_run and old is None:
                await client.create_automation(automation)
            elif not dry_run and old is not None:
                await client.update_automation(old.id, automation)
            done = ("would be " if dry_run else "") + ("made" if old is None else "updated")
            off = " (switched off)" if not automation.enabled else ""
            yield f"{automation.name}: {done}{off}. {one.description}"


async def registered() -> tuple[list[Automation], list[tuple[str, str]]]:
    """The automations of dciflow that are registered in Prefect, in the order of NOTIFICATIONS.

    And those that cannot be read, with the reason: somebody changed one in the UI, for example.
    """
    found: list[Automation] = []
    odd: list[tuple[str, str]] = []
    async with get_client() as client:
        for one in NOTIFICATIONS:
            name = f"{PREFIX}{one.name}"
            try:
                found += [each for each in await client.read_automations_by_name(name) if each.name == name]
            except ValidationError as error:
                odd.append((f"Automation {name}", f"{error.error_count()} fault(s); run dciflow notify setup again"))
    return found, odd


async def send_test() -> list[str]:
    """Send a test event and wait until every receiver was called; returns a line with the answer of each.

    Raises StepRefused: nothing is registered, a receiver refused, or a receiver did not answer in time.
    """
    async with get_client() as client:
        automation = (await _registered(client)).get(f"{PREFIX}test")
        if automation is None or not automation.enabled:
            raise StepRefused("The automation of the test is not registered, or off: dciflow notify setup.")
        event = _test_event()
        await client.request("POST", "/events", json=[event])
        deadline = asyncio.get_running_loop().time() + ANSWER_SECONDS
        answers: list[dict[str, JsonValue]] = []
        while len(answers) < len(automation.actions):
            if asyncio.get_running_loop().time() > deadline:
                raise StepRefused(
                    f"Of {len(automation.actions)} receiver(s) {len(answers)} were heard of within "
                    f"{ANSWER_SECONDS:.0f} s. Does Prefect's server run its services? Its log has the rest."
                )
            await asyncio.sleep(0.5)
            answers = await _answers(client, str(event["id"]))
    lines = [_outcome(answer) for answer in answers]
    refused = [line for line, taken in lines if not taken]
    if refused:
        raise StepRefused("; ".join(refused))
    return [line for line, _ in lines]


def _test_event() -> dict[str, JsonValue]:
    alert = alerts.Alert(
        event=TEST,
        about="dciflow.notify-test",
        title="a test",
        what="This is a test of dciflow's notifications.",
        do="Nothing is to be done.",
    )
    return {
        "id": str(uuid4()),
        "occurred": datetime.now(UTC).isoformat(),
        "event": TEST,
        "resource": {"prefect.resource.id": alert.about},
        "payload": alert.payload,
    }


async def _answers(client: PrefectClient, event_id: str) -> list[dict[str, JsonValue]]:
    chosen: dict[str, JsonValue] = {
        "event": {"name": [EXECUTED, FAILED]},
        "related": {"id": [f"prefect.event.{event_id}"]},
    }
    answer = await client.request("POST", "/events/filter", json={"filter": chosen})
    return [{**one["payload"], "event": one["event"]} for one in answer.json()["events"]]


def _outcome(answer: dict[str, JsonValue]) -> tuple[str, bool]:
    """A line about a receiver's answer, and whether it accepted the message: a webhook may answer with an error."""
    receiver = {"call-webhook": "webhook", "send-notification": "e-mail"}.get(str(answer["action_type"]), "receiver")
    if answer["event"] == FAILED:
        return f"{receiver}: not sent; Prefect's event feed and the server's log say why", False
    status = answer.get("status_code")
    if isinstance(status, int) and not 200 <= status < 300:
        return f"{receiver}: refused with HTTP status {status}", False
    return f"{receiver}: taken" + (f" (HTTP status {status})" if status is not None else ""), True


async def _registered(client: PrefectClient) -> dict[str, Automation]:
    found = [await client.read_automations_by_name(f"{PREFIX}{one.name}") for one in NOTIFICATIONS]
    return {automation.name: automation for automations in found for automation in automations}


async def _block(client: PrefectClient, type_slug: str, name: str, command: str) -> UUID:
    try:
        return (await client.read_block_document_by_name(name, type_slug, include_secrets=False)).id
    except ObjectNotFound:
        raise StepRefused(
            f"Prefect has no block {type_slug}/{name}: store it first (dciflow notify {command} {name})."
        ) from None
