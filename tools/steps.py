"""The steps of every flow with their kinds, read from the code: `make steps`, and docs/steps.md.

Only what a flow calls in its own file counts, in the order in which it stands there.
"""

import ast
import importlib
import inspect
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

from prefect import Flow
from pydantic import BaseModel, ConfigDict

from runtime.steps import Step, StepKind


class StepOfFlow(BaseModel):
    """One step as a flow calls it."""

    model_config = ConfigDict(frozen=True)

    name: str
    kind: StepKind
    what: str


def flows() -> list["Flow[..., object]"]:
    """Every flow of the house, by the name of its file."""
    found = []
    for file in sorted((Path(__file__).parents[1] / "flows").glob("[a-z]*.py")):
        module = importlib.import_module(f"flows.{file.stem}")
        found += [
            value
            for value in vars(module).values()
            if isinstance(value, Flow) and value.fn.__module__ == module.__name__
        ]
    return found


def steps_of(flow: "Flow[..., object]") -> list[StepOfFlow]:
    """The flow's steps in the order in which its body, and what it calls in its own file, call them."""
    return [StepOfFlow(name=step.name, kind=step.kind, what=step.what) for step in _called(inspect.unwrap(flow.fn))]


def calls_of(flow: "Flow[..., object]") -> set[str]:
    """The entries of the dialect that the flow's steps declare."""
    return {entry for step in _called(inspect.unwrap(flow.fn)) for entry in step.calls}


def _called(body: Callable[..., object]) -> Iterator[Step[..., object]]:
    tree = ast.parse(textwrap.dedent(inspect.getsource(body)))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    for call in sorted(calls, key=lambda node: (node.lineno, node.col_offset)):
        value = body.__globals__.get(call.func.id) if isinstance(call.func, ast.Name) else None
        if isinstance(value, Step):
            yield value
        elif inspect.isfunction(value) and value.__module__ == body.__module__:
            yield from _called(value)


def table() -> str:
    """All flows and steps as one markdown table."""
    lines = ["| flow | step | kind | what it makes true |", "| --- | --- | --- | --- |"]
    for flow in flows():
        for number, step in enumerate(steps_of(flow)):
            lines.append(f"| {flow.name if number == 0 else ''} | `{step.name}` | {step.kind} | {step.what} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
