"""What staff are told of at once: an event of Prefect each, which the shipped automations send on as messages.

Events of our own, not those that Prefect emits of every run's state: to Prefect a run that is HELD, one that failed and
one whose order was cancelled meanwhile are all Failed, a reconciliation of five panels is one run, and a run's message
may quote what must not leave the house. One run raises one alert at most.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from ledger.errors import CapReached, Superseded
from ledger.snapshots import Service
from tasks.connections import connections
from tasks.log import run_log
from tasks.outcomes import PRESS, Held, NoLongerWanted, Reason
from tasks.run import run_id, run_link

HELD = "dciflow.held"
ACTIVATION_FAILED = "dciflow.activation-failed"
UNSUSPEND_FAILED = "dciflow.unsuspend-failed"
CAP_REACHED = "dciflow.cap-reached"
RECONCILIATION_STOPPED = "dciflow.reconciliation.stopped"
STOCK_LOW = "dciflow.stock-low"
"""The events; dciflow/notifications.py has an automation for each."""

FAILURES = {"activate": ACTIVATION_FAILED, "watch-os-install": ACTIVATION_FAILED, "unsuspend": UNSUSPEND_FAILED}
"""Whose failure a client notices. What else fails is seen in WHMCS, or found by the reconciliation."""

CAPS = frozenset({Reason.TERMINATION_CAP, Reason.WIPE_CAP})

LINE_CHARACTERS = 500
"""A message is read on a telephone; the run's log has the whole."""

_EMAIL = re.compile(r"[^\s@<>,;:'\"]+@[^\s@<>,;:'\"]+")


class Alert(BaseModel):
    """One thing that a person should know of now."""

    model_config = ConfigDict(frozen=True)

    event: str
    about: str
    """The resource: alerts about the same one within a while are sent once, where the automation says so."""
    title: str
    what: str
    """What happened, one line. An e-mail address that a panel put into it is taken out."""
    do: str
    run: str | None = None
    """The flow run to look at."""
    urgency: Literal["highest", "high"] = "high"
    service_id: int | None = None
    panel: str | None = None
    facts: dict[str, JsonValue] = Field(default_factory=dict)
    """More for automations of the host's own."""

    @property
    def payload(self) -> dict[str, JsonValue]:
        """What the event carries: title and line ready to be sent, and what they are made of."""
        link = None if self.run is None else run_link(self.run)
        line = " ".join(filter(None, (_public(self.what), self.do, link)))
        title = f"{'HIGHEST URGENCY: ' if self.urgency == 'highest' else ''}{self.title}"
        told: dict[str, JsonValue] = {"title": title, "line": line, "link": link, "urgency": self.urgency}
        return {**told, "service_id": self.service_id, "panel": self.panel, "run_id": self.run, **self.facts}


def sound(alert: Alert) -> None:
    """Emit the alert's event. Prefect's client queues it and sends it by itself: nothing here waits, or can fail."""
    try:
        resource = {"prefect.resource.id": alert.about, "prefect.resource.name": alert.title}
        connections().emit(alert.event, resource, alert.payload)
    except Exception as error:  # whatever it is, the run is about something else
        run_log().warning("the event %s was not emitted: %s", alert.event, type(error).__name__)


@contextmanager
def sounding_the_end(action: str, service_id: int, panel: str) -> Iterator[None]:
    """Sound the alert that a lifecycle's end is worth, once the ledger has it; an end that is well is worth none."""
    try:
        yield
    except Held as held:
        sound(of_hold(action, service_id, panel, held.reason, run_id(), text=held.text))
        raise
    except (NoLongerWanted, Superseded):  # the order was cancelled, or another run goes on: nothing failed
        raise
    except Exception as error:
        if action in FAILURES:
            sound(of_failure(action, service_id, panel, str(error), run_id()))
        raise


def of_failure(action: str, service_id: int, panel: str, what: str, run: str) -> Alert:
    """An activation or an unsuspension that a client waits for in vain."""
    cut_off = FAILURES[action] == UNSUSPEND_FAILED
    title = f"service {service_id} stays cut off" if cut_off else f"service {service_id} did not get its server"
    return Alert(
        event=FAILURES[action],
        about=f"dciflow.service.{service_id}",
        title=title,
        what=f"Service {service_id} on panel {panel}: {action} failed. {what}",
        do="Look up the line in docs/operate.md (FAILED), then press Retry:",
        run=run,
        urgency="highest" if cut_off else "high",
        service_id=service_id,
        panel=panel,
        facts={"action": action},
    )


def of_hold(action: str, service_id: int, panel: str, reason: Reason, run: str, *, text: str = "") -> Alert:
    """A service that waits for a person.

    Of the evidence nothing is told, unless a cap is the reason: a deletion of hundreds by mistake shows as one cap.
    """
    if action == "unsuspend":
        what = f"The service is HELD ({reason})."
        return of_failure(action, service_id, panel, what, run).model_copy(
            update={"do": _decide(service_id, reason), "facts": {"action": action, "reason": str(reason)}}
        )
    is_cap = reason in CAPS
    return Alert(
        event=CAP_REACHED if is_cap else HELD,
        about=f"dciflow.cap.{reason}" if is_cap else f"dciflow.service.{service_id}",
        title=f"{reason} reached" if is_cap else f"service {service_id} is HELD ({reason})",
        what=f"Service {service_id} on panel {panel} is HELD ({reason}): {action} stopped."
        + (f" {text} Others may follow: dciflow held list." if is_cap else ""),
        do=_decide(service_id, reason),
        run=run,
        service_id=service_id,
        panel=panel,
        facts={"action": action, "reason": str(reason)},
    )


def of_full_panel(service: Service, full: CapReached) -> Alert:
    """So many OS installations at once that the next one waits."""
    return Alert(
        event=CAP_REACHED,
        about=f"dciflow.cap.{full.cap}.{service.panel}",
        title=f"{full.cap} reached on panel {service.panel}",
        what=f"{full} Service {service.service_id} waits, and so does whoever comes next.",
        do="Nothing, if so many orders came; DCIFLOW_CAP_INSTALLATIONS moves the cap (docs/operate.md, Caps):",
        run=run_id(),
        service_id=service.service_id,
        panel=service.panel,
        facts={"reason": full.cap},
    )


def of_stop(panel: str, why: str, run: str) -> Alert:
    """A panel that could not be compared: what differs there is found by nobody."""
    return Alert(
        event=RECONCILIATION_STOPPED,
        about=f"dciflow.panel.{panel}",
        title=f"panel {panel} is not reconciled",
        what=f"The reconciliation of panel {panel} stopped: {why}",
        do="See docs/operate.md (What does not agree):",
        run=run,
        panel=panel,
        facts={"reason": _public(why)},
    )


def of_low_stock(panel: str, configuration: str, left: int) -> Alert:
    """A configuration of which hardly any server is free."""
    return Alert(
        event=STOCK_LOW,
        about=f"dciflow.stock.{panel}.{configuration}",
        title=f"{left} of {configuration} left on panel {panel}",
        what=f"Panel {panel} has {left} free server(s) of configuration {configuration}.",
        do="Add or free servers, or take the product off sale. The count:",
        run=run_id(),
        panel=panel,
        facts={"configuration": configuration, "left": left},
    )


def _decide(service_id: int, reason: Reason) -> str:
    press = " or ".join(PRESS[reason])
    return f"dciflow held show {service_id}, look, then press {press} (docs/operate.md, HELD):"


def _public(text: str) -> str:
    """The text as one line that may leave the house."""
    line = _EMAIL.sub("(an e-mail address)", " ".join(text.split()))
    return line if len(line) <= LINE_CHARACTERS else f"{line[: LINE_CHARACTERS - 1]}…"
