"""What a rehearsal proved, beside its run; and how it ends."""

from prefect.artifacts import acreate_markdown_artifact
from prefect.context import FlowRunContext

from dcimanager.panel import Panel
from ledger import proofs
from ledger.proofs import Backing, EntryProof
from ledger.snapshots import Service
from runtime.driver import driving
from runtime.errors import StepRefused
from runtime.flow_run import asking_prefect
from runtime.markdown import code
from runtime.run_log import run_log
from runtime.steps import reads
from tasks.rehearsal.lookups import LOOKS
from tasks.rehearsal.proving import Findings

REHEARSED = (
    "login",
    *LOOKS,
    "user_create",
    "owner_set",
    "key_create",
    "port_off",
    "port_on",
    "power_on",
    "power_off",
    "power_reset",
    "host_name_set",
    "address_add",
    "address_list",
    "ptr_set",
    "os_install",
    "operation_get",
    "operation_end",
    "rescue_start",
    "rescue_leave",
    "address_remove",
    "owner_clear",
    "diagnostics",
)
"""Every call that the lifecycles use, in the order in which a rehearsal proves them."""

FOR_INFORMATION = frozenset(
    {
        "server_get",
        "server_configurations",
        "location_list",
        "ip_pool_settings",
        "power_off",
        "power_reset",
        "key_create",
        "ptr_set",
        "rescue_start",
        "rescue_leave",
        "host_name_set",
    }
)
"""No order and no deletion needs these: a panel that lacks one can be sold from all the same."""


@reads("the rehearsal's report", run_name="report what the rehearsal proved")
async def report_rehearsal(service: Service, findings: Findings) -> None:
    """Show what this rehearsal proved, and what it did not with the reason.

    Refused: something is not proved; the text names it.
    """
    drive = driving(service)
    panel = await drive.panel()
    mine = [one for one in await proofs.of_panel(drive.ledger, panel.name) if one.at >= service.created_at]
    proved = {
        one.entry: one
        for one in reversed(mine)
        if one.backing is Backing.PROVED and one.call == panel.dialect[one.entry].call
    }
    missing = {entry: findings.doubts.get(entry, "not reached") for entry in REHEARSED if entry not in proved}
    user = f"Its panel user, dciflow-rehearsal{service.service_id}@..., is left there: delete it by hand."
    if FlowRunContext.get() is not None:
        with asking_prefect():
            await acreate_markdown_artifact(
                key=f"rehearsal-{panel.name}", markdown=report_markdown(panel, proved, missing, user)
            )
    run_log().info("the server is free and its disks were cleared. %s", user)
    for entry in missing.keys() & FOR_INFORMATION:
        run_log().warning("[%s] is not proved, which no order or deletion needs: %s", entry, missing.pop(entry))
    if missing:
        why = "; ".join(f"[{entry}] {reason}" for entry, reason in missing.items())
        raise StepRefused(
            f"The server is free again, but {len(missing)} call(s) that clients' servers need are not proved: {why}. "
            "Correct those entries (docs/dialect.md) and rehearse again."
        )


def report_markdown(panel: Panel, proved: dict[str, EntryProof], missing: dict[str, str], user: str) -> str:
    """The report as it is shown beside the run. Values from the panel are shown as code, inert."""
    lines = [
        f"# Rehearsal of panel {panel.name}",
        "",
        f"{len(proved)} of {len(REHEARSED)} calls are proved. {user}",
        "",
        "| entry | call | before | after |",
        "|---|---|---|---|",
    ]
    for entry in REHEARSED:
        call = code(f"{panel.dialect[entry].method} {panel.dialect[entry].path}")
        if entry in proved:
            lines.append(f"| {entry} | {call} | {code(proved[entry].before)} | {code(proved[entry].after)} |")
        else:
            lines.append(f"| {entry} | {call} | **not proved** | {code(missing[entry])} |")
    lines += ["", "What a rehearsal cannot prove: that the disks are really clear, only that the panel says so."]
    return "\n".join(lines)
