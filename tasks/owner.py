"""The panel user who owns the server: found by the client's e-mail, made if missing, set, and cleared again."""

import secrets
from collections.abc import Awaitable, Callable

from pydantic import SecretStr

from dcimanager.errors import Refused
from dcimanager.panel import Panel
from ledger import claims, results, services
from ledger.lifecycle import State
from ledger.snapshots import Service
from tasks import intents
from tasks.clock import clock
from tasks.connections import billing, ledger, panel_named
from tasks.effects import creates, ensures, key_for, make_once
from tasks.identity import (
    CLEAR_OWNER,
    check_hardware,
    claim_of,
    driver_of,
    fresh,
    own_server,
    read_server,
    same_email,
    until,
)
from tasks.outcomes import Refusal
from whmcs.clients import Client

STEP = "owner"

OWNER_SECONDS = 60
"""Setting an owner answers at once on the panels we know of; a minute covers one that does it as a task."""


@creates("a panel user for the client", run_name="find or create the panel user of service {service.service_id}")
async def find_or_create_owner(service: Service) -> int:
    """The id of the panel user with the client's e-mail; made with a random password when there is none.

    Refused: the e-mail is a panel administrator's: a client must never get his rights.
    Held: the answer to the creation was lost and looking did not work.
    Source: DCImanager manual, Integration with WHMCS, "Service activation", step 2.
    """
    service = await fresh(service)
    whmcs = await billing()
    client = await whmcs.clients.get((await whmcs.services.get(service.service_id)).client_id)
    panel = await panel_named(service.panel)
    entry = await intents.note(service, STEP)

    async def look(among_all: bool = False) -> int | None:
        user = await panel.users.find(client.email, among_all=among_all)
        if user is not None and user.is_admin:
            raise Refusal(
                f"The e-mail of client {client.id} belongs to an administrator of panel {panel.name}: a client's "
                "server cannot be given to him. "
                "Change the client's e-mail in WHMCS, or the administrator's on the panel."
            )
        return None if user is None else user.id

    owner_id = await make_once(
        look=look,
        send=lambda: _create(panel, client, lambda: look(among_all=True)),
        what="the creation of a panel user",
        lost_since=intents.lost_since(entry),
    )
    await intents.done(service, entry, user=owner_id)
    return owner_id


async def _create(panel: Panel, client: Client, look_among_all: Callable[[], Awaitable[int | None]]) -> int | None:
    # The client gets into the panel by the panel's own "forgot password" or by a login link, never by this one.
    password = SecretStr(secrets.token_urlsafe(24))
    try:
        return await panel.users.create(
            email=client.email, full_name=client.full_name, password=password, phone=client.phone
        )
    except Refused:
        # Another service of the same client may have made him between our look and now, or the panel has him in another
        # spelling, which its filter minded and its creation does not.
        found = await look_among_all()
        if found is None:
            raise
        return found


@ensures(
    "the client owns the server",
    run_name="make user {owner_id} the owner of the server of service {service.service_id}",
)
async def set_owner(service: Service, owner_id: int) -> bool:
    """Make the client the server's owner and read it back. False: somebody else took the server by hand first.

    A server taken by hand is left alone and its claim dropped. Held: it was ours already and is not any more.
    Source: DCImanager manual, Integration with WHMCS, "Service activation", step 3.
    """
    service = await fresh(service)
    claim = claim_of(service)
    if claim.owner_id is not None:
        await own_server(service)
        return True
    panel = await panel_named(service.panel)
    user = await panel.users.get(owner_id)
    if user is None:
        await results.delete(ledger(), key_for(find_or_create_owner.name, service))
        raise Refusal(f"User {owner_id} is gone from panel {panel.name}. Press Retry: he will be looked for again.")
    started = clock().now()
    asked = False
    while True:
        server = await read_server(panel, claim)
        check_hardware(server, claim)
        if same_email(user.email, server.owner_email):
            await claims.record_owner(ledger(), driver_of(service), owner_id, now=clock().now())
            return True
        if server.owner_email is not None:
            await claims.drop(ledger(), driver_of(service), now=clock().now())
            return False
        if not asked:
            await services.advance(ledger(), driver_of(service), State.PREPARING, now=clock().now())
            await panel.servers.set_owner(server.id, owner_id)
            asked = True
        elif clock().elapsed(started).total_seconds() >= OWNER_SECONDS:
            raise Refusal(f"The panel did not make user {owner_id} the owner of server {server.id}. Press Retry.")
        else:
            await clock().sleep(2)


@ensures("the server has no owner", run_name="take the owner off the server of service {service.service_id}")
async def clear_owner(service: Service) -> None:
    """Take the client off the server and read it back.

    The intent is noted first: from then on a server without an owner is still the service's own.
    Source: DCImanager manual, Integration with WHMCS, "Service deletion", step 5.
    """
    server = await own_server(service)
    if server.owner_email is None:
        return
    await intents.note(service, CLEAR_OWNER)
    await (await panel_named(service.panel)).servers.clear_owner(server.id)
    await until(
        service,
        lambda seen: seen.owner_email is None,
        within_seconds=OWNER_SECONDS,
        otherwise=f"The panel did not take the owner off server {server.id}. Press Retry.",
    )
