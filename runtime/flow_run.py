"""The Prefect flow run that a step is part of: its id, its link, its tags; and whether another run is over."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from uuid import UUID, uuid4

import httpx
from prefect import get_client
from prefect.context import FlowRunContext
from prefect.exceptions import ObjectNotFound
from prefect.utilities.urls import url_for

from runtime.errors import PrefectUnreachable
from runtime.run_log import run_log

DOOR_TAG = "installation:"
"""What the tag begins with that the door gives a run; the name of an installation follows."""


@contextmanager
def asking_prefect() -> Iterator[None]:
    """Make one line of a server that does not answer, as while it restarts. Raises PrefectUnreachable."""
    try:
        yield
    except httpx.HTTPError as error:
        raise PrefectUnreachable(
            f"Prefect's server does not answer ({type(error).__name__}). Look whether it runs, then press Retry."
        ) from None


def run_id() -> str:
    """The id of the current flow run; outside of one, a new one for this call."""
    context = FlowRunContext.get()
    return str(context.flow_run.id) if context is not None and context.flow_run is not None else str(uuid4())


def created_at() -> datetime | None:
    """When Prefect got the current flow run; a Retry and a re-queued run keep it. None outside of a flow run."""
    context = FlowRunContext.get()
    return None if context is None or context.flow_run is None else context.flow_run.created


def request_key() -> str:
    """The idempotency key that the current flow run was made with; empty: there is none."""
    context = FlowRunContext.get()
    return "" if context is None or context.flow_run is None else context.flow_run.idempotency_key or ""


def run_link(flow_run_id: str) -> str:
    """Where the run is shown; its bare id when no address of the UI is set."""
    return url_for("flow-run", obj_id=flow_run_id) or f"flow run {flow_run_id}"


async def is_over(flow_run_id: str) -> bool:
    """Whether Prefect says that the run has ended or is gone; outside of a flow run nobody is asked: False."""
    if FlowRunContext.get() is None:
        return False
    async with get_client() as client:
        try:
            with asking_prefect():
                run = await client.read_flow_run(UUID(flow_run_id))
        except ObjectNotFound:
            return True
    return run.state is None or run.state.is_final()


def door_tags() -> list[str]:
    """The current run's tags that say which WHMCS started it: who started a run may read those that go on from it."""
    context = FlowRunContext.get()
    tags = [] if context is None or context.flow_run is None else context.flow_run.tags
    return [tag for tag in tags if tag.startswith(DOOR_TAG)]


def run_name(action: str, service_id: object) -> str:
    """What a run is called that does something for a service."""
    return f"{action}-service-{service_id}"


def run_tags(service_id: object, panel: object, client_id: object | None) -> list[str]:
    """The tags that staff find a service's runs by."""
    return [f"service:{service_id}", f"panel:{panel}", *([f"client:{client_id}"] if client_id else [])]


async def label_run(action: str, *, service_id: int, panel: str, client_id: int | None) -> None:
    """Name the current run after action and service and tag it with service, panel and client.

    A run whose request brought its name and the service's tag, as WHMCS's do, costs no call.
    """
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        return
    run = context.flow_run
    name = run_name(action, service_id)
    tags = {*run_tags(service_id, panel, client_id), *run.tags}
    if run.name == name and f"service:{service_id}" in run.tags:
        return
    try:
        async with get_client() as client:
            await client.update_flow_run(run.id, name=name, tags=sorted(tags))
    except httpx.HTTPError as error:  # they are for finding the run; the work does not wait for them
        run_log().warning("the run could not be named: %s", type(error).__name__)
