"""What a call of the panel is: the app checks requests against it, and the description is written from it."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.contract.other_panel.state import World

Schema = dict[str, Any]


@dataclass(frozen=True)
class Asked:
    """One request that the app has let through: the parts of its path, its query and its body."""

    ids: Mapping[str, str]
    query: Mapping[str, str]
    body: Mapping[str, Any]


@dataclass(frozen=True)
class Call:
    """One call: `path` below its service ("dci/v3"), `body` property to schema, `answer` the name of a schema."""

    service: str
    method: str
    path: str
    summary: str
    tag: str
    handle: Callable[[World, Asked], Any]
    body: Mapping[str, Schema] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    answer: str | None = None
    public: bool = False

    @property
    def is_list(self) -> bool:
        """It answers with a list of what `answer` names."""
        return self.summary.startswith("List ")

    @property
    def places(self) -> list[str]:
        """The names in its path."""
        return re.findall(r"\{(\w+)\}", self.path)

    def match(self, path: str) -> Mapping[str, str] | None:
        """The parts of a path, None if it is another call's."""
        pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", f"{self.service}/{self.path}")
        found = re.fullmatch(pattern, path)
        return None if found is None else found.groupdict()
