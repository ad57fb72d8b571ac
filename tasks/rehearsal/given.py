"""What the rehearsal was given: its user, its server, its address. Each is proved by what the ledger noted before."""

from ledger.snapshots import Service
from ledger.step_names import StepName
from runtime.driver import driving
from runtime.errors import StepRefused
from runtime.steps import creates, reads
from tasks import intents
from tasks.identity import claim_of, own_server
from tasks.named_addresses import given_ids
from tasks.order import find_pool, order_of
from tasks.rehearsal.proving import Evidence, Findings, doubt, doubting, prove


@reads("the owner is proved", run_name="look at the owner of the rehearsal's server")
async def prove_owner(service: Service, findings: Findings) -> None:
    """Prove how a user is made and how an owner is set.

    The user's e-mail is this rehearsal's alone, and the server was claimed without an owner: who is there now came by
    these two calls.
    """
    service = await driving(service).fresh()
    server = await own_server(service)  # checks that the owner is the rehearsal's user
    owner_id = claim_of(service).owner_id
    user = await (await driving(service).panel()).users.get(owner_id or 0)
    if user is None or user.is_admin:
        doubt(findings, "the user that was made is an administrator, or is not there: correct its role", "user_create")
    else:
        seen = Evidence("no user with the rehearsal's e-mail", f"user {user.id} has it, as {', '.join(user.roles)}")
        await prove(service, findings, "user_create", seen)
    if server.owner_email is not None:
        await prove(service, findings, "owner_set", Evidence("no owner", f"owned by user {owner_id}, the rehearsal's"))


@creates("a key that nobody uses", run_name="make a key for the rehearsal's user, which nobody uses", kept=False)
async def prove_key(service: Service, findings: Findings) -> None:
    """Prove how a one-time key is made: the panel says whose it is. It is thrown away, and expires unused."""
    drive = driving(service)
    owner_id = claim_of(await drive.fresh()).owner_id
    panel = await drive.panel()
    user = None if owner_id is None else await panel.users.get(owner_id)
    if user is None or user.is_admin:
        doubt(findings, "the rehearsal's user is an administrator, or is not there: no key was made", "key_create")
        return
    with doubting(findings, "key_create"):
        await panel.users.create_key(user.id)
        await prove(service, findings, "key_create", Evidence("-", f"a key of user {user.id}, the rehearsal's"))


@reads("the addresses are proved", run_name="look at the addresses of the rehearsal's server")
async def prove_addresses(service: Service, findings: Findings) -> None:
    """Prove how an address is given, by the addresses before and after; and the list that tells them."""
    drive = driving(service)
    entry = await intents.latest(await drive.fresh(), StepName.ADDRESSES)
    server = await own_server(service)
    before = (entry.before or {}).get("addresses") if entry is not None else None
    given = (entry.result or {}).get("addresses") if entry is not None else None
    if not isinstance(before, list) or not isinstance(given, list):
        doubt(findings, "no address was given", "address_add")
        return
    panel = await drive.panel()
    listed = await panel.addresses.of_server(server.id)
    present = [one for one in listed if one.id in given]
    if not present or set(given) & set(before):
        doubt(findings, "the server does not show the address that was given", "address_add")
        return
    pool = await find_pool(panel, order_of(service), server.location_id)
    if {one.pool_id for one in present} - {None, pool.id}:
        doubt(findings, "the address is of another pool than the one that was asked for", "address_add")
        return
    told = "of the named pool" if present[0].pool_id == pool.id else "of a pool that the panel does not tell"
    seen = Evidence(f"{len(before)} address(es)", f"{len(present)} more, {told}")
    await prove(service, findings, "address_add", seen)
    if {one.address for one in listed} == {one.address for one in server.addresses}:
        seen = Evidence("-", f"{len(listed)} address(es), as the server's row shows")
        await prove(service, findings, "address_list", seen)
    else:
        doubt(findings, "it lists other addresses than the server's row shows", "address_list")


@reads("the removal of addresses is proved", run_name="look whether the rehearsal's server has addresses left")
async def prove_removal(service: Service, findings: Findings) -> None:
    """Prove how an address is taken away: the ledger has which were given, and the server shows none of them."""
    drive = driving(service)
    service = await drive.fresh()
    entry = await intents.latest(service, StepName.ADDRESSES)
    given = given_ids(entry)
    if not given:
        doubt(findings, "no address was given, so none could be taken away", "address_remove")
        return
    with doubting(findings, "address_remove"):
        left = await (await drive.panel()).addresses.of_server(claim_of(service).server_id)
        if left:
            doubt(findings, f"{len(left)} address(es) are left", "address_remove")
        else:
            await prove(service, findings, "address_remove", Evidence(f"{len(given)} address(es) were given", "none"))


@reads("the owner is off", run_name="look whether the rehearsal's server has no owner")
async def prove_cleared(service: Service, findings: Findings) -> None:
    """Prove how an owner is taken off: the ledger has who it was.

    Refused: the server still has one, so it cannot be given back.
    """
    owner_id = claim_of(await driving(service).fresh()).owner_id
    if owner_id is None or (await own_server(service)).owner_email is not None:
        raise StepRefused("The server still has its owner. Correct [owner_clear] and start the rehearsal again.")
    await prove(service, findings, "owner_clear", Evidence(f"owned by user {owner_id}, the rehearsal's", "no owner"))
