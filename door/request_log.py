"""The door's own log: one JSON line a call, on standard output. It has no body, no header and no secret."""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from door.installations import Installation


@dataclass
class LoggedCall:
    """What is known of a call while it is under way. `what`: one of the few calls that there are, in words."""

    came_from: str
    installation: Installation | None = None
    what: str = "no call of the module's"
    why: str | None = None
    began: float = field(default_factory=time.perf_counter)

    def line(self, status: int) -> str:
        """The call's line, when it was answered with this status."""
        return json.dumps(
            {
                "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
                "installation": self.installation.name if self.installation else None,
                "from": self.came_from,
                "call": self.what,
                "status": status,
                "milliseconds": round((time.perf_counter() - self.began) * 1000, 1),
                "refused": self.why,
            }
        )


Log = Callable[[str], None]


def to_standard_output(line: str) -> None:
    """Write a line at once: whoever looks at the log sees each call, also where it is a file."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
