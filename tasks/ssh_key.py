"""An SSH key for the OS that a reinstallation brings: the client's, in the list of their own panel user.

The key is public, and yet it stands in no name, tag, artifact or log line: it says whose it is on other machines, too.
"""

from ledger.snapshots import Service
from runtime.driver import driving
from runtime.errors import StepRefused
from runtime.gate import SSH_KEY, is_answered_for
from runtime.run_log import run_log
from runtime.steps import ensures
from tasks.own_user import own_user


@ensures(
    "the panel user has the SSH key",
    run_name="give the SSH key to the panel user of service {service.service_id}",
)
async def keep_ssh_key(service: Service, public_key: str) -> int:
    """The id of the key in the list of the service's own panel user, found there by its content or added once.

    It stays in that list, where the client may remove it, whatever becomes of the reinstallation. Where the answer is
    lost the step is repeated, and looks again before it adds: at worst the list has the key twice.
    Refused: nobody answers for the calls; the user is an administrator or not the client's own; the panel says no.
    Source: docs/sources.md, panel 3.6.
    """
    drive = driving(service)
    panel = await drive.panel()
    missing = [entry for entry in SSH_KEY if not await is_answered_for(panel, entry)]
    if missing:
        named = " ".join(f"--entry {entry}" for entry in missing)
        raise StepRefused(
            f"Panel {panel.name}: nobody answers for {', '.join(missing)}, so no SSH key is given to a server there. "
            f"Nothing was touched. Ask again without the key, or: dciflow panel trust {panel.name} {named} --why ..."
        )
    user_id = await own_user(service, "no SSH key is given")

    key_id = await panel.users.find_ssh_key(user_id, public_key)
    if key_id is not None:
        run_log().info("panel %s: user %s has the SSH key already: key %s", panel.name, user_id, key_id)
        return key_id
    await drive.fresh()
    name = f"service-{service.service_id}"
    added = await panel.users.add_ssh_key(user_id, name=name, public_key=public_key)
    key_id = added or await panel.users.find_ssh_key(user_id, public_key)
    if key_id is None:
        raise StepRefused(
            f"Panel {panel.name} took an SSH key for user {user_id} and does not show it. The server was not touched: "
            "look at the user's keys there, then ask again."
        )
    run_log().info("panel %s: user %s was given SSH key %s", panel.name, user_id, key_id)
    return key_id
