"""The life of a service: its states, one sentence each, and the moves between them.

The picture in docs/steps.md is generated from it (`make docs`) and a test compares the two.
"""

from enum import StrEnum


class State(StrEnum):
    """Where a service stands. The ledger's word, not WHMCS's."""

    NEW = "NEW"
    """Known to the ledger; no server is promised."""
    CLAIMED = "CLAIMED"
    """A server is promised; nothing on the panel was changed yet."""
    PREPARING = "PREPARING"
    """The server is being made ready: owner, ports, power, addresses."""
    INSTALLING = "INSTALLING"
    """An OS installation was asked for; it runs, or it failed and waits to be run again. So of a reinstallation."""
    ACTIVE = "ACTIVE"
    """The client uses the server."""
    SUSPENDED = "SUSPENDED"
    """The server runs; its switch ports are off."""
    RELEASING = "RELEASING"
    """The server is being taken back: the last exit before the wipe."""
    ERASING = "ERASING"
    """A permit to wipe the server was written; there is no way back."""
    RELEASED = "RELEASED"
    """The service has no server any more: its wipe is proved, or a person forgot a server that is gone."""
    HELD = "HELD"
    """A person has to decide; the ledger says why, with evidence."""


ALIVE = {
    State.NEW: {State.CLAIMED},
    State.CLAIMED: {State.PREPARING, State.NEW, State.RELEASING},  # NEW: the race was lost, nothing was touched
    State.PREPARING: {State.INSTALLING, State.NEW, State.RELEASING},  # NEW: taken by hand before the owner was set
    State.INSTALLING: {State.ACTIVE, State.RELEASING},
    State.ACTIVE: {State.SUSPENDED, State.RELEASING, State.INSTALLING},  # INSTALLING: reinstalled, under a permit
    State.SUSPENDED: {State.ACTIVE, State.RELEASING},
    State.RELEASING: {State.ERASING, State.RELEASED},  # RELEASED: the server was never touched, nothing to wipe
    State.ERASING: {State.RELEASED},  # no way back from here
    State.RELEASED: {State.CLAIMED},
}

BY_A_PERSON = {State.RELEASING: State.SUSPENDED}  # brought back during the wipe delay: its ports are off
"""A move that only a person makes, never a run."""

MOVES: dict[State, frozenset[State]] = {
    **{state: frozenset(moves | {State.HELD}) for state, moves in ALIVE.items()},
    # Back to where it came from, or on to RELEASING, by a person; never past a permit.
    State.HELD: frozenset(ALIVE),
}
