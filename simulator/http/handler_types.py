"""What a handler of the panel's API gets and returns: the call and its answer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from dcimanager.endpoints import Endpoint
from simulator.panel.errors import ApiError, Code, invalid, no_element
from simulator.panel.model import PanelModel
from simulator.panel.models import SimServer, SimUser

Words = TypeVar("Words", bound="BodyWords")


class BodyWords(BaseModel):
    """A request body with dciflow's names for its properties, whatever the panel's keys are."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


@dataclass(frozen=True)
class ApiCall:
    """An authorised call: its endpoint, the ids of its path, its body and query; `user` is None on public endpoints."""

    endpoint: Endpoint
    ids: Mapping[str, str]
    body: Mapping[str, Any]
    query: Mapping[str, str]
    user: SimUser | None

    def words(self, model: type[Words]) -> Words:
        """The body with dciflow's names.

        Raises ApiError 400: a property is unknown (3008), missing, or of the wrong type.
        """
        word_of = {key: word for word, key in self.endpoint.body.items()}
        for key in self.body:
            if key not in word_of:
                raise ApiError(400, Code.UNEXPECTED_PROPERTY, "Unexpected property", {"property": key})
        try:
            return model.model_validate({word_of[key]: value for key, value in self.body.items()})
        except ValidationError as error:
            first = error.errors()[0]
            word = str(first["loc"][0])
            raise invalid(self.endpoint.body.get(word, word), first["msg"]) from None

    def server(self, panel: PanelModel) -> SimServer:
        """The server named in the path; a user sees only servers that they own. Raises ApiError 3080."""
        server = panel.world.server(self.ids["server"])
        if self.user is not None and not self.user.is_admin and server.owner_id != self.user.id:
            raise no_element("server", server.id)
        return server


@dataclass(frozen=True)
class ApiAnswer:
    """The answer to a call: a JSON value and an HTTP status."""

    body: Any
    status: int = 200


Handler = Callable[[PanelModel, ApiCall], ApiAnswer]


def accepted(panel: PanelModel, id: int, **more: Any) -> ApiAnswer:
    """The answer to a call whose effect takes time: {"id", "task"}, the task as the variant has it.

    Source: docs/sources.md, panel 13.
    """
    task = panel.world.next_id("task", 4400)
    kind = panel.variants.task
    shown = {} if kind == "absent" else {"task": task if kind == "int" else f"task-{task}"}
    return ApiAnswer({"id": id, **shown, **more})
