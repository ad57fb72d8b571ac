"""Messages to staff: Prefect automations that send each alert (tasks/alerts.py) to a webhook, to e-mail, or to both.

They run in Prefect's server, so a message goes out also when no worker lives. Where it goes to is a block of Prefect,
whose secret parts nobody gets to see again.
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
from pydantic import BaseModel, ConfigDict, JsonValue

from tasks import alerts
from tasks.blocks import Email
from tasks.outcomes import Refusal

PREFIX = "dciflow: "
"""How the automations' names begin: by them they are found again."""

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
"""What a webhook gets: `text` is what Slack, Mattermost and their like show; the rest is for programs."""

HEARD_SECONDS = 40.0
"""Prefect acts on an event within a second or two, but waits for a receiver that does not answer."""


class Notification(BaseModel):
    """One automation: an alert, and how often it is sent about the same thing."""

    model_config = ConfigDict(frozen=True)

    event: str
    name: str
    description: str
    once_in: timedelta = timedelta(0)
    """What happens to the same resource again within this time is not sent. 0: everything is."""

    def automation(self, actions: list[ActionTypes], *, enabled: bool) -> AutomationCore:
        """As Prefect registers it. Types are set: Prefect's client leaves out what was not, when it updates."""
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
    Notification(event=TEST, name="test", description="What `dciflow notify test` sends."),
)


class Receivers(BaseModel):
    """The blocks that messages go to, by name. Raises Refusal, when they are looked up: there is no such block."""

    model_config = ConfigDict(frozen=True)

    webhook: str | None = None
    email: str | None = None

    async def actions(self, client: PrefectClient) -> list[ActionTypes]:
        """What an automation does when its event comes."""
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
            raise Refusal("Where to? Name a webhook block, an e-mail block, or both.")
        return found


async def register(receivers: Receivers, *, dry_run: bool) -> AsyncIterator[str]:
    """Make the automations, or bring those that are there up to date; says each when it is done. May be repeated.

    One that somebody switched off in the UI stays off. Raises Refusal: there is no such block.
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


async def registered() -> list[Automation]:
    """Our automations that Prefect has, in our order."""
    async with get_client() as client:
        there = await _registered(client)
    return [there[name] for one in NOTIFICATIONS if (name := f"{PREFIX}{one.name}") in there]


async def try_out() -> list[str]:
    """Send a test event and wait until every receiver was called; says what each answered.

    Raises Refusal: nothing is registered, a receiver refused, or nothing was heard.
    """
    async with get_client() as client:
        automation = (await _registered(client)).get(f"{PREFIX}test")
        if automation is None or not automation.enabled:
            raise Refusal("The automation of the test is not registered, or off: dciflow notify setup.")
        event = _test_event()
        await client.request("POST", "/events", json=[event])
        deadline = asyncio.get_running_loop().time() + HEARD_SECONDS
        answers: list[dict[str, JsonValue]] = []
        while len(answers) < len(automation.actions):
            if asyncio.get_running_loop().time() > deadline:
                raise Refusal(
                    f"Of {len(automation.actions)} receiver(s) {len(answers)} were heard of within "
                    f"{HEARD_SECONDS:.0f} s. Does Prefect's server run its services? Its log has the rest."
                )
            await asyncio.sleep(0.5)
            answers = await _answers(client, str(event["id"]))
    lines = [_said(answer) for answer in answers]
    refused = [line for line, taken in lines if not taken]
    if refused:
        raise Refusal("; ".join(refused))
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


def _said(answer: dict[str, JsonValue]) -> tuple[str, bool]:
    """What a receiver answered, and whether it took the message: a webhook may be called and refuse."""
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
        raise Refusal(
            f"Prefect has no block {type_slug}/{name}: store it first (dciflow notify {command} {name})."
        ) from None
