"""Why a service is HELD, and what a person may press. The values are in hosts' ledgers: they never change."""

from enum import StrEnum


class HoldReason(StrEnum):
    """Why a service is HELD. docs/operate.md has one row for each."""

    CLIENT_CHANGED = "client-changed"
    """WHMCS shows another client, order or registration date for the service's number than the ledger recorded."""
    OWNER_CHANGED = "owner-changed"
    """The panel names another owner than the one this service gave the server."""
    HARDWARE_CHANGED = "hardware-changed"
    """The serial number or the MAC addresses are not those recorded at activation."""
    SERVER_VANISHED = "server-vanished"
    """The panel no longer has the server."""
    NO_IDENTITY = "no-identity"
    """The panel tells neither serial number, MAC address nor barcode: a wipe could hit the wrong server."""
    ANSWER_LOST = "answer-lost"
    """Something was asked of the panel, the answer was lost, and looking did not work either."""
    INSTALLATION_REPLACED = "installation-replaced"
    """Another operation took the place of our OS installation before it was seen to end."""
    WIPE_UNPROVEN = "wipe-unproven"
    """The disk clearing failed, was ended, or cannot be proved."""
    TERMINATION_CAP = "termination-cap"
    """So many services lost their servers in 24 hours that a person has to look whether all of them should."""
    WIPE_CAP = "wipe-cap"
    """So many servers were wiped within an hour that a person has to look whether all of them should be."""
    BREAKS_OFF = "breaks-off"
    """Its run was interrupted again and again: each time it was re-queued, its worker died or lost it."""

    WANTED_AGAIN = "wanted-again"
    """WHMCS does not show the service as ended, or not at all, while its server is being taken back."""
    BURST = "burst"
    """So many more services than on any day of the last weeks lose their servers that a person has to look."""
    CEILING = "ceiling"
    """So many servers were taken back or wiped within 24 hours that only the workers' own setting lets more go."""
    RESTORED = "restored"
    """After a back-up was restored it stands midway or its sides disagree; or its server shows an OS that the ledger
    does not know, and another one would be installed over it."""


PRESS: dict[HoldReason, tuple[str, ...]] = {
    HoldReason.CLIENT_CHANGED: ("hand-over", "retry", "release"),
    HoldReason.OWNER_CHANGED: ("retry", "release"),
    HoldReason.HARDWARE_CHANGED: ("retry", "accept-hardware"),
    HoldReason.SERVER_VANISHED: ("retry", "forget-server"),
    HoldReason.NO_IDENTITY: ("accept-hardware",),
    HoldReason.ANSWER_LOST: ("retry",),
    HoldReason.INSTALLATION_REPLACED: ("retry", "terminate"),
    HoldReason.WIPE_UNPROVEN: ("retry",),
    HoldReason.TERMINATION_CAP: ("retry --past-cap", "release"),
    HoldReason.WIPE_CAP: ("retry --past-cap", "retry"),
    HoldReason.BREAKS_OFF: ("retry",),
    HoldReason.WANTED_AGAIN: ("release", "retry", "terminate"),
    HoldReason.BURST: ("retry --past-cap", "release"),
    HoldReason.CEILING: ("retry", "release"),
    HoldReason.RESTORED: ("release", "retry", "forget-server"),
}
"""What a person presses (`dciflow held ...`) after a look; docs/operate.md says when which."""

HARDWARE = (HoldReason.HARDWARE_CHANGED, HoldReason.NO_IDENTITY)
"""Reasons that end when a person accepts the server's present hardware."""

CLIENT = (HoldReason.CLIENT_CHANGED,)
"""Reasons that end when a person hands the server over to the client whom WHMCS moved the service to."""

GONE = (HoldReason.SERVER_VANISHED, HoldReason.RESTORED)
"""Reasons that end when a person ends the claim on a server that is gone, or that is not the service's any more."""

CAPS = (HoldReason.BURST, HoldReason.TERMINATION_CAP, HoldReason.WIPE_CAP)
"""Reasons that are caps: a person may let one service past, once. The ceiling is none of them."""
