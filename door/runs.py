"""The calls about runs: which deployment is it, start it, how did its run end."""

from collections.abc import Mapping
from typing import cast
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import JsonValue

from door.body import json_body
from door.context import CallContext, Context
from door.held import check_published
from door.installations import Installation
from door.refusal import DoorRefusal, not_allowed, one_line
from door.shapes import (
    FLOW_OF_ID,
    FLOWS,
    CheckPanelShape,
    CommandShape,
    DecideShape,
    Shape,
    StartedFlow,
    checked,
    run_name,
    run_tags,
)
from door.upstream import RETRY_SECONDS, PrefectAnswer, Upstream

router = APIRouter()

TAG = "installation:"
"""What a run is tagged with that an installation started, and then its name. Runs that this one starts have it, too."""

LABELS = "dciflow."
"""What labels begin with that the module reads (contract.json)."""

IDENTIFYING = ("service_id", "panel", "asked_at", "identity", "held_at")
"""The parameters by which the module knows a run as its own."""

LONGEST_MESSAGE = 2000
LONGEST_LABEL = 500


@router.get("/deployments/name/{flow}/whmcs")
async def find_deployment(flow: str, context: Context) -> JsonValue:
    """The id of a flow's deployment, as the door knows it."""
    if flow not in FLOWS:
        raise not_allowed()
    async with context.rate_limited(f"find {flow}", urgent=FLOWS[flow].urgent) as prefect:
        await _deployment(prefect, flow)
    return {"id": FLOWS[flow].id, "name": "whmcs"}


@router.post("/deployments/{deployment}/create_flow_run")
async def start_run(deployment: UUID, request: Request, context: Context) -> JSONResponse:
    """Start a run, or find the one that this key has started: 201 or 200, as Prefect says."""
    flow = FLOW_OF_ID.get(str(deployment))
    if flow is None:
        raise DoorRefusal(404, "There is no deployment with this id: ask for it by its name.")
    async with context.rate_limited(f"start {flow.flow}", urgent=flow.urgent) as prefect:
        body = await _checked_start(context, prefect, flow, await json_body(request))
        started = await _create(prefect, flow.flow, body)
        if started.status not in (200, 201):
            raise DoorRefusal(422, f"Prefect does not take it: {one_line(started.text('detail'))}")
    return JSONResponse(_shown(started), started.status)


async def _checked_start(context: CallContext, prefect: Upstream, flow: StartedFlow, given: object) -> JsonValue:
    """What Prefect is asked, built afresh. Raises DoorRefusal: the body is not the module's, or about another's."""
    start = checked(flow.shape, given)
    parameters = start.parameters
    name, tags = run_name(flow.flow, parameters), run_tags(parameters)
    if start.name != name or start.tags != tags:
        raise DoorRefusal(422, f"The name and the tags of a run are the door's: {name}, {', '.join(tags)}.")
    panel = getattr(parameters, "panel", None)
    if panel is not None:
        context.check_panel(panel, sells=not isinstance(parameters, CheckPanelShape))
    _check_installation(context, parameters)
    sent = parameters.model_dump(mode="json", exclude_unset=True)  # what an older module leaves out stays out
    channel = context.installation.name
    # What the door knows, and the person only as WHMCS's word.
    who = f"WHMCS {channel}, by its own word {getattr(parameters, 'who', None)}"
    if isinstance(parameters, DecideShape):
        await check_published(prefect, context.installation, parameters)
        sent |= {"who": who, "asked_through": channel}
    elif sent.get("who") is not None:
        sent |= {"who": who}
    return {
        "name": name,
        "parameters": sent,
        "tags": [*tags, f"{TAG}{context.installation.name}"],
        "idempotency_key": f"{TAG}{context.installation.name}:{start.idempotency_key}",
    }


def _check_installation(context: CallContext, parameters: Shape) -> None:
    """Raises DoorRefusal (403): the body names another WHMCS than the one that this secret was given to."""
    known = context.installation.whmcs
    if known is not None and isinstance(parameters, CommandShape) and parameters.identity.installation != known:
        raise DoorRefusal(403, f"{context.installation.name} is the WHMCS {known}, and the command names another one.")


@router.get("/flow_runs/{run}")
async def read_run(run: UUID, context: Context) -> JsonValue:
    """How a run stands that this installation has started.

    Only Prefect's own 404 is one here: the module takes it for a run that was deleted, and closes its request.
    """
    async with context.rate_limited("read run", urgent=True) as prefect:
        answer = await prefect.ask("GET", f"/flow_runs/{run}")
    if answer.status == 404:
        raise DoorRefusal(404, "Prefect has no such run: it was deleted there.")
    if answer.status != 200:
        raise DoorRefusal(502, f"Prefect answered {answer.status}: see its log.", retry_after=RETRY_SECONDS)
    if not is_own(answer, context.installation):
        name = context.installation.name
        raise DoorRefusal(403, f"{name} has not started this run; one from before the door: `whmcs` in door.toml.")
    return _shown(answer)


def is_own(run: PrefectAnswer, installation: Installation) -> bool:
    """Whether the installation has started the run, by the door's tag.

    Or by the key that its module gave it itself, before there was a door: no key that comes through here begins so.
    """
    tags = run.get("tags")
    if isinstance(tags, list) and f"{TAG}{installation.name}" in tags:
        return True
    return installation.whmcs is not None and run.text("idempotency_key").startswith(f"{installation.whmcs}:")


async def _create(prefect: Upstream, flow: str, body: JsonValue) -> PrefectAnswer:
    """Ask for the run; once more where the deployment was registered again, and so has another id than it had."""
    known = prefect.deployments.get(flow)
    if known is not None:
        answer = await prefect.ask("POST", f"/deployments/{known}/create_flow_run", body)
        if answer.status != 404:
            return answer
    return await prefect.ask("POST", f"/deployments/{await _deployment(prefect, flow)}/create_flow_run", body)


async def _deployment(prefect: Upstream, flow: str) -> str:
    """Prefect's own id of a deployment, kept for the next call. Raises DoorRefusal (404): it is not registered."""
    found = await prefect.ask("GET", f"/deployments/name/{flow}/whmcs")
    if found.status != 200 or not found.text("id"):
        raise DoorRefusal(404, f"Prefect has no deployment {flow}/whmcs: run `dciflow setup`.")
    prefect.deployments[flow] = str(UUID(found.text("id")))
    return prefect.deployments[flow]


def _shown(run: PrefectAnswer) -> JsonValue:
    """What the module reads of a run, cut to lengths; nothing else of it leaves the door."""
    state, labels, parameters = (_object(run.get(key)) for key in ("state", "labels", "parameters"))
    message = state.get("message")
    shown: dict[str, JsonValue] = {
        "id": run.text("id"),
        "name": run.text("name"),
        "parameters": {key: parameters[key] for key in IDENTIFYING if key in parameters},
        "state": {
            "type": state.get("type"),
            "timestamp": state.get("timestamp"),
            "message": message[:LONGEST_MESSAGE] if isinstance(message, str) else None,
            "state_details": {"scheduled_time": _object(state.get("state_details")).get("scheduled_time")},
        },
        "labels": {
            key: value[:LONGEST_LABEL] if isinstance(value, str) else value
            for key, value in labels.items()
            if key.startswith(LABELS) and isinstance(value, str | int | float)
        },
    }
    return shown


def _object(value: JsonValue) -> Mapping[str, JsonValue]:
    return cast(Mapping[str, JsonValue], value) if isinstance(value, dict) else {}
