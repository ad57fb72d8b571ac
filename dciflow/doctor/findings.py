"""What the doctor says: one line for each thing looked at, with what to do about it."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

import httpx
from pydantic import BaseModel, ConfigDict

from runtime.plain_text import one_line
from runtime.run_log import EXPECTED


class Verdict(StrEnum):
    """How a thing stands."""

    OK = "ok"
    LOOK = "look"
    """It may be meant, or could not be looked at: a person looks."""
    WRONG = "wrong"


class Finding(BaseModel):
    """One thing that was looked at. do: what to do, empty where nothing is to be done."""

    model_config = ConfigDict(frozen=True)

    about: str
    verdict: Verdict
    what: str
    do: str = ""


def ok(what: str) -> Finding:
    """A thing that is as it should be."""
    return Finding(about="", verdict=Verdict.OK, what=what)


def look(what: str, do: str) -> Finding:
    """A thing that may be meant, or that could not be looked at."""
    return Finding(about="", verdict=Verdict.LOOK, what=what, do=do)


def wrong(what: str, do: str) -> Finding:
    """A thing that is to be put right."""
    return Finding(about="", verdict=Verdict.WRONG, what=what, do=do)


Answer = Iterable[Finding]

LONGEST_SECONDS = 30.0
"""For one check: a side that is silent must not keep the others from being looked at."""


@dataclass(frozen=True)
class Check:
    """Something to look at. `about`: the few words that its lines begin with."""

    about: str
    look: Callable[[], "Answer | Awaitable[Answer]"]

    async def findings(self) -> list[Finding]:
        """What was found; a check that cannot be made is one line that says so, and never ends the others."""
        try:
            answer = self.look()
            if isinstance(answer, Awaitable):
                answer = await asyncio.wait_for(answer, LONGEST_SECONDS)
            found = list(answer)
        except TimeoutError:
            found = [look(f"could not be looked at: no answer within {LONGEST_SECONDS:.0f} s", CANNOT)]
        except (*EXPECTED, httpx.HTTPError, OSError) as error:
            found = [look(f"could not be looked at: {one_line(str(error) or type(error).__name__, 300)}", CANNOT)]
        except Exception as error:
            # Its own text is shown to nobody: it may quote a password.
            found = [look(f"could not be looked at ({type(error).__name__})", CANNOT)]
        return [one.model_copy(update={"about": self.about}) for one in found]


CANNOT = "put right what the line names, or look yourself"
