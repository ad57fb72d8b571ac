"""The shipped automations: each alert has one, and its message can be read by people and by programs."""

import json
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from prefect.events.actions import CallWebhook, SendNotification
from prefect.server.events.actions import CallWebhook as ServedWebhook
from prefect.server.events.schemas.automations import AutomationCore as ServedAutomation
from prefect.server.utilities.user_templates import render_user_template_sync

from dciflow.notifications import BODY, JSON, NOTIFICATIONS, SUBJECT, TEST, Notification
from tasks import alerts
from tasks.outcomes import Reason

ALERTS = [
    alerts.of_hold("suspend", 7, "main", Reason.OWNER_CHANGED, "r"),
    alerts.of_hold("terminate", 7, "main", Reason.WIPE_CAP, "r", text="The cap is 1."),
    alerts.of_failure("unsuspend", 7, "main", 'He said: "no" <b>&\\ \'ö', "r"),
    alerts.of_failure("activate", 7, "main", "{{ event.payload }} {% for %}", "r"),
    alerts.of_stop("main", "the list is empty", "r"),
    alerts.of_low_stock("main", "E-2146G", 0),
]


def rendered(template: str, alert: alerts.Alert) -> str:
    """As Prefect's server makes it of the event."""
    event = SimpleNamespace(event=alert.event, payload=alert.payload)
    return render_user_template_sync(template, {"event": event})


def test_every_alert_has_one_automation() -> None:
    events = {value for name, value in vars(alerts).items() if name.isupper() and str(value).startswith("dciflow.")}
    assert sorted(one.event for one in NOTIFICATIONS) == sorted([*events, TEST])
    assert len({one.name for one in NOTIFICATIONS}) == len(NOTIFICATIONS)
    assert {alert.event for alert in ALERTS} == events


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.event)
def test_a_webhook_gets_json_that_says_it_all(alert: alerts.Alert) -> None:
    message: dict[str, Any] = json.loads(rendered(JSON, alert))
    assert message.keys() == {"text", "title", "urgency", "event", "service_id", "panel", "link"}
    assert message["text"] == f"{alert.payload['title']}. {alert.payload['line']}"
    assert (message["event"], message["panel"]) == (alert.event, "main")
    assert alert.run is not None
    assert alert.run in message["text"]


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.event)
def test_a_mail_is_one_line_under_a_subject(alert: alerts.Alert) -> None:
    assert rendered(SUBJECT, alert) == f"[dciflow] {alert.payload['title']}"
    assert rendered(BODY, alert) == alert.payload["line"]
    assert "\n" not in str(alert.payload["line"])


@pytest.mark.parametrize("one", NOTIFICATIONS, ids=lambda one: one.name)
def test_prefect_takes_the_automation_also_as_an_update(one: Notification) -> None:
    webhook = CallWebhook(type="call-webhook", block_document_id=uuid4(), payload=JSON)
    mail = SendNotification(type="send-notification", block_document_id=uuid4(), subject=SUBJECT, body=BODY)
    sent = one.automation([webhook, mail], enabled=True).model_dump(mode="json", exclude_unset=True)
    served = ServedAutomation.model_validate(sent)
    assert isinstance(served.actions[0], ServedWebhook)
    assert served.trigger.type == "event"
    assert served.trigger.within == one.once_in


def test_only_an_unsuspension_is_the_most_urgent() -> None:
    assert {alert.event for alert in ALERTS if alert.urgency == "highest"} == {alerts.UNSUSPEND_FAILED}
