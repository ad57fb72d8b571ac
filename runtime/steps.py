"""The four kinds of step. A step says what it does to the world; retries and caching follow from that word alone.

    reads      asks only                                   Prefect repeats it; never cached: reality may have moved
    ensures    looks, acts if reality differs, looks again  Prefect repeats it; never cached: reality may have moved
    creates    makes what must not be made twice            never repeated blindly; its result is kept in the ledger,
                                                            but for what only serves whoever waits for it
    destroys   wipes or takes away                          never repeated on its own, never cached, needs a permit, or
                                                            what it takes away named in the journal before

`calls` names the entries of the dialect by which a step destroys or hands out. Before its body begins each of them must
be proved or trusted (safety rule 22); a step that names any has the service as its first argument.

Inside a flow run a step is a Prefect task. Outside of one it is a plain coroutine, so that tests and the crash
harness can run a whole lifecycle without an engine.
"""

import functools
import inspect
from collections.abc import Awaitable, Callable
from datetime import datetime
from enum import StrEnum
from typing import Any, Generic, ParamSpec, TypeVar

from prefect import Task
from prefect.cache_policies import NO_CACHE, CacheKeyFnPolicy, CachePolicy
from prefect.client.schemas.objects import State as RunState
from prefect.client.schemas.objects import TaskRun
from prefect.context import FlowRunContext, TaskRunContext
from prefect.utilities.annotations import opaque

from answers.breaker import asking_anyway
from dcimanager.errors import PanelUnreachable
from ledger.errors import LedgerUnavailable
from ledger.hold_reasons import HoldReason
from ledger.snapshots import Service
from runtime.clock import clock
from runtime.driver import driving
from runtime.errors import Held, PrefectUnreachable
from runtime.gate import require_entries
from runtime.result_storage import RESULTS, result_storage
from runtime.run_log import one_line_of_the_unforeseen, run_log
from runtime.slots import lend_slot, take_slot_again
from whmcs.errors import WhmcsUnreachable as WhmcsUnreachable

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

REPEAT_AFTER_SECONDS = [2.0, 8.0, 30.0, 60.0]
"""A panel or a WHMCS that restarts is back within these 100 s; longer outages end the run, and Retry resumes it."""

REPEAT_JITTER = 0.5
"""A hundred runs that failed together must not come back together."""

SETTLE_SECONDS = 5.0
"""A request whose answer was lost may still be on its way: look again only after this long."""

LOOKS_AFTER_LOSS = 6
"""Half a minute of looking: as long as a call may take that is still on its way when its answer is given up."""

ARRIVAL_SECONDS = 60
"""What was asked for by a run that died may still be on its way: twice as long as a call may take."""

LOOKS_AFTER_YES = 60
"""Five minutes: what the panel accepted it shows within seconds, a busy one within minutes."""


INTERRUPTIONS = (LedgerUnavailable, PrefectUnreachable)
"""What is known of the service, or of its panel, was not to be had: nothing is wrong with the order."""

UNREACHABLE = (PanelUnreachable, WhmcsUnreachable)
"""The panel or WHMCS does not answer."""


class StepKind(StrEnum):
    """What a step does to the world."""

    READS = "reads"
    ENSURES = "ensures"
    CREATES = "creates"
    DESTROYS = "destroys"


class Step(Generic[P, R]):
    """One named step: a Prefect task inside a flow run, a plain coroutine outside."""

    def __init__(
        self,
        body: Callable[P, Awaitable[R]],
        kind: StepKind,
        what: str,
        calls: tuple[str, ...],
        task: "Task[P, Any]",
    ) -> None:
        self.body = body
        self.kind = kind
        self.what = what
        self.calls = calls
        """The entries of the dialect that the step destroys or hands out with (runtime/gate.py)."""
        self.task = task
        self.name = body.__name__
        self.__doc__ = body.__doc__
        self.__name__ = body.__name__
        self.__module__ = body.__module__

    async def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        if FlowRunContext.get() is None:
            return await self.body(*args, **kwargs)
        if self.task.result_storage is not None:
            self.task.result_storage = await result_storage()  # by its name Prefect would load it anew for each run
        # Prefect would look through every field of a service, again and again, for futures that it should wait for.
        task: Task[Any, Any] = self.task
        result: R = await task(*map(opaque, args), **{name: opaque(value) for name, value in kwargs.items()})
        return result


def reads(what: str, *, run_name: str | None = None) -> Callable[[Callable[P, Awaitable[R]]], Step[P, R]]:
    """A step that asks only."""

    def decorate(body: Callable[P, Awaitable[R]]) -> Step[P, R]:
        return _step(body, StepKind.READS, what, run_name, NO_CACHE, (), repeats=True)

    return decorate


def ensures(
    what: str, *, run_name: str | None = None, calls: tuple[str, ...] = ()
) -> Callable[[Callable[P, Awaitable[R]]], Step[P, R]]:
    """A step that looks, acts only if reality differs, and looks again. May be called many times."""

    def decorate(body: Callable[P, Awaitable[R]]) -> Step[P, R]:
        return _step(body, StepKind.ENSURES, what, run_name, NO_CACHE, calls, repeats=True)

    return decorate


def creates(
    what: str, *, run_name: str | None = None, calls: tuple[str, ...] = (), kept: bool = True
) -> Callable[[Callable[P, Awaitable[R]]], Step[P, R]]:
    """A step that makes what must not be made twice. Its body looks first (`create_once`); its result is kept.

    Not kept: what is made is of use only to whoever waits for it, and does no harm where nobody takes it.
    """

    def decorate(body: Callable[P, Awaitable[R]]) -> Step[P, R]:
        policy: CachePolicy = CacheKeyFnPolicy(cache_key_fn=key_of_create) if kept else NO_CACHE
        return _step(body, StepKind.CREATES, what, run_name, policy, calls, repeats=False)

    return decorate


def destroys(
    what: str, *, run_name: str | None = None, calls: tuple[str, ...] = ()
) -> Callable[[Callable[P, Awaitable[R]]], Step[P, R]]:
    """A step that wipes. Never repeated on its own, never cached; its body asks for a permit."""

    def decorate(body: Callable[P, Awaitable[R]]) -> Step[P, R]:
        return _step(body, StepKind.DESTROYS, what, run_name, NO_CACHE, calls, repeats=False)

    return decorate


def _step(
    body: Callable[P, Awaitable[R]],
    kind: StepKind,
    what: str,
    run_name: str | None,
    policy: CachePolicy,
    calls: tuple[str, ...],
    *,
    repeats: bool,
) -> Step[P, R]:
    kept = policy is not NO_CACHE
    if calls:
        body = _on_proved_entries(body, calls)

    @functools.wraps(body)
    async def in_a_task(*args: P.args, **kwargs: P.kwargs) -> R:
        await take_slot_again()
        with one_line_of_the_unforeseen():
            return await body(*args, **kwargs)

    task: Task[P, Any] = Task(
        in_a_task,
        name=body.__name__,
        # The kind is said here and not by a tag: for each tag Prefect would ask the server whether it has a free slot.
        description=f"{kind}: {what}. {inspect.getdoc(body)}",
        task_run_name=run_name or what,
        cache_policy=policy,
        persist_result=kept,
        result_storage=RESULTS if kept else None,
        result_serializer="json" if kept else None,  # the default is a pickle
        retries=len(REPEAT_AFTER_SECONDS) if repeats else 0,
        retry_delay_seconds=REPEAT_AFTER_SECONDS if repeats else None,
        retry_jitter_factor=REPEAT_JITTER if repeats else None,
        retry_condition_fn=worth_repeating if repeats else None,
    )
    return Step(body, kind, what, calls, task)


def _on_proved_entries(body: Callable[P, Awaitable[R]], calls: tuple[str, ...]) -> Callable[P, Awaitable[R]]:
    """The body, refused for a client's service while an entry that it calls is neither proved nor trusted."""

    @functools.wraps(body)
    async def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        service = args[0] if args else kwargs["service"]
        assert isinstance(service, Service)  # noqa: S101 - so is the first argument of each step that names its calls
        await require_entries(await driving(service).panel(), service, calls, what=body.__name__)
        return await body(*args, **kwargs)

    return checked


def worth_repeating(task: "Task[Any, Any]", run: TaskRun, state: "RunState[Any]") -> bool:
    """Only an answer that never came is worth another try: a refusal stays one, and HELD is for a person.

    A plain function: Prefect 3.8.8 treats any other callable as "never" (docs/sources.md, Prefect 4).
    """
    again = isinstance(state.data, (*INTERRUPTIONS, *UNREACHABLE))
    if again:
        lend_slot()  # until the step begins again: others need not wait for what is away
    return again


def key_of_create(context: TaskRunContext, inputs: dict[str, Any]) -> str:
    """Service, panel, generation, step, attempt: a second run of one activation finds it, the next one does not."""
    return key_for(context.task.name, inputs["service"], inputs.get("attempt", 1))


def key_for(step: str, service: Service, attempt: int = 1) -> str:
    """The key that a create's result is kept under."""
    # Panel and client too: a service that got no server may be tried on another panel, where user 25 is somebody else,
    # or for another client. Cached results know nothing of either.
    whose = f"client-{service.client_id}-panel-{service.panel}"
    return f"{step}-service-{service.service_id}-{whose}-{service.generation}-{attempt}"


async def create_once(
    *,
    look: Callable[[], Awaitable[T | None]],
    send: Callable[[], Awaitable[T | None]],
    what: str,
    lost_since: datetime | None,
) -> T:
    """Find the thing or make it; on a lost answer look again and adopt (safety rule 3).

    `look` tells what is there or None; `send` makes it and tells what the panel said it made, None when it did not say.
    `lost_since`: a run interrupted by then may have sent it, so it is given time to arrive before it is sent again.
    Raises Held: the answer was lost and looking did not work, or the panel accepted it and does not show it: it may
    come yet, so it is not sent again. Raises PanelUnreachable: not there long after the loss; a Retry may send.
    """
    made = await look()
    if made is None and lost_since is not None:
        run_log().info("%s: an earlier run may have asked for it, so it gets a minute to appear", what)
        while made is None and clock().elapsed(lost_since).total_seconds() < ARRIVAL_SECONDS:
            await clock().sleep(SETTLE_SECONDS)
            made = await look()
    if made is not None:
        return made
    try:
        made = await send()
    except PanelUnreachable as lost:
        run_log().warning("The answer to %s was lost (%s): looking whether it was made.", what, lost)
        await clock().sleep(SETTLE_SECONDS)
        made, seen = await _look_until_there(look, LOOKS_AFTER_LOSS)
        if not seen:
            raise Held(
                HoldReason.ANSWER_LOST,
                f"The answer to {what} was lost and the panel could not be asked whether it was done.",
                call=f"{lost.method} {lost.path}",
            ) from lost
        if made is None:
            raise
        return made
    if made is None:
        made, _ = await _look_until_there(look, LOOKS_AFTER_YES)
    if made is None:
        raise Held(HoldReason.ANSWER_LOST, f"The panel accepted {what} but does not show it.")
    return made


async def _look_until_there(look: Callable[[], Awaitable[T | None]], looks: int) -> tuple[T | None, bool]:
    """What is there after so many looks; and whether the last one worked, without which None says nothing."""
    made, seen = None, False
    for _ in range(looks):
        try:
            with asking_anyway():
                made, seen = await look(), True
        except PanelUnreachable:
            seen = False
        if made is not None:
            break
        await clock().sleep(SETTLE_SECONDS)
    return made, seen
