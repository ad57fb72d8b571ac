"""How a step says that it cannot go on.

StepError            the run ends FAILED with this one line: what happened, what to do
  StepRefused        nothing is wrong with us or with the panel: the order, the stock or the state forbids it
    Overtaken        WHMCS does not want it any more, or wants the opposite by now: nothing is wrong
    PoolRefused      the IP pool gave no addresses
    NoLongerWanted   the service was ended in WHMCS meanwhile: what was claimed for it is taken back
  PrefectUnreachable Prefect's server did not answer; a step that only needs it is repeated
  Unforeseen         a fault of ours, or of something that nobody thought of
  Held               a person has to decide; the service is put on HELD with the evidence
"""

from pydantic import JsonValue

from dcimanager.errors import one_line
from ledger.hold_reasons import HoldReason

LONGEST_LINE = 2_000
"""Characters of a run's last line, whatever names an order or a panel put into it."""
LONGEST_EVIDENCE = 4_000
"""Characters that the ledger keeps of why a service is HELD."""


class StepError(Exception):
    """The run cannot go on; the text is one line for the host's staff, whatever an order or a panel put into it."""

    def __str__(self) -> str:
        return one_line(super().__str__(), longest=LONGEST_LINE)


class StepRefused(StepError):
    """It is not done, and nothing is half done. A re-run or a terminate resolves whatever is claimed."""


class NoLongerWanted(StepRefused):
    """The service was ended in WHMCS while its server was made ready: a run is started that takes the server back."""


class Overtaken(StepRefused):
    """A later wish of WHMCS goes over what was asked for (safety rule 17): it is not done, and nothing failed."""


class PoolRefused(StepRefused):
    """The IP pool gave no addresses, which says nothing of the server that they were for."""


class InstallationFailed(StepError):
    """The OS installation failed or took too long; the server stays with the service and a re-run installs again."""


class PrefectUnreachable(StepError):
    """Prefect's server did not answer a question that a step had; the step may be repeated."""


class Unforeseen(StepError):
    """Something went wrong that no other end describes. Its own text is shown to nobody: it may quote a password."""

    def __init__(self, kind: str, where: str) -> None:
        super().__init__(
            f"Something went wrong that dciflow does not foresee ({kind} at {where}). What was done is recorded: press "
            "Retry, and if it comes again, report it with the lines of the run's log."
        )


class Held(StepError):
    """The service needs a person. Nothing more is touched until somebody decides."""

    def __init__(self, reason: HoldReason, text: str, **evidence: JsonValue) -> None:
        # Cut here: however long the text is, the line ends with what to do.
        said = one_line(text, longest=LONGEST_LINE - 200)
        super().__init__(f"{said} The service is HELD ({reason}): see `dciflow held list`.")
        self.reason = reason
        self.text = text
        told = [text, *(f"{what}: {value};" for what, value in evidence.items())]
        self.evidence = one_line(" ".join(told), longest=LONGEST_EVIDENCE)
