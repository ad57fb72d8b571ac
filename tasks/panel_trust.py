"""A person answers for entries of a panel's dialect: their name, reason and the exact calls are kept."""

from collections.abc import Collection

from dcimanager.panel import Panel
from ledger import proofs
from ledger.proofs import Backing
from runtime.clock import clock
from runtime.connections import ledger
from runtime.errors import StepRefused
from runtime.gate import BY_NAME, entries_of, provable, words_of


async def trust(panel: Panel, entries: Collection[str], *, who: str, why: str) -> list[str]:
    """Record that a person answers for these entries as they are now; returns them.

    Without any, for all that clients' servers need or may use but those that are proved: a proof says more than a word.
    What no rehearsal proves has to be named (`BY_NAME`).
    Raises StepRefused: an entry is none that needs it; LedgerError.
    """
    known = [*provable(), *BY_NAME]
    unknown = sorted(set(entries) - set(known))
    if unknown:
        raise StepRefused(
            f"{', '.join(unknown)}: no entry that has to be proved or trusted. Those are {', '.join(known)}."
        )
    stands = await entries_of(panel)
    chosen = [one for one in provable() if one in entries or (not entries and stands[one].status != "proved")]
    chosen += [one for one in BY_NAME if one in entries]
    for entry in chosen:
        await proofs.record(
            ledger(),
            panel=panel.name,
            entry=entry,
            call=panel.dialect[entry].call,
            words=words_of(panel.dialect, entry),
            backing=Backing.TRUSTED,
            who=who,
            why=why,
            now=clock().now(),
        )
    return chosen
