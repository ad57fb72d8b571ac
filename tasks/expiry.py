"""What was asked for long ago is not done: whoever still wants it presses again (safety rule 17)."""

from datetime import timedelta

from runtime.driver import current_drive
from runtime.errors import StepRefused

EXPIRES = timedelta(minutes=15)
"""A reboot that was pressed before an outage must not come in the middle of the next day's work."""


def require_in_time(what: str, stood: str = "had not begun, so it was not done") -> None:
    """Make sure, before something is done to a server in use, that it was asked for just now, however often begun.

    `stood`: how far it came, for the line. Raises StepRefused: it was asked for too long ago.
    """
    drive = current_drive()
    late = drive.now() - drive.asked_first
    if late > EXPIRES:
        raise StepRefused(
            f"{what} was asked for {late.total_seconds() / 60:.0f} minutes ago and {stood}. "
            "Ask for it again if it is still wanted."
        )
