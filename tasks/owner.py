"""The panel user who owns the server: found by the client's e-mail, made if missing, set, and cleared again."""

import secrets
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial

from pydantic import SecretStr

from dcimanager.errors import PanelRefused
from dcimanager.panel import Panel
from dcimanager.servers import Server
from dcimanager.users import User
from ledger import claims, panel_users, results, services
from ledger.hold_reasons import HoldReason
from ledger.snapshots import Claim, Service
from ledger.states import State
from ledger.step_names import StepName
from runtime.clock import clock
from runtime.connections import ledger, whmcs_api
from runtime.driver import driving
from runtime.errors import Held, StepRefused
from runtime.polling import poll
from runtime.run_log import run_log
from runtime.steps import create_once, creates, ensures, key_for
from tasks import intents
from tasks.already import so_already
from tasks.identity import (
    check_hardware,
    check_owner,
    claim_of,
    own_server,
    read_server,
    same_email,
    until,
)
from tasks.stand_ins import stand_in_client
from tasks.whose import confirm_whose, whmcs_row
from whmcs.clients import Client

OWNER_SECONDS = 60
"""Setting an owner answers at once on the panels we know of; a minute covers one that does it as a task."""


@creates(
    "a panel user for the client",
    run_name="find or create the panel user of service {service.service_id}",
    calls=("user_create",),
)
async def find_or_create_owner(service: Service) -> int:
    """The id of the panel user with the client's e-mail; made with a random password when there is none.

    Refused: the e-mail is a panel administrator's: a client must never get an administrator's rights. Or the user is
    another client's, who had this e-mail before: a server must never be given to them (safety rule 16).
    Held: the answer to the creation was lost and looking did not work.
    Source: DCImanager manual, Integration with WHMCS, "Service activation", step 2.
    """
    drive = driving(service)
    service = await drive.fresh()
    panel = await drive.panel()
    client = await _client(service, panel)
    entry = await intents.record_intent(service, StepName.OWNER)

    owner_id = await user_of(panel, client, lost_since=intents.lost_since(entry), service=service)
    await intents.record_result(service, entry, user=owner_id)
    return owner_id


async def user_of(panel: Panel, client: Client, *, service: Service, lost_since: datetime | None = None) -> int:
    """The panel user of this client, found by e-mail or made, and remembered as theirs. Raises as the step above."""

    async def look(among_all: bool = False) -> int | None:
        user = await panel.users.find(client.email, among_all=among_all)
        if user is not None:
            await _check_user(panel, user, client.id, service)
        return None if user is None else user.id

    user_id = await create_once(
        look=look,
        send=lambda: _create(panel, client, lambda: look(among_all=True)),
        what="the creation of a panel user",
        lost_since=lost_since,
    )
    if not service.is_rehearsal:
        whose = await panel_users.remember(
            ledger(), panel=panel.name, user_id=user_id, client_id=client.id, now=clock().now()
        )
        check_remembered(panel, user_id, whose, client.id)
    return user_id


async def _check_user(panel: Panel, user: User, client_id: int, service: Service) -> None:
    """Raises StepRefused: the user with the client's e-mail is an administrator, or another client's."""
    if user.is_admin:
        raise StepRefused(
            f"The e-mail of client {client_id} belongs to an administrator of panel {panel.name}: a client's "
            "server cannot be given to them. "
            "Change the client's e-mail in WHMCS, or the administrator's on the panel."
        )
    if not service.is_rehearsal:
        whose = await panel_users.client_of(ledger(), panel.name, user.id)
        check_remembered(panel, user.id, whose, client_id)


def check_remembered(panel: Panel, user_id: int, whose: int | None, client_id: int) -> None:
    """Raises StepRefused: the panel user is remembered as another client's. None: nobody's yet."""
    if whose not in (None, client_id):
        raise StepRefused(
            f"Panel user {user_id} has the e-mail of client {client_id} and was made for client {whose}. Correct the "
            f"e-mail of one of them on panel {panel.name} or in WHMCS; if both clients are one person by now, say so: "
            f"dciflow panel user {panel.name} {user_id} --client {client_id}"
        )


async def _client(service: Service, panel: Panel) -> Client:
    """Whom the server is for: WHMCS's client; a rehearsal's is a stand-in."""
    if service.is_rehearsal:
        return stand_in_client(panel, service)
    return await (await whmcs_api()).clients.get((await whmcs_row(service)).client_id)


async def _create(panel: Panel, client: Client, look_among_all: Callable[[], Awaitable[int | None]]) -> int | None:
    # The client gets into the panel by the panel's own "forgot password" or by a login link, never by this one.
    password = SecretStr(secrets.token_urlsafe(24))
    try:
        return await panel.users.create(
            email=client.email, full_name=client.full_name, password=password, phone=client.phone
        )
    except PanelRefused:
        # Another service of the same client may have made the user since our look, or the panel has the user in another
        # spelling, which its filter distinguishes and its creation does not.
        found = await look_among_all()
        if found is not None:
            return found
        if client.phone is None:
            raise
    # A telephone number is optional: it keeps no client from their server.
    made = await panel.users.create(email=client.email, full_name=client.full_name, password=password, phone=None)
    run_log().warning("the panel user of client %s is made without the telephone number, which it refused", client.id)
    return made


@ensures(
    "the client owns the server",
    run_name="make user {owner_id} the owner of the server of service {service.service_id}",
    calls=("owner_set",),
)
async def set_owner(service: Service, owner_id: int) -> bool:
    """Make the client the server's owner and read it back. False: somebody else took the server by hand first.

    A server taken by hand is left alone and its claim dropped. Held: it was ours already and is not any more.
    Source: DCImanager manual, Integration with WHMCS, "Service activation", step 3.
    """
    drive = driving(service)
    service = await drive.fresh()
    claim = claim_of(service)
    if claim.owner_id is not None:
        await own_server(service)
        return True
    panel = await drive.panel()
    user = await panel.users.get(owner_id)
    if user is None:
        await results.delete(drive.ledger, key_for(find_or_create_owner.name, service))
        raise StepRefused(
            f"User {owner_id} is gone from panel {panel.name}. Press Retry: the user will be looked for again."
        )
    started = drive.now()
    asked = False
    while True:
        server = await read_server(panel, claim)
        check_hardware(server, claim)
        if same_email(user.email, server.owner_email):
            await drive.write(claims.record_owner, owner_id)
            return True
        if server.owner_email is not None:
            if service.is_rehearsal and (asked or service.state is State.PREPARING):
                raise Held(
                    HoldReason.OWNER_CHANGED,
                    f"Server {server.id} was to be owned by user {owner_id}, and the panel shows somebody else: either "
                    "[owner_set] of the dialect does something else, or a person took the server.",
                    server=server.id,
                )
            await drive.write(claims.drop)
            return False
        if not asked:
            await confirm_whose(service)
            await drive.write(services.advance, State.PREPARING)
            await so_already(
                panel.servers.set_owner(server.id, owner_id),
                partial(_is_owned_by, panel, claim, user.email),
                what=f"making user {owner_id} the owner of server {server.id}",
            )
            asked = True
        elif drive.elapsed(started).total_seconds() >= OWNER_SECONDS:
            raise StepRefused(f"The panel did not make user {owner_id} the owner of server {server.id}. Press Retry.")
        else:
            await drive.sleep(2)


async def replace_owner(service: Service, owner_id: int) -> None:
    """Make another panel user the server's owner in place of the recorded one, and read it back. May be called again.

    Held: the server is neither the recorded owner's nor the new one's, or is another machine.
    """
    drive = driving(service)
    claim, panel = claim_of(service), await drive.panel()
    user = await panel.users.get(owner_id)
    if user is None:
        raise StepRefused(f"User {owner_id} is gone from panel {panel.name}. Hand the service over again.")

    async def look() -> Server:
        server = await read_server(panel, claim)
        check_hardware(server, claim)
        return server

    server = await look()
    if same_email(user.email, server.owner_email):
        return
    await check_owner(panel, server, claim.owner_id)
    await drive.fresh()
    await panel.servers.set_owner(server.id, owner_id)
    await poll(
        look,
        lambda seen: same_email(user.email, seen.owner_email),
        within_seconds=OWNER_SECONDS,
        otherwise=f"The panel did not make user {owner_id} the owner of server {server.id}. Hand it over again.",
    )


@ensures(
    "the server has no owner",
    run_name="take the owner off the server of service {service.service_id}",
    calls=("owner_clear",),
)
async def clear_owner(service: Service) -> None:
    """Take the client off the server and read it back.

    The intent is noted first: from then on a server without an owner is still the service's own.
    Source: DCImanager manual, Integration with WHMCS, "Service deletion", step 5.
    """
    drive = driving(service)
    server = await own_server(service)
    if server.owner_email is None:
        return
    await intents.record_intent(service, StepName.CLEAR_OWNER)
    panel = await drive.panel()
    await so_already(
        panel.servers.clear_owner(server.id),
        partial(_has_no_owner, service),
        what=f"taking the owner off server {server.id}",
    )
    await until(
        service,
        lambda seen: seen.owner_email is None,
        within_seconds=OWNER_SECONDS,
        otherwise=f"The panel did not take the owner off server {server.id}. Press Retry.",
    )


async def _is_owned_by(panel: Panel, claim: Claim, email: str) -> bool:
    return same_email(email, (await read_server(panel, claim)).owner_email)


async def _has_no_owner(service: Service) -> bool:
    return (await own_server(service)).owner_email is None
