"""What can go wrong with a call to WHMCS, by what the caller should do.

WhmcsError
  WhmcsUnreachable         we do not know whether it happened   -> look again, then decide
  WhmcsRefused             WHMCS said no, and why               -> do not repeat
    WhmcsWrongCredentials  it does not let us in                -> its credential may be newer than ours
    WhmcsNotFound          it shows no such client or service   -> never the same as "terminated"
  UnexpectedWhmcsResponse  it answered outside its schema       -> hold; the text keeps the redacted start of the answer
"""

import re

from whmcs.text import LONGEST_LINE, one_line

_NOT_LET_IN = r"authentication failed|invalid or missing credentials|access denied"
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
        _NOT_LET_IN,
        "Take identifier and secret from WHMCS, Manage API Credentials, and store them with `dciflow whmcs set`.",
    ),
    (r"(action|command|function) not found", "Check that this WHMCS is not older than the supported versions."),
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
        self.message = one_line(message, longest=2 * LONGEST_LINE)

    def __str__(self) -> str:
        return self.message


class WhmcsUnreachable(WhmcsError):
    """No answer came. Whether the call took effect is unknown, unless nothing_sent is true."""

    def __init__(self, action: str, status: int | None, message: str, nothing_sent: bool = False) -> None:
        super().__init__(action, status, message)
        self.nothing_sent = nothing_sent


class WhmcsRefused(WhmcsError):
    """WHMCS answered result=error. Repeating changes nothing until somebody mends the cause."""


class WhmcsWrongCredentials(WhmcsRefused):
    """WHMCS does not accept the API credential."""


class WhmcsNotFound(WhmcsRefused):
    """WHMCS shows no such client or service to this credential.

    Source: safety rule 9: a service that cannot be read is not a terminated service.
    """


class UnexpectedWhmcsResponse(WhmcsError):
    """WHMCS answered outside its schema, or something that is not WHMCS answered."""


def refusal(action: str, status: int | None, said: str) -> WhmcsRefused:
    """The error for WHMCS's own message, with what to do about it.

    The messages for credentials, roles and addresses are those of live installations as reported by their users;
    an unknown message gets a general remedy.
    Source: docs/sources.md, WHMCS 13.
    """
    said = said.strip().rstrip(".") or "no reason given"
    remedy = next((text for pattern, text in _REMEDIES if re.search(pattern, said, re.IGNORECASE)), _OTHERWISE)
    missing = re.search(r"\b(client|service|account)\b.*\bnot found\b", said, re.IGNORECASE)
    kind = WhmcsNotFound if missing else WhmcsRefused
    if re.search(_NOT_LET_IN, said, re.IGNORECASE):
        kind = WhmcsWrongCredentials
    return kind(action, status, f"WHMCS refused {action}: {said}. {remedy}")
