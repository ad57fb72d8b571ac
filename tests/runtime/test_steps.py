import importlib
import inspect
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from prefect.cache_policies import NO_CACHE, CacheKeyFnPolicy
from prefect.client.schemas.objects import TaskRun
from prefect.states import Failed

from dcimanager.errors import PanelUnreachable
from ledger.errors import LedgerError, LedgerUnavailable
from ledger.hold_reasons import HoldReason
from runtime import steps as kinds
from runtime.errors import Held, StepRefused
from runtime.result_storage import RESULTS
from runtime.slots import Slot, SlotPool, bind_slot
from runtime.steps import Step, StepKind

ROOT = Path(__file__).parents[2]


NOT_KEPT = {"make_key", "prove_key"}
"""What these make is a secret, and of use to nobody but who waits for it."""


def all_steps() -> list[Step[..., Any]]:
    found = {}
    for file in (ROOT / "tasks").rglob("*.py"):
        module = importlib.import_module(".".join(file.relative_to(ROOT).with_suffix("").parts))
        found.update({value.name: value for value in vars(module).values() if isinstance(value, Step)})
    return list(found.values())


@pytest.mark.parametrize("step", all_steps(), ids=lambda step: step.name)
def test_retries_and_caching_follow_from_the_kind_of_the_step(step: Step[..., Any]) -> None:
    task = step.task
    repeats = step.kind in (StepKind.READS, StepKind.ENSURES)
    assert task.retries == (len(kinds.REPEAT_AFTER_SECONDS) if repeats else 0)
    assert (task.retry_condition_fn is kinds.worth_repeating) is repeats
    if repeats:
        assert inspect.isfunction(task.retry_condition_fn)  # Prefect 3.8.8 takes any other callable for "never"
    if step.kind is StepKind.CREATES and step.name not in NOT_KEPT:
        assert isinstance(task.cache_policy, CacheKeyFnPolicy)
        assert (task.persist_result, task.result_storage_key) == (True, None)
        assert (task.result_storage, task.result_serializer) == (RESULTS, "json")
    else:
        assert task.cache_policy == NO_CACHE
        assert not task.persist_result
    assert str(task.description).startswith(f"{step.kind}: {step.what}. ")
    assert not task.tags  # for each Prefect would ask its server for a slot, in every run
    assert inspect.getdoc(step)


@pytest.mark.parametrize(
    ("error", "worth"),
    [(LedgerUnavailable("away"), True), (LedgerError("no"), False), (Held(HoldReason.ANSWER_LOST, "lost"), False)],
)
def test_only_an_answer_that_never_came_is_worth_another_try(error: Exception, worth: bool) -> None:
    step = next(one for one in all_steps() if one.kind is StepKind.ENSURES)
    run = TaskRun(flow_run_id=uuid4(), task_key="-", dynamic_key="-")
    assert kinds.worth_repeating(step.task, run, Failed(data=error)) is worth


async def test_a_step_that_waits_for_its_next_try_has_no_slot_until_it_begins_again() -> None:
    pool = SlotPool(1, kept_for_urgent=0)
    assert pool.take(urgent=False)
    bind_slot(Slot(pool, urgent=False))
    step = next(one for one in all_steps() if one.kind is StepKind.ENSURES)
    run = TaskRun(flow_run_id=uuid4(), task_key="-", dynamic_key="-")
    assert not kinds.worth_repeating(step.task, run, Failed(data=StepRefused("no")))
    assert pool.free == 0
    assert kinds.worth_repeating(step.task, run, Failed(data=PanelUnreachable("away")))
    assert pool.free == 1

    @kinds.reads("whether it has a slot")
    async def look() -> int:
        return pool.free

    assert await look.task.fn() == 0
