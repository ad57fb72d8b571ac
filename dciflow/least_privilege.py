"""What the WHMCS host may start through its proxy (docs/least-privilege.md), as the lines that nginx reads."""

from uuid import UUID

from prefect import get_client
from prefect.exceptions import ObjectNotFound

from tasks.outcomes import Refusal

STARTED_BY_WHMCS = ("activate", "suspend", "unsuspend", "terminate", "check-panel", "adopt", "decide-held")
"""The flows whose deployment `<flow>/whmcs` the module starts. All others are started by the schedule or by a run."""


async def proxy_map() -> str:
    """The lines of nginx's map for the deployments of this Prefect: one call that is allowed on each.

    A deployment that is not registered is named in a comment and stays forbidden.
    Raises Refusal: none is registered.
    """
    lines = []
    async with get_client() as client:
        for flow in STARTED_BY_WHMCS:
            try:
                deployment = await client.read_deployment_by_name(f"{flow}/whmcs")
            except ObjectNotFound:
                lines.append(f"# {flow}/whmcs is not registered")
            else:
                lines.append(_line(flow, deployment.id))
    if all(line.startswith("#") for line in lines):
        raise Refusal("Prefect knows no deployment that WHMCS starts. Register them: dciflow setup")
    return "\n".join(lines)


def _line(flow: str, deployment: UUID) -> str:
    return f'"~^POST /api/deployments/{deployment}/create_flow_run$" 1;  # {flow}/whmcs'
