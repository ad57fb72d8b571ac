"""Text from outside in the markdown of artifacts and forms."""

from runtime.plain_text import LONGEST_CELL, one_line


def code(text: str, longest: int = LONGEST_CELL) -> str:
    """A value from outside, inert in markdown: in a table, a list or a sentence."""
    # An empty pair of backticks would begin a longer code span, which goes on to the next one.
    return f"`{one_line(text, longest).replace('`', chr(39)).replace('|', '/') or ' '}`"
