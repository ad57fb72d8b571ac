"""Whether two installations could read each other's variables by their panels' names alone.

Part 2 of what panel `main` publishes and the beginning of what panel `main-2` does have one name
(tasks/published/variables.py), so those two panels may not be different installations'.
"""

import re
from collections.abc import Collection

_PART = re.compile(r"(?P<panel>.+)-[0-9]{1,3}")


def overlap(some: Collection[str], others: Collection[str]) -> tuple[str, str] | None:
    """A panel of one and a panel of the other whose variables may have one name, as the file has them; None: none."""
    if set(some) == set(others):
        return None
    for one in some:
        for other in others:
            if _may_be_part(one, other) or _may_be_part(other, one):
                return one, other
    return None


def _may_be_part(panel: str, numbered: str) -> bool:
    """Whether a name that `numbered` takes may be a dash and a part's number behind one that `panel` takes."""
    start, numbered_start = panel.removesuffix("*"), numbered.removesuffix("*")
    if panel != start and numbered != numbered_start:
        return panel != numbered and (start.startswith(numbered_start) or numbered_start.startswith(start))
    found = _PART.fullmatch(numbered_start)
    if panel != start:
        return found is not None and found["panel"].startswith(start)
    if found is not None and found["panel"] == start:
        return True
    return numbered != numbered_start and f"{start}-".startswith(numbered_start)
