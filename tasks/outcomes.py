"""How a step says that it cannot go on.

Stop                 the run ends FAILED with this one line: what happened, what to do
  Refusal            nothing is wrong with us or with the panel: the order, the stock or the state forbids it
    NoLongerWanted   the service was ended in WHMCS meanwhile: what was claimed for it is taken back
  PrefectUnreachable Prefect's server did not answer; a step that only needs it is repeated
  Unforeseen         a fault of ours, or of something that nobody thought of
  Held               a person has to decide; the service is put on HELD with the evidence
"""

from enum import StrEnum

from pydantic import JsonValue


class Stop(Exception):
    """The run cannot go on; the text is one line for the host's staff, whatever an order or a panel put into it."""

    def __str__(self) -> str:
        return " ".join(super().__str__().split())


class Refusal(Stop):
    """It is not done, and nothing is half done. A re-run or a terminate resolves whatever is claimed."""


class NoLongerWanted(Refusal):
    """The service was ended in WHMCS while its server was made ready: a run is started that takes the server back."""


class InstallationFailed(Stop):
    """The OS installation failed or took too long; the server stays with the service and a re-run installs again."""


class PrefectUnreachable(Stop):
    """Prefect's server did not answer a question that a step had; the step may be repeated."""


class Unforeseen(Stop):
    """Something went wrong that no other end describes. Its own text is told to nobody: it may quote a password."""

    def __init__(self, kind: str, where: str) -> None:
        super().__init__(
            f"Something went wrong that dciflow does not foresee ({kind} at {where}). What was done is recorded: press "
            "Retry, and if it comes again, report it with the lines of the run's log."
        )


class Reason(StrEnum):
    """Why a service is HELD. docs/operate.md has one row for each."""

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
    """Its run broke off again and again: each time it was driven again, its worker died or lost it."""


PRESS: dict[Reason, tuple[str, ...]] = {
    Reason.OWNER_CHANGED: ("retry", "release"),
    Reason.HARDWARE_CHANGED: ("retry", "accept-hardware"),
    Reason.SERVER_VANISHED: ("retry", "forget-server"),
    Reason.NO_IDENTITY: ("accept-hardware",),
    Reason.ANSWER_LOST: ("retry",),
    Reason.INSTALLATION_REPLACED: ("retry", "terminate"),
    Reason.WIPE_UNPROVEN: ("retry",),
    Reason.TERMINATION_CAP: ("retry --past-cap", "release"),
    Reason.WIPE_CAP: ("retry --past-cap", "retry"),
    Reason.BREAKS_OFF: ("retry",),
}
"""What a person presses (`dciflow held ...`) once he has looked; docs/operate.md says when which."""


class Held(Stop):
    """The service needs a person. Nothing more is touched until somebody decides."""

    def __init__(self, reason: Reason, text: str, **evidence: JsonValue) -> None:
        super().__init__(f"{text} The service is HELD ({reason}): see `dciflow held list`.")
        self.reason = reason
        self.text = text
        self.evidence = " ".join([text, *(f"{what}: {value};" for what, value in evidence.items())])
