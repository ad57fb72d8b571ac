"""The commands of the person who decides: `dciflow held ...`, and what may become of a service that is not HELD."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from dciflow.cli_support import AsJson, command, say, show_json, show_list, show_markdown
from dciflow.cli_support import who as who_types

if TYPE_CHECKING:
    from ledger.snapshots import Choice

held_app = typer.Typer(no_args_is_help=True, help="Services that wait for a person's decision.")


NUMBERS = {"ignore_unknown_options": True}
"""A rehearsal's number is negative, and -1 is no option."""


class BurstDecision(StrEnum):
    """What can be decided of a whole burst."""

    RETRY = "retry"
    RELEASE = "release"


ServiceId = Annotated[int, typer.Argument(help="The service.")]
Why = Annotated[str, typer.Option(help="The reason for the decision; it is kept.")]
Who = Annotated[str, typer.Option(help="Your name, where several people use this account; both are kept.")]


@held_app.command("list")
@command
async def held_list(as_json: AsJson = False) -> None:
    """List the services that are HELD, with the reason and the evidence, longest waiting first."""
    from dciflow.cli_output import HeldService
    from ledger import services
    from runtime.connections import ledger

    read, odd = await services.held_and_odd(ledger())
    held = [HeldService.of(service) for service in read]
    show_list(
        held,
        ["Service", "Panel", "Server", "Was", "Since (UTC)", "Reason", "Evidence"],
        (
            (
                one.service_id,
                one.panel,
                "-" if one.server_id is None else one.server_id,
                one.held_from,
                f"{one.held_at:%Y-%m-%d %H:%M}" if one.held_at else "",
                one.reason,
                one.evidence,
            )
            for one in held
        ),
        whole="Reason",
        as_json=as_json,
        odd=odd,
    )


@held_app.command("show", context_settings=NUMBERS)
@command
async def held_show(service_id: ServiceId, as_json: AsJson = False) -> None:
    """Show all that a person needs to decide: reason, evidence, server, the run that stopped, decisions so far."""
    from dciflow.cli_output import ShownService
    from ledger import decisions, requests, services
    from ledger.errors import ServiceNotFound
    from runtime.connections import ledger
    from tasks.service_summary import held_summary, ways_out

    service = await services.get(ledger(), service_id)
    if service is None:
        raise ServiceNotFound(service_id)
    if not as_json:
        return show_markdown(await held_summary(service))
    shown = ShownService.in_detail(
        service,
        ways_out=ways_out(service) if service.held_reason else (),
        stopped=await requests.last_held(ledger(), service_id),
        made=await decisions.of_service(ledger(), service_id),
    )
    show_json(shown)


@held_app.command("release", context_settings=NUMBERS)
@command
async def held_release(service_id: ServiceId, why: Why, who: Who = "") -> None:
    """Let a service go back to what it was before it was HELD. Nothing is started."""
    await _decide(service_id, "release", why, who)


@held_app.command("retry", context_settings=NUMBERS)
@command
async def held_retry(
    service_id: ServiceId,
    why: Why,
    past_cap: Annotated[
        bool, typer.Option("--past-cap", help="Let a service that a cap has stopped past it, this once.")
    ] = False,
    who: Who = "",
) -> None:
    """Let a service go back to what it was, and start the action again that was stopped."""
    await _decide(service_id, "retry", why, who, past_cap=past_cap)


@held_app.command("terminate", context_settings=NUMBERS)
@command
async def held_terminate(service_id: ServiceId, why: Why, who: Who = "") -> None:
    """Take a service's server back: its deletion is started, which wipes it."""
    await _decide(service_id, "terminate", why, who)


@held_app.command("accept-hardware", context_settings=NUMBERS)
@command
async def held_accept_hardware(service_id: ServiceId, why: Why, who: Who = "") -> None:
    """Record the serial number and MAC addresses that the panel shows now as the service's own. Nothing is started."""
    await _decide(service_id, "accept-hardware", why, who)


@held_app.command("forget-server", context_settings=NUMBERS)
@command
async def held_forget_server(service_id: ServiceId, why: Why, who: Who = "") -> None:
    """End the claim on a server that is gone from the panel for good. Should it come back, it is sold to nobody."""
    await _decide(service_id, "forget-server", why, who)


@held_app.command("hand-over", context_settings=NUMBERS)
@command
async def held_hand_over(service_id: ServiceId, why: Why, who: Who = "") -> None:
    """Hand a server over to the client whom WHMCS moved its service to: the owner is changed. Nothing is started."""
    await _decide(service_id, "hand-over", why, who)


@held_app.command("another-server")
@command
async def held_another_server(service_id: ServiceId, why: Why, who: Who = "") -> None:
    """Activate a service on another server; the one that it has now is taken back, wiped and set aside.

    For an activation that does not come to its end, whether it is HELD or failed again and again.
    """
    await _decide(service_id, "another-server", why, who)


@held_app.command("burst")
@command
async def held_burst(
    decision: Annotated[BurstDecision, typer.Argument(help="retry: all of them go on. release: none does.")],
    why: Why,
    who: Who = "",
) -> None:
    """Decide on all services that a burst of deletions put on HELD: let them past it, or back to where they were."""
    from tasks.held.burst import decide_burst

    async for line in decide_burst(decision.value, who=who_types(who), why=why):
        say(line)


async def _decide(service_id: int, choice: "Choice", why: str, who: str, *, past_cap: bool = False) -> None:
    from tasks.held.decisions import DecisionRequest, carry_out

    verdict = DecisionRequest(choice=choice, who=who_types(who), why=why, past_cap=past_cap)
    say(await carry_out(service_id, verdict))


@command
async def bring_back(service_id: ServiceId, why: Why) -> None:
    """Give a service its server back during its wipe delay; an ACTIVE one is put back on the network."""
    from tasks.held import decisions

    say(await decisions.bring_back(service_id, who=who_types(), why=why))


@command
async def protect(service_id: ServiceId, why: Why) -> None:
    """Let no automation suspend or terminate a service; a suspension by an administrator goes through."""
    from ledger import decisions
    from runtime.clock import clock
    from runtime.connections import ledger

    await decisions.protect(ledger(), service_id, who=who_types(), why=why, now=clock().now())
    say(f"Service {service_id} is protected.")


@command
async def unprotect(service_id: ServiceId, why: Why) -> None:
    """End the protection of a service."""
    from ledger import decisions
    from runtime.clock import clock
    from runtime.connections import ledger

    await decisions.unprotect(ledger(), service_id, who=who_types(), why=why, now=clock().now())
    say(f"Service {service_id} is not protected any more.")
