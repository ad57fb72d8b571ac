"""What can go wrong with a panel, in three families by what the caller should do.

    PanelError
    ├── PanelUnreachable         we do not know whether it happened   -> look again, then decide
    ├── PanelRefused             the panel said no, and why           -> do not repeat
    │   ├── PanelNotFound        ... because there is no such thing
    │   └── WrongCredentials     ... because it does not let us in
    └── UnexpectedPanelResponse  it answered outside its schema       -> hold, keep the redacted body
        └── AnswerTooLarge       ... and at too great a length        -> a part of a list may be read

Their text is what staff read: one line, what happened and what to do, never a secret, never a request body.
"""

LONGEST_CALL = 300
"""Characters of a call in an error's line: a filter may hold a name of the panel's."""


class PanelError(Exception):
    """A call of the panel did not end well; `method` and `path` say which, `status` and `code` what the panel said.

    `path` is below the panel's base address, secrets masked; `status` is HTTP's, None when there was no answer;
    `code` is the panel's own error number. All of them are in `args`, so the error survives pickling.
    """

    def __init__(
        self, message: str, method: str = "", path: str = "", status: int | None = None, code: int | None = None
    ) -> None:
        message = one_line(message)
        super().__init__(message, method, path, status, code)
        self.message = message
        self.method = method
        self.path = path
        self.status = status
        self.code = code

    def __str__(self) -> str:
        facts = [one_line(f"{self.method} {self.path}", longest=LONGEST_CALL)]
        if self.status is not None:
            facts.append(f"HTTP {self.status}")
        if self.code is not None:
            facts.append(f"code {self.code}")
        where = ", ".join(fact for fact in facts if fact)
        return f"{self.message} [{where}]" if where else self.message


class PanelUnreachable(PanelError):
    """No answer, or one from a gateway: we do not know whether it happened. Look again, then decide."""


class PanelRefused(PanelError):
    """The panel said no, and why. Do not repeat it unchanged."""


class PanelNotFound(PanelRefused):
    """The panel knows the call, but not the thing it names (HTTP 404 or code 3080)."""


class WrongCredentials(PanelRefused):
    """The panel does not accept our user name and password."""


class UnexpectedPanelResponse(PanelError):
    """The panel answered outside its schema; `body` keeps the beginning of it, secrets masked."""

    def __init__(
        self,
        message: str,
        method: str = "",
        path: str = "",
        status: int | None = None,
        code: int | None = None,
        body: str = "",
    ) -> None:
        super().__init__(message, method, path, status, code)
        self.body = body


class AnswerTooLarge(UnexpectedPanelResponse):
    """The answer has more bytes or values than are read."""


def one_line(text: str, longest: int = 600) -> str:
    """The text without line breaks and control characters, cut to `longest` characters."""
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    return line if len(line) <= longest else line[: longest - 1] + "…"
