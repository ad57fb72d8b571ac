"""Each stored panel: how it is reached, whether it lets us in, and what backs the calls on clients' servers."""

from collections import Counter

from pydantic import ValidationError

from dciflow.cli_support import first_fault
from dciflow.doctor.findings import Answer, Check, Finding, look, ok, wrong
from dcimanager.endpoints import load_dialect
from dcimanager.errors import PanelError, WrongCredentials
from dcimanager.panel import Panel
from dcimanager.transport import PanelAccess
from runtime import connections
from runtime.blocks import DcimanagerPanel
from runtime.gate import entries_of, needed, remedy
from runtime.ledger_time import skews
from runtime.settings import settings


async def panel_checks() -> list[Check]:
    """A check for each panel that Prefect has credentials of. Raises PrefectUnreachable."""
    names = await connections.stored_panels()
    if not names:
        none = look("no panel is stored, so nothing can be sold", "dciflow panel add NAME --url ... --username ...")
        return [Check("panels", lambda: [none])]
    return [Check(f"panel {name}", lambda name=name: check_panel(name)) for name in names]  # type: ignore[misc]


async def check_panel(name: str) -> Answer:
    """Look at one panel. Raises LedgerError."""
    try:
        panel = await opened(name)
    except ValueError as error:  # what Prefect raises for a block that is not there, and pydantic for what is in it
        why = first_fault(error) if isinstance(error, ValidationError) else "it cannot be read"
        return [
            wrong(f"its block cannot be used ({why})", f"dciflow panel add {name} --url https://... --username ...")
        ]
    try:
        return await _look_at(name, panel)
    finally:
        await panel.aclose()


async def opened(name: str) -> Panel:
    """The panel of the block, without a word to the ledger: a run would note there that it knows the panel."""
    block: DcimanagerPanel = await DcimanagerPanel.aload(name)
    access = PanelAccess(
        name=name, url=block.url, username=block.username, password=block.password, verify_tls=block.verify_tls
    )
    return Panel(access, load_dialect(settings().endpoints_file))


async def _look_at(name: str, panel: Panel) -> Answer:
    found: list[Finding] = []
    access = panel.transport.access
    if not access.verify_tls:
        what = "its certificate is not verified: whoever is on the wire gets its password"
        found.append(wrong(what, f"make its authority known to the machine, then dciflow panel add {name}"))
    try:
        await panel.login()
    except WrongCredentials as refused:
        return [*found, wrong(str(refused), f"dciflow panel add {name}, with the password that is right now")]
    except PanelError as error:
        return [*found, wrong(str(error), "start the panel, or correct its address")]
    found += [wrong(line, "until then nothing is wiped") for line in skews(None, panel)]
    standing = await entries_of(panel)
    stands = {entry: standing[entry] for entry in needed()}  # what is optional, its own action tells of
    counted = Counter(one.status for one in stands.values())
    if counted["unproved"]:
        what = f"{counted['unproved']} of {len(stands)} calls on clients' servers are neither proved nor trusted"
        found.append(wrong(what, remedy(name)))
    elif counted["sold-before"]:
        what = f"{counted['sold-before']} calls are used only because the panel sold before proofs were kept"
        found.append(look(what, remedy(name)))
    return found or [ok(f"it lets us in, and its {len(stands)} calls are proved or trusted")]
