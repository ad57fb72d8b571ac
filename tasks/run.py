"""The Prefect flow run that a step is part of: its id, its link, its tags; and whether another run is over."""

from uuid import UUID, uuid4

from prefect import get_client
from prefect.context import FlowRunContext
from prefect.exceptions import ObjectNotFound
from prefect.utilities.urls import url_for


def run_id() -> str:
    """The id of the current flow run; outside of one, a new one for this call."""
    context = FlowRunContext.get()
    return str(context.flow_run.id) if context is not None and context.flow_run is not None else str(uuid4())


def run_link(flow_run_id: str) -> str:
    """Where the run is shown; its bare id when no address of the UI is set."""
    return url_for("flow-run", obj_id=flow_run_id) or f"flow run {flow_run_id}"


async def is_over(flow_run_id: str) -> bool:
    """Whether Prefect says that the run has ended or is gone; outside of a flow run nobody is asked: False."""
    if FlowRunContext.get() is None:
        return False
    async with get_client() as client:
        try:
            run = await client.read_flow_run(UUID(flow_run_id))
        except ObjectNotFound:
            return True
    return run.state is None or run.state.is_final()


async def label_run(*, service_id: int, panel: str, client_id: int | None) -> None:
    """Tag the current run with service, panel and client, also when it was started from the UI's form."""
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        return
    wanted = {f"service:{service_id}", f"panel:{panel}"} | ({f"client:{client_id}"} if client_id else set())
    if wanted <= set(context.flow_run.tags):
        return
    async with get_client() as client:
        await client.update_flow_run(context.flow_run.id, tags=sorted(wanted | set(context.flow_run.tags)))
