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
from ledger.hold_reasons import HoldReason
from runtime import alerts

ALERTS = [
    alerts.hold_alert("suspend", 7, "main", HoldReason.OWNER_CHANGED, "r"),
    alerts.hold_alert("terminate", 7, "main", HoldReason.WIPE_CAP, "r", text="The cap is 1."),
    alerts.failure_alert("unsuspend", 7, "main", 'He said: "no" <b>&\\ \'ö', "r"),
    alerts.failure_alert("activate", 7, "main", "{{ event.payload }} {% for %}", "r"),
    alerts.stopped_alert("main", "the list is empty", "r"),
    alerts.low_stock_alert("main", "E-2146G", 0),
    alerts.standstill_alert("w1", 12.3, "dcimanager/parsing.py:7"),
    alerts.restored_alert("The ledger is behind.", "Type dciflow restored ledger"),
    alerts.whmcs_restored_alert("Its request 105 came twice."),
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
    assert (message["event"], message["panel"]) == (alert.event, alert.panel)
    if alert.event not in (alerts.RESTORED, alerts.STANDSTILL):  # those are of no run and of no panel
        assert alert.panel == "main"
        assert f"flow run {alert.run}" in message["text"]


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


def test_only_a_client_cut_off_and_a_restored_side_are_the_most_urgent() -> None:
    assert {alert.event for alert in ALERTS if alert.urgency == "highest"} == {
        alerts.UNSUSPEND_FAILED,
        alerts.RESTORED,
    }
