"""No client's server on an unproved dialect (safety rule 22): which entries each action needs, and whether they count.

An entry counts while its newest row in the ledger was made of the call as it is, and each word that it rests on still
means what it meant. A changed entry or word has to be proved anew.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Literal
from weakref import WeakKeyDictionary

from pydantic import BaseModel, ConfigDict

from dcimanager.endpoints import Dialect
from dcimanager.panel import Panel
from dcimanager.words import WordKind
from ledger.proofs import EVERY_ENTRY, Backing, EntryProof, of_panel, record
from ledger.snapshots import Service
from runtime.clock import clock, seconds
from runtime.connections import ledger
from runtime.errors import StepRefused
from runtime.run_log import run_log

Status = Literal["proved", "trusted", "sold-before", "unproved"]

NEEDED: Mapping[str, tuple[str, ...]] = {
    "activate": (
        "user_create",
        "owner_set",
        "port_on",
        "power_on",
        "operation_end",
        "address_list",
        "address_remove",
        "address_add",
        "os_install",
    ),
    "watch-os-install": ("operation_end",),
    "reinstall": ("os_install", "operation_end"),
    "suspend": ("port_off",),
    "unsuspend": ("port_on",),
    "terminate": (
        "port_off",
        "port_on",
        "power_on",
        "operation_end",
        "address_list",
        "address_remove",
        "owner_clear",
        "diagnostics",
    ),
}
"""The entries that each action destroys or hands out with, in the order in which it first uses them.

terminate needs port_off for its wipe delay. Of the reads only address_list is here: it decides which addresses are
taken off, it is a guess, and nothing else would notice an answer that is another server's. The others cannot mislead:
server_list, server_get and user_list are documented, and the server's identity is compared with what was recorded;
operation_get is a guess, but an answer about another operation is refused; a wrong list of templates, pools or
locations gives an order that the panel refuses, and a rehearsal installs from the same lists.
"""

ERRANDS_NEED: Mapping[str, tuple[str, ...]] = {
    "power": ("power_on", "power_off", "power_reset"),
    "change-addresses": ("address_list", "address_add", "address_remove"),
    "change-order": ("address_list", "address_add"),
    "set-ptr": ("address_list", "ptr_set"),
    "rename": ("host_name_set",),
    "sign-in": ("key_create",),
    "rescue": ("rescue_start", "rescue_leave"),
}
"""The same of the errands after the sale. No order and no deletion waits for these: unproved, an errand is off."""
OPTIONAL: Mapping[str, tuple[str, ...]] = {"suspend": ("power_off", "power_on"), "terminate": ("ptr_set",)}
"""What an action calls besides where a product asks for it: unless they count, it does without, and says so.

suspend needs power_on for what comes after it: nothing is switched off that nobody may switch on again. terminate
clears the reverse names that its service has set.
"""
SSH_KEY: tuple[str, ...] = ("ssh_key_list", "ssh_key_create", "os_install_with_key")
"""What lets a client in by an SSH key: no rehearsal can show that a key opens the server that it was given to."""
BY_NAME: tuple[str, ...] = ("server_traffic", "address_add_ipv6", *SSH_KEY)
"""Entries that no rehearsal proves: numbers that clients are billed by, IPv6, which few pools have, and SSH keys. A
person has to answer for each by its name; their word for all that clients' servers need does not cover them."""

RESTS_ON: Mapping[str, tuple[WordKind, ...]] = {
    "port_on": (WordKind.PORT,),
    "port_off": (WordKind.PORT,),
    "power_on": (WordKind.POWER,),
    "power_off": (WordKind.POWER,),
    "power_reset": (WordKind.POWER,),
    "operation_end": (WordKind.OPERATION,),
    "address_list": (WordKind.ADDRESS,),
    "address_add": (WordKind.ADDRESS,),
    "os_install": (WordKind.OPERATION, WordKind.OPERATION_TYPE),
    "diagnostics": (WordKind.OPERATION, WordKind.OPERATION_TYPE),
    "rescue_start": (WordKind.OPERATION,),
}
"""The kinds of words by which a call's outcome is read. An entry that is not here rests on none."""

REMEMBERED_SECONDS = 60.0
"""A suspension is measured in milliseconds. What counted counts on: a process reads its table of endpoints once."""


class EntryStatus(BaseModel):
    """Whether one entry may be used for clients' servers, and by which row of the ledger."""

    model_config = ConfigDict(frozen=True)

    entry: str
    status: Status
    by: EntryProof | None
    """Unproved: the newest row, made of another call or of words with other meanings; None: there is none."""

    @property
    def is_certain(self) -> bool:
        """Whether the entry was proved, or a person has answered for it."""
        return self.status in ("proved", "trusted")

    def sentence(self) -> str:
        """What backs the entry, for people. Not escaped: it has what a person typed."""
        if self.by is None:
            return "unproved"
        on = f"{self.by.at:%Y-%m-%d}"
        match self.status:
            case "proved":
                return f"proved on {on} by run {self.by.flow_run_id or '-'}"
            case "trusted":
                return f"trusted by {self.by.who} on {on} ({self.by.why})"
            case "sold-before":
                return "sold before proofs were kept"
            case _:
                return f"unproved: changed since it was {_BACKED[self.by.backing]} on {on}"


_BACKED: Mapping[Backing, str] = {
    Backing.PROVED: "proved",
    Backing.TRUSTED: "trusted",
    Backing.SOLD_BEFORE: "last used",
}


def words_of(dialect: Dialect, entry: str) -> dict[str, dict[str, str]]:
    """The words that an entry rests on, with their meanings: kind, word, meaning."""
    kinds = RESTS_ON.get(entry, ())
    return {kind.value: {word.word: word.means for word in dialect.vocabulary.of(kind)} for kind in kinds}


def status_of(dialect: Dialect, proofs: Iterable[EntryProof]) -> dict[str, EntryStatus]:
    """How each entry that any action or errand needs stands, given a panel's rows, the newest first."""
    newest: dict[str, EntryProof] = {}
    for proof in proofs:
        newest.setdefault(proof.entry, proof)
    return {entry: _status(dialect, entry, newest) for entry in provable()}


def needed(actions: Collection[str] = NEEDED.keys()) -> list[str]:
    """The entries that any of these actions needs, each once."""
    return list(dict.fromkeys(entry for action in actions for entry in NEEDED[action]))


def provable() -> list[str]:
    """Every entry that can be proved or trusted, each once: what actions need, may use besides, and errands need."""
    return list(dict.fromkeys([*needed(), *_besides(OPTIONAL), *_besides(ERRANDS_NEED)]))


def _besides(table: Mapping[str, tuple[str, ...]]) -> list[str]:
    return [entry for entries in table.values() for entry in entries]


async def entries_of(panel: Panel) -> dict[str, EntryStatus]:
    """How each entry of a panel stands now. Raises LedgerError."""
    return status_of(panel.dialect, await of_panel(ledger(), panel.name))


async def is_answered_for(panel: Panel, entry: str) -> bool:
    """Whether a person has answered for an entry of BY_NAME, as it is now. Raises LedgerError."""
    newest = next((row for row in await of_panel(ledger(), panel.name) if row.entry == entry), None)
    return newest is not None and newest.backing is Backing.TRUSTED and _still_holds(panel.dialect, entry, newest)


async def require_proofs(panel: Panel, service: Service, action: str) -> None:
    """Let an action on a client's server begin only if the panel is known to do what its entries say.

    A panel that sold before proofs were kept may go on; the run's log gets one line about it. Rehearsals pass.
    Raises StepRefused: an entry is neither proved nor trusted; LedgerError.
    """
    if service.is_rehearsal:
        return
    tolerated = await require_entries(panel, service, NEEDED[action], what=action)
    if tolerated:
        run_log().warning(
            "panel %s: %s %s neither proved nor trusted; it goes on because it sold before proofs were kept. %s",
            panel.name,
            ", ".join(tolerated),
            _are(tolerated),
            remedy(panel.name),
        )


async def require_entries(panel: Panel, service: Service, entries: Collection[str], *, what: str) -> list[str]:
    """Those of the entries that only pass because the panel sold before proofs were kept. Rehearsals pass.

    `what`: what is not begun otherwise. Raises StepRefused: an entry is neither proved nor trusted; LedgerError.
    """
    if service.is_rehearsal:
        return []
    found = _remembered(panel)
    if found is None or any(found[entry].status == "unproved" for entry in entries):
        found = await entries_of(panel)
        await _pin(panel, found)
        _seen[panel] = seconds(), found
    missing = [found[entry] for entry in entries if found[entry].status == "unproved"]
    if missing:
        names = ", ".join(_name(one) for one in missing)
        raise StepRefused(
            f"Panel {panel.name}: {names} {_are(missing)} neither proved nor trusted, so {what} was not begun for "
            f"service {service.service_id}. {remedy(panel.name)}"
        )
    return [entry for entry in entries if found[entry].status == "sold-before"]


async def _pin(panel: Panel, found: Mapping[str, EntryStatus]) -> None:
    """Keep with which calls a panel sold before proofs were kept: a call that is written later is not one of them."""
    for entry, one in found.items():
        if one.status == "sold-before" and one.by is not None and one.by.entry == EVERY_ENTRY:
            await record(
                ledger(),
                panel=panel.name,
                entry=entry,
                call=panel.dialect[entry].call,
                words=words_of(panel.dialect, entry),
                backing=Backing.SOLD_BEFORE,
                who=one.by.who,
                why=one.by.why,
                now=clock().now(),
            )


def remedy(panel: str) -> str:
    """The two commands by which a panel's entries come to count."""
    return (
        f"Prove them on a spare server: dciflow panel rehearse {panel} --server N; or answer for them yourself: "
        f"dciflow panel trust {panel} --why ..."
    )


_seen: "WeakKeyDictionary[Panel, tuple[float, dict[str, EntryStatus]]]" = WeakKeyDictionary()
"""What the ledger said last of each session's panel, and when. Another table of endpoints is another session."""


def _remembered(panel: Panel) -> dict[str, EntryStatus] | None:
    at, found = _seen.get(panel, (0.0, None))
    return found if found is not None and 0 <= seconds() - at < REMEMBERED_SECONDS else None


def _status(dialect: Dialect, entry: str, newest: Mapping[str, EntryProof]) -> EntryStatus:
    proof, before = newest.get(entry), newest.get(EVERY_ENTRY)
    if proof is not None and _still_holds(dialect, entry, proof):
        return EntryStatus(entry=entry, status=_COUNTS_AS[proof.backing], by=proof)
    # What was proved or trusted once and was changed since is not what was sold before; nor did errands exist then.
    was_used = proof is None and entry in needed()
    if was_used and before is not None and before.backing is Backing.SOLD_BEFORE:
        return EntryStatus(entry=entry, status="sold-before", by=before)
    return EntryStatus(entry=entry, status="unproved", by=proof)


_COUNTS_AS: Mapping[Backing, Status] = {
    Backing.PROVED: "proved",
    Backing.TRUSTED: "trusted",
    Backing.SOLD_BEFORE: "sold-before",
}


def _still_holds(dialect: Dialect, entry: str, proof: EntryProof) -> bool:
    """Whether the call is the same to the letter, and every word of the proof means what it meant then."""
    return dialect[entry].call == proof.call and all(
        dialect.vocabulary.meaning(WordKind(kind), word) == meaning
        for kind, words in proof.words.items()
        for word, meaning in words.items()
    )


def _name(status: EntryStatus) -> str:
    if status.by is None:
        return status.entry
    return f"{status.entry} (changed since it was {_BACKED[status.by.backing]} on {status.by.at:%Y-%m-%d})"


def _are(entries: Collection[object]) -> str:
    return "is" if len(entries) == 1 else "are"
