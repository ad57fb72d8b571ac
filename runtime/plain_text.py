"""Text from outside made fit to be shown: every character is seen and none of them acts (safety rule 15).

One function for each place that it goes to: `one_line` for a terminal and for the log, `runtime.markdown.code` for
artifacts and forms, `public_line` for messages that leave the house. All of them cut it, too.
"""

import re

LONGEST_CELL = 1_000
"""Characters of one value in a table or a message's line: evidence is shorter, a name of 50,000 is no name."""

LONGEST_PERSON = 200
"""Characters of a person's name: WHMCS sends 80 at most, and the door writes before it whose word it is."""

_EMAIL = re.compile(r"[^\s@<>,;:'\"]{1,64}@[^\s@<>,;:'\"]{1,255}")


def one_line(text: object, longest: int = LONGEST_CELL) -> str:
    """The text on one line: white space is a blank, any other control character its escape (\\x1b), cut to `longest`.

    What turns the direction of a line counts as one.
    """
    # Cut first, and again after: what is endless is not looked at character by character.
    shown = "".join(map(_shown, str(text)[: longest + 1]))
    return shown if len(shown) <= longest else f"{shown[: longest - 1]}…"


def person(who: str | None) -> str | None:
    """A person's name as it is kept, None where there is none."""
    return None if who is None or not who.strip() else one_line(who.strip(), LONGEST_PERSON)


def public_line(text: str, longest: int) -> str:
    """The text as a line of a message that leaves the house: no e-mail address, no mark-up, nobody called by @.

    Slack reads <...> as links and calls, Mattermost and Teams read [...](...) and @all. None can be told not to.
    """
    line = _EMAIL.sub("(an e-mail address)", " ".join(one_line(text, 10 * longest).split()))
    for sign, instead in (("<", "("), (">", ")"), ("](", "] ("), ("@", "(at)")):
        line = line.replace(sign, instead)
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


def _shown(sign: str) -> str:
    if sign.isprintable():
        return sign
    return " " if sign.isspace() else sign.encode("unicode_escape").decode("ascii")
