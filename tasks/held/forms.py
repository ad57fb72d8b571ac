"""A form for each HELD service: one suspended run of `decide-held` that waits for a person's answer and costs nothing.

It is started once for each hold, however many look, and ends by itself when the decision was made elsewhere.
"""

from datetime import datetime
from typing import Protocol
from uuid import UUID

from prefect import get_client
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterName,
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import StateType
from prefect.states import Completed
from pydantic import BaseModel, ConfigDict, JsonValue

from ledger import services
from ledger.snapshots import Service
from runtime.connections import connections, ledger

FLOW = "decide-held"
DECIDE = f"{FLOW}/whmcs"
PAGE = 200
"""Runs that Prefect's server tells of at once; it tells no more."""


class Form(BaseModel):
    """A suspended run that asks for a decision."""

    model_config = ConfigDict(frozen=True)

    run_id: str
    service_id: int
    held_at: datetime | None = None


class Forms(Protocol):
    """What is asked of Prefect about forms."""

    async def waiting(self) -> list[Form]: ...
    async def end(self, form: Form, why: str) -> None: ...


class HeldForms:
    """Sees to it that who is HELD has a form, and nobody else; each `look` says what it did, a line each."""

    def __init__(self, forms: Forms) -> None:
        self._forms = forms
        self._asked: dict[int, datetime | None] | None = None
        """The holds that have a form, by service; None: nobody has looked yet."""

    async def look(self) -> list[str]:
        """One look. Raises LedgerError, PrefectUnreachable, httpx.HTTPError: what was not done is done next time."""
        held = {service.service_id: service for service in await services.held(ledger())}
        before, holds = self._asked, {service_id: service.held_at for service_id, service in held.items()}
        said = []
        if before is None or any(
            holds.get(service_id, held_at) != held_at or service_id not in holds
            for service_id, held_at in before.items()
        ):
            said = await self._end_decided(held)
        self._asked = {service_id: at for service_id, at in (before or {}).items() if holds.get(service_id) == at}
        for service_id, service in held.items():
            if service_id not in self._asked:
                await _ask(service)
                self._asked[service_id] = service.held_at
        return said

    async def _end_decided(self, held: dict[int, Service]) -> list[str]:
        said = []
        for form in await self._forms.waiting():
            service = held.get(form.service_id)
            if service is None or form.held_at not in (None, service.held_at):
                await self._forms.end(form, "The decision was made elsewhere.")
                said.append(f"{FLOW} of service {form.service_id}: decided elsewhere, its form is closed")
        return said


async def _ask(service: Service) -> None:
    """Start the form's run; asked again for the same hold it is the same run."""
    at = service.held_at.isoformat() if service.held_at else ""
    parameters: dict[str, JsonValue] = {"service_id": service.service_id, "held_at": at or None}
    await connections().start_run(DECIDE, parameters, f"held-{service.service_id}-{at}")


class PrefectForms:
    """Prefect's server, asked about forms. Every method raises httpx.HTTPError."""

    async def waiting(self) -> list[Form]:
        """The forms that nobody has answered."""
        paused = FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.PAUSED]))
        found: list[Form] = []
        async with get_client() as client:
            while True:
                page = await client.read_flow_runs(
                    flow_filter=FlowFilter(name=FlowFilterName(any_=[FLOW])),
                    flow_run_filter=FlowRunFilter(state=paused),
                    deployment_filter=DeploymentFilter(name=DeploymentFilterName(any_=["whmcs"])),
                    limit=PAGE,
                    offset=len(found),
                )
                found += [Form.model_validate({**run.parameters, "run_id": str(run.id)}) for run in page]
                if len(page) < PAGE:
                    return found

    async def end(self, form: Form, why: str) -> None:
        """End a form's run as done."""
        async with get_client() as client:
            await client.set_flow_run_state(UUID(form.run_id), Completed(message=why))
