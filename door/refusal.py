"""A call that is not made: the HTTP status and the one line that its caller reads."""

LONGEST_LINE = 300


class DoorRefusal(Exception):
    """The call is refused, or Prefect could not be asked. The text is one line; `retry_after` is in seconds."""

    def __init__(self, status: int, line: str, *, retry_after: int | None = None) -> None:
        super().__init__(one_line(line))
        self.status = status
        self.retry_after = retry_after


def not_allowed() -> DoorRefusal:
    """What is no call of the module's."""
    return DoorRefusal(403, "WHMCS may not make this call: see least-privilege.md of dciflow.")


def one_line(text: object, longest: int = LONGEST_LINE) -> str:
    """Text from outside as one line of ASCII, cut: a control character becomes its escape."""
    line = " ".join(str(text)[: 4 * longest].split())
    line = line.encode("ascii", "backslashreplace").decode("ascii")
    line = "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode("ascii") for sign in line)
    return line if len(line) <= longest else f"{line[: longest - 3]}..."
