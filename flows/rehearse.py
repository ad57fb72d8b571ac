"""A panel's calls are played on one spare server, and proved."""

from prefect import flow

from dcimanager.errors import PanelRefused, UnexpectedPanelResponse, WrongCredentials
from dcimanager.servers import Power
from dcimanager.transport import accepted_calls
from dcimanager.words import WordKind
from flows._lifecycle import restart_on_outage
from flows._request import Asked, open_request
from ledger import rehearsals
from ledger.panel_name import PanelName
from ledger.snapshots import Service
from ledger.states import State
from runtime.alerts import alert_on_failure
from runtime.clock import clock
from runtime.connections import ledger
from runtime.errors import StepRefused
from runtime.flow_run import run_id
from runtime.run_log import one_line_of_the_unforeseen, quiet_expected_ends, run_log
from tasks.addresses import assign_addresses, release_addresses
from tasks.host_name import set_host_name, shown_name
from tasks.identity import confirm_identity, load_service, own_server
from tasks.operations import end_running_operation
from tasks.os_install import deploy_os, install_attempt, wait_for_os
from tasks.owner import clear_owner, find_or_create_owner, set_owner
from tasks.ports import disable_ports, enable_ports
from tasks.power import power_off, power_on, reboot, reboot_attempt
from tasks.ptr import clear_ptrs, set_reverse_name
from tasks.rehearsal.given import prove_addresses, prove_cleared, prove_key, prove_owner, prove_removal
from tasks.rehearsal.installation import end_installation, prove_installation, refuse_unknown_template
from tasks.rehearsal.judges import host_name_went, ports_went, power_went, rescue_began, rescue_ended
from tasks.rehearsal.lookups import prove_login, prove_lookups
from tasks.rehearsal.proving import Findings, doubt, doubting, proving
from tasks.rehearsal.report import report_rehearsal
from tasks.rehearsal.reverse_name import NAME, given_address, prove_ptr
from tasks.rehearsal.spare import claim_spare, plan_rehearsal
from tasks.rehearsal.wiped import prove_wipe
from tasks.release import begin_release, give_back_untouched
from tasks.rescue import leave_rescue, start_rescue, wait_for_rescue
from tasks.wipe import clear_disks, permit_wipe, release_claim, wait_until_clear

INSTALLATIONS_TO_END = 3
"""One that was over before it could be ended proves nothing; after so many the panel is too quick for us."""


@flow(name="rehearse", flow_run_name="rehearse-{panel}-server-{server}", persist_result=False)
async def rehearse(
    panel: PanelName,
    server: int,
    clear_its_disks: bool = False,
    os_template: str | None = None,
    ip_pool: str | None = None,
) -> None:
    """Play every call of the lifecycles on one spare server and keep a proof of each. The server's disks are cleared.

    Args:
        panel: The panel, as named in its block dcimanager-panel/<name>.
        server: The number of a server that is free and that nobody needs. All that is on it is lost.
        clear_its_disks: Say yes here. Without it nothing is touched.
        os_template: The template to install. Empty: one of the server's location that it does not have.
        ip_pool: The pool to take an address from. Empty: the first with a free address.
    """
    quiet_expected_ends()
    accepted_calls.set({})
    if not clear_its_disks:
        raise StepRefused(
            f"A rehearsal clears the disks of server {server}, and that was not agreed to: set clear_its_disks, or "
            f"answer yes to `dciflow panel rehearse {panel} --server {server}`. Nothing was touched."
        )
    interrupted = await rehearsals.of_server(ledger(), panel, server)
    planned = interrupted.order if interrupted is not None else None
    order = planned or await plan_rehearsal(panel, server, os_template, ip_pool)
    findings = Findings()

    async def once() -> None:
        begun = await rehearsals.begin(
            ledger(), panel=panel, server_id=server, flow_run_id=run_id(), order=order, now=clock().now()
        )
        with alert_on_failure("rehearse", begun.service_id, panel):
            async with open_request(Asked("rehearse", begun.service_id, panel, "admin")) as request:
                if request.service.state is State.HELD:
                    raise StepRefused(
                        f"The rehearsal on server {server} is HELD ({request.service.held_reason}): look at the "
                        f"server, then dciflow held release {begun.service_id} --why ..., and start it again."
                    )
                await play(begun.service_id, server, findings)

    with one_line_of_the_unforeseen():
        await restart_on_outage(once)


async def play(service_id: int, server: int, findings: Findings) -> None:
    """The rehearsal from wherever it stands, to the free and cleared server."""
    service = await load_service(service_id)
    if service.state is State.RELEASED:  # interrupted at its very end
        await report_rehearsal(service, findings)
        return
    if service.state not in (State.RELEASING, State.ERASING):
        service = await claim_spare(service, server)
        await _give_to_its_user(service)
        await prove_owner(service, findings)
        await prove_key(service, findings)
        await prove_login(service, findings)
        await prove_lookups(service, findings)
        await end_running_operation(service)
        await _ports(service, findings)
        await _power(service, findings)
        await _host_name(service, findings)
        await _addresses(service, findings)
        await _installations(service, findings)
        await _rescue(service, findings)
    await _give_back(service, findings)
    await report_rehearsal(service, findings)


async def _give_to_its_user(service: Service) -> None:
    """Make the rehearsal's user and give it the server; where that fails, the server goes back at once."""
    try:
        owner_id = await find_or_create_owner(service)
        taken = not await set_owner(service, owner_id)
    except WrongCredentials:
        raise
    except (StepRefused, PanelRefused, UnexpectedPanelResponse):
        await give_back_untouched(service)
        raise
    if taken:
        raise StepRefused("Somebody took the server by hand: it is left alone. Name another one.")


async def _ports(service: Service, findings: Findings) -> None:
    """Switch the server's network ports off and on again; the BMC's have to stay as they are."""
    ports = (await own_server(service)).network_ports
    if not ports:
        doubt(findings, "the server has no network ports: name one that has", "port_off", "port_on")
        return
    if not any(port.admin_up for port in ports):
        async with proving(service, findings, "port_on", judge=ports_went(True), words=WordKind.PORT):
            await enable_ports(service)
    async with proving(service, findings, "port_off", judge=ports_went(False), words=WordKind.PORT):
        await disable_ports(service)
    async with proving(service, findings, "port_on", judge=ports_went(True), words=WordKind.PORT):
        await enable_ports(service)


async def _power(service: Service, findings: Findings) -> None:
    """Switch the server on; one that is on is switched off first. Then off, and on again by a reboot."""
    if (await own_server(service)).power is not Power.OFF:
        async with proving(service, findings, "power_off", judge=power_went(Power.OFF), words=WordKind.POWER):
            await power_off(service)
    async with proving(service, findings, "power_on", judge=power_went(Power.ON), words=WordKind.POWER):
        await power_on(service)
    async with proving(service, findings, "power_off", judge=power_went(Power.OFF), words=WordKind.POWER):
        await power_off(service)
    if (await own_server(service)).power is Power.OFF:
        async with proving(service, findings, "power_reset", judge=power_went(Power.ON), words=WordKind.POWER):
            await reboot(service, await reboot_attempt(service))
    with doubting(findings, "power_on"):
        await power_on(service)


async def _host_name(service: Service, findings: Findings) -> None:
    """Give the server another host name, then the one that it had; where it had none, ours stays until its sale."""
    before = shown_name(await own_server(service))
    name = NAME if before != NAME else f"again.{NAME}"  # an interrupted rehearsal left it behind
    async with proving(service, findings, "host_name_set", judge=host_name_went(name)):
        await set_host_name(service, name)
    if before:
        with doubting(findings, "host_name_set"):
            await set_host_name(service, before)


async def _addresses(service: Service, findings: Findings) -> None:
    with doubting(findings, "address_remove"):
        await release_addresses(service)
    with doubting(findings, "address_add"):
        await assign_addresses(service)
        await prove_addresses(service, findings)
    with doubting(findings, "ptr_set"):
        address = await given_address(service)
        await set_reverse_name(service, address, "")
        await set_reverse_name(service, address, NAME)
        await prove_ptr(service, findings, address)
        await set_reverse_name(service, address, "")


async def _installations(service: Service, findings: Findings) -> None:
    """One of an unknown template, one that is ended, and one to its end."""
    with doubting(findings, "os_install"):
        await refuse_unknown_template(service, findings)
        for _ in range(INSTALLATIONS_TO_END):
            attempt = await install_attempt(service)
            operation_id = await deploy_os(service, attempt)
            was_over = False
            with doubting(findings, "operation_end"):  # an installation that does not end is waited for
                was_over = not await end_installation(service, findings, attempt, operation_id)
            if not was_over:
                break
        await deploy_os(service, await install_attempt(service))
        await wait_for_os(service)
        await prove_installation(service, findings)


async def _rescue(service: Service, findings: Findings) -> None:
    """Boot the server into the rescue system and out of it; what is on its disks is not looked at."""
    async with proving(service, findings, "rescue_start", judge=rescue_began, words=WordKind.OPERATION):
        await start_rescue(service, "admin")
        await wait_for_rescue(service)
    async with proving(service, findings, "rescue_leave", judge=rescue_ended):
        await leave_rescue(service)


async def _make_reachable(service: Service, findings: Findings) -> None:
    """Ports and power on, as a deletion does; a server whose ports stay off can be given back all the same."""
    with doubting(findings, "port_on"):
        await enable_ports(service)
    with doubting(findings, "power_on"):
        await power_on(service)


async def _give_back(service: Service, findings: Findings) -> None:
    """The steps of a deletion, each proved."""
    await confirm_identity(service)
    if await begin_release(service):
        await _make_reachable(service, findings)
        await end_running_operation(service)
        await clear_ptrs(service)
        await release_addresses(service)
        await prove_removal(service, findings)
        await clear_owner(service)
        await prove_cleared(service, findings)
    permit_id = await permit_wipe(service)
    await clear_disks(service, permit_id)
    await wait_until_clear(service, permit_id)
    await prove_wipe(service, findings, permit_id)
    await release_claim(service, permit_id)
    run_log().info("the server is free again")
