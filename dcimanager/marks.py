"""How sure we are of what the tables say of a panel."""

from enum import StrEnum


class Mark(StrEnum):
    """How sure we are of an entry."""

    DOCUMENTED = "documented"
    SEEN = "seen"
    INFERRED = "inferred"
    CORRECTED = "corrected"
    """A site's own file replaced it."""
