"""What staff hear of at once: an event of Prefect each, which the shipped automations send on as messages.

Events of our own, not those that Prefect emits of every run's state: to Prefect a run that is HELD, one that failed and
one whose order was cancelled meanwhile are all Failed, a reconciliation of five panels is one run, and a run's message
may quote what must not leave the house. One run raises one alert at most.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from ledger import hold_reasons
from ledger.errors import CapReached, Superseded
from ledger.hold_reasons import PRESS, HoldReason
from ledger.snapshots import Service
from runtime.connections import connections
from runtime.errors import Held, NoLongerWanted, Overtaken
from runtime.flow_run import run_id, run_link
from runtime.plain_text import public_line
from runtime.run_log import run_log

HELD = "dciflow.held"
ACTIVATION_FAILED = "dciflow.activation-failed"
UNSUSPEND_FAILED = "dciflow.unsuspend-failed"
CAP_REACHED = "dciflow.cap-reached"
RECONCILIATION_STOPPED = "dciflow.reconciliation.stopped"
STOCK_LOW = "dciflow.stock-low"
RESTORED = "dciflow.restored"
STANDSTILL = "dciflow.worker-stood-still"
"""The events; dciflow/notifications.py has an automation for each."""

FAILURES = {"activate": ACTIVATION_FAILED, "watch-os-install": ACTIVATION_FAILED, "unsuspend": UNSUSPEND_FAILED}
"""Whose failure a client notices. What else fails is seen in WHMCS, or found by the reconciliation."""

CAPS = frozenset({*hold_reasons.CAPS, HoldReason.CEILING})

LINE_CHARACTERS = 500
"""A message is read on a telephone; the run's log has the whole."""


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
        title = f"{'HIGHEST URGENCY: ' if self.urgency == 'highest' else ''}{_public(self.title)}"
        shown: dict[str, JsonValue] = {"title": title, "line": line, "link": link, "urgency": self.urgency}
        return {**shown, "service_id": self.service_id, "panel": self.panel, "run_id": self.run, **self.facts}


def emit_alert(alert: Alert) -> None:
    """Emit the alert's event. Prefect's client queues it and sends it by itself: nothing here waits, or can fail."""
    try:
        resource = {"prefect.resource.id": _public(alert.about), "prefect.resource.name": _public(alert.title)}
        connections().emit(alert.event, resource, alert.payload)
    except Exception as error:  # whatever it is, the run is about something else
        run_log().warning("the event %s was not emitted: %s", alert.event, type(error).__name__)


@contextmanager
def alert_on_failure(action: str, service_id: int, panel: str) -> Iterator[None]:
    """Sound the alert that a lifecycle's end is worth, once the ledger has it; an end that is well is worth none."""
    try:
        yield
    except Held as held:
        emit_alert(hold_alert(action, service_id, panel, held.reason, run_id(), text=held.text))
        raise
    except (NoLongerWanted, Overtaken, Superseded):  # the order was cancelled, or another run goes on: nothing failed
        raise
    except Exception as error:
        if action in FAILURES:
            emit_alert(failure_alert(action, service_id, panel, str(error), run_id()))
        raise


def failure_alert(action: str, service_id: int, panel: str, what: str, run: str) -> Alert:
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


def hold_alert(action: str, service_id: int, panel: str, reason: HoldReason, run: str, *, text: str = "") -> Alert:
    """A service that waits for a person.

    The evidence is left out, unless a cap is the reason: a deletion of hundreds by mistake shows as one cap.
    """
    if action == "unsuspend":
        what = f"The service is HELD ({reason})."
        return failure_alert(action, service_id, panel, what, run).model_copy(
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


def full_panel_alert(service: Service, full: CapReached) -> Alert:
    """So many OS installations at once that the next one waits."""
    return _cap_alert(
        service,
        full,
        what=f"Service {service.service_id} waits, and so does whoever comes next.",
        do="Nothing, if so many orders came; DCIFLOW_CAP_INSTALLATIONS moves the cap (docs/operate.md, Caps):",
    )


def reinstall_cap_alert(service: Service, full: CapReached) -> Alert:
    """So many reinstallations in a day that the next one is refused: a burst of wishes, or a WHMCS that was taken."""
    return _cap_alert(
        service,
        full,
        what=f"Service {service.service_id} was not reinstalled, and nor is whoever comes next today.",
        do="Look whether clients ask for them; DCIFLOW_CAP_REINSTALLS_PER_DAY moves the cap (docs/operate.md, Caps):",
    )


def _cap_alert(service: Service, full: CapReached, *, what: str, do: str) -> Alert:
    return Alert(
        event=CAP_REACHED,
        about=f"dciflow.cap.{full.cap}.{service.panel}",
        title=f"{full.cap} reached on panel {service.panel}",
        what=f"{full} {what}",
        do=do,
        run=run_id(),
        service_id=service.service_id,
        panel=service.panel,
        facts={"reason": full.cap},
    )


def stopped_alert(panel: str, why: str, run: str) -> Alert:
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


def restored_alert(why: str, do: str) -> Alert:
    """A side was restored from a back-up: no worker takes a run until a person has gone through that."""
    return Alert(
        event=RESTORED,
        about="dciflow.restored",
        title="nothing runs: a back-up was restored",
        what=why,
        do=do,
        urgency="highest",
    )


def whmcs_restored_alert(why: str) -> Alert:
    """WHMCS's database is of before, it seems: no server is taken back or wiped until that was gone through."""
    return Alert(
        event=RESTORED,
        about="dciflow.restored.whmcs",
        title="nothing is wiped: WHMCS seems to be restored from a back-up",
        what=why,
        do="Was it? Type: dciflow restored whmcs (docs/operate.md, Back-ups)",
        urgency="highest",
    )


def low_stock_alert(panel: str, configuration: str, left: int) -> Alert:
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


def standstill_alert(worker: str, seconds: float, places: str) -> Alert:
    """A worker whose event loop stood still: all of its runs waited."""
    return Alert(
        event=STANDSTILL,
        about=f"dciflow.worker.{worker}",
        title=f"worker {worker} stood still for {seconds:.0f} s",
        what=f"No run of worker {worker} went on for {seconds:.0f} s: it was at {places}.",
        do="See docs/operate.md (Runs that do not move).",
        facts={"worker": worker, "seconds": round(seconds, 1)},
    )


def _decide(service_id: int, reason: HoldReason) -> str:
    press = " or ".join(PRESS[reason])
    return f"dciflow held show {service_id}, look, then press {press} (docs/operate.md, HELD):"


def _public(text: str) -> str:
    """The text as one line that may leave the house."""
    return public_line(text, LINE_CHARACTERS)
