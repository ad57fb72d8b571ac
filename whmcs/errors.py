"""What can go wrong with a call to WHMCS, by what the caller should do.

WhmcsError
  Unreachable   we do not know whether it happened   -> look again, then decide
  Refused       WHMCS said no, and why               -> do not repeat
    NotFound    it shows no such client or service   -> never the same as "terminated"
  Surprise      it answered outside its schema       -> hold; the text keeps the redacted start of the answer
"""

import re

_REMEDIES: tuple[tuple[str, str], ...] = (
    (
        r"invalid ip|ip banned",
        "Add this machine's address in WHMCS: General Settings > Security > API IP Access Restriction.",
    ),
    (
        r"invalid permissions",
        "Allow the action in the API role of this credential (WHMCS: Manage API Credentials > API Roles).",
    ),
    (
        r"authentication failed|invalid or missing credentials|access denied",
        "Take identifier and secret from WHMCS, Manage API Credentials, and store them with `dciflow whmcs set`.",
    ),
    (r"(action|command|function) not found", "Check that this WHMCS is not older than the supported versions."),
    (r"template", "Check that WHMCS has this mail template (Email Templates) and that it is of the type Product."),
    (r"sending failed", "Check the mail template's text, mail settings and hooks in WHMCS (Email Message Log)."),
    (r"not found", "Check the number in WHMCS. Not found does not mean terminated."),
)
_OTHERWISE = "Mend it in WHMCS, then run again."


class WhmcsError(Exception):
    """A call to WHMCS did not succeed; the text is one line: what happened, what to do.

    action: WHMCS's name of the call. status: HTTP status, None when there was none. message: the line itself, secrets
    masked.
    """

    def __init__(self, action: str, status: int | None, message: str) -> None:
        # All of them in args, so that the error survives pickling between processes.
        super().__init__(action, status, message)
        self.action = action
        self.status = status
        self.message = " ".join(message.split())

    def __str__(self) -> str:
        return self.message


class Unreachable(WhmcsError):
    """No answer came. Whether the call took effect is unknown, unless nothing_sent is true."""

    def __init__(self, action: str, status: int | None, message: str, nothing_sent: bool = False) -> None:
        super().__init__(action, status, message)
        self.nothing_sent = nothing_sent


class Refused(WhmcsError):
    """WHMCS answered result=error. Repeating changes nothing until somebody mends the cause."""


class NotFound(Refused):
    """WHMCS shows no such client or service to this credential.

    Source: safety rule 9: a service that cannot be read is not a terminated service.
    """


class Surprise(WhmcsError):
    """WHMCS answered outside its schema, or something that is not WHMCS answered."""


def refusal(action: str, status: int | None, said: str) -> Refused:
    """The error for WHMCS's own message, with what to do about it.

    The messages for credentials, roles and addresses are those of live installations as reported by their users;
    an unknown message gets a general remedy.
    Source: dossier "WHMCS", section 13.
    """
    said = said.strip().rstrip(".") or "no reason given"
    remedy = next((text for pattern, text in _REMEDIES if re.search(pattern, said, re.IGNORECASE)), _OTHERWISE)
    missing = re.search(r"\b(client|service|account)\b.*\bnot found\b", said, re.IGNORECASE)
    return (NotFound if missing else Refused)(action, status, f"WHMCS refused {action}: {said}. {remedy}")
