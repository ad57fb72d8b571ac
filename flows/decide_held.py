"""A person decides on a HELD service: by this run's form, or with what the run was started with."""

from datetime import datetime

from prefect import flow
from prefect.flow_runs import asuspend_flow_run
from prefect.input import RunInput
from pydantic import Field

from ledger import services
from ledger.errors import DecidedAlready
from ledger.snapshots import Choice, Service
from ledger.through_whmcs import author_through_whmcs
from runtime.connections import ledger
from runtime.errors import StepRefused
from runtime.flow_run import label_run, run_id
from runtime.run_log import quiet_expected_ends, run_log
from tasks.held.decisions import DecisionRequest, carry_out, decided_by
from tasks.service_summary import held_summary

FORM = "decision"
"""The form's key: the run that goes on after the answer finds the answer by it."""


class DecisionForm(RunInput):
    """What the form asks for."""

    decision: Choice = Field(
        title="Decision",
        description="release: back to where it was, nothing starts. retry: and the action that stopped starts again. "
        "terminate: the server is taken back and wiped. accept-hardware: what the panel shows now is the service's "
        "server. forget-server: the server is gone for good. hand-over: WHMCS moved the service to another client, who "
        "becomes the server's owner. "
        "another-server: the service is activated on another one, and its old one is taken back and wiped.",
    )
    why: str = Field(title="Reason", description="Why you decide so; it is kept.", min_length=1)
    who: str = Field(title="Your name", description="Who decides; it is kept.", min_length=1)
    past_cap: bool = Field(
        default=False, title="Past the cap, once", description="With retry, for a service that a cap has stopped."
    )


@flow(name="decide-held", flow_run_name="decide-held-service-{service_id}", persist_result=False)
async def decide_held(
    service_id: int,
    decision: Choice | None = None,
    who: str = "",
    why: str = "",
    past_cap: bool = False,
    held_at: datetime | None = None,
    asked_through: str | None = None,
) -> None:
    """Let a HELD service go on as a person decided. Without a decision the run suspends and asks by a form (Resume).

    Args:
        service_id: The service's number in WHMCS.
        decision: What to do. Empty: a form asks for it.
        who: Who decides; it is kept.
        why: The reason; it is kept.
        past_cap: Let a service that a cap has stopped past it, once.
        held_at: The hold that is meant. Empty: the one there is.
        asked_through: Set by the door alone: the WHMCS that the decision came through. It may decide nothing that
            wipes, gives a server away or passes a cap.
    """
    quiet_expected_ends()
    if decision is None:
        if asked_through is not None:
            raise StepRefused(f"WHMCS {asked_through} named no decision on service {service_id}: nothing was decided.")
        verdict = await _ask(service_id, held_at)
    else:
        verdict = DecisionRequest(
            choice=decision,
            who=_typed(who, "in Prefect") if asked_through is None else author_through_whmcs(asked_through, who),
            why=why,
            past_cap=past_cap,
            held_at=held_at,
            flow_run_id=run_id(),
            asked_through=asked_through,
        )
    if verdict is None:
        run_log().info("service %s waits for no decision any more", service_id)
        return
    try:
        run_log().info(await carry_out(service_id, verdict))
    except DecidedAlready as already:
        if decision is not None:
            raise
        run_log().info("somebody was quicker: %s", already)


async def _ask(service_id: int, held_at: datetime | None) -> DecisionRequest | None:
    """Suspend the run until its form is answered; None: there is nothing to decide any more."""
    service = await services.get(ledger(), service_id)
    if service is None or not (_waits(service, held_at) or await decided_by(run_id(), service_id)):
        return None
    await label_run("decide-held", service_id=service_id, panel=service.panel, client_id=service.client_id)
    form = DecisionForm.with_initial_data(description=await held_summary(service))
    answer = await asuspend_flow_run(wait_for_input=form, timeout=None, key=FORM)
    return DecisionRequest(
        choice=answer.decision,
        who=_typed(answer.who, "into Prefect's form"),
        why=answer.why,
        past_cap=answer.past_cap,
        held_at=held_at or service.held_at,
        flow_run_id=run_id(),
    )


def _typed(who: str, where: str) -> str:
    """The name that is kept: Prefect does not know who uses its UI, so the name is what was typed there."""
    return f"{who.strip()} (typed {where})" if who.strip() else ""


def _waits(service: Service, held_at: datetime | None) -> bool:
    """Whether it is HELD, and still for what this run was started for."""
    return service.held_at is not None and held_at in (None, service.held_at)
