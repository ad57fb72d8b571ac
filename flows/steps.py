"""The steps of every flow with their kinds, read from the code: `make steps`, and the README's table.

Only what a flow's own body calls counts, in the order in which it stands there.
"""

import ast
import importlib
import inspect
import textwrap
from pathlib import Path

from prefect import Flow
from pydantic import BaseModel, ConfigDict

from tasks.effects import Kind, Step


class StepOfFlow(BaseModel):
    """One step as a flow calls it."""

    model_config = ConfigDict(frozen=True)

    name: str
    kind: Kind
    what: str


def flows() -> list["Flow[..., object]"]:
    """Every flow of the house, by the name of its file."""
    found = []
    for file in sorted(Path(__file__).parent.glob("*.py")):
        module = importlib.import_module(f"flows.{file.stem}")
        found += [
            value
            for value in vars(module).values()
            if isinstance(value, Flow) and value.fn.__module__ == module.__name__
        ]
    return found


def steps_of(flow: "Flow[..., object]") -> list[StepOfFlow]:
    """The flow's steps in the order in which its body calls them."""
    body = inspect.unwrap(flow.fn)
    tree = ast.parse(textwrap.dedent(inspect.getsource(body)))
    called = [
        (node.lineno, node.col_offset, body.__globals__.get(node.func.id))
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    ]
    return [
        StepOfFlow(name=step.name, kind=step.kind, what=step.what)
        for _, _, step in sorted(called, key=lambda call: call[:2])
        if isinstance(step, Step)
    ]


def table() -> str:
    """All flows and steps as one markdown table."""
    lines = ["| flow | step | kind | what it makes true |", "| --- | --- | --- | --- |"]
    for flow in flows():
        for number, step in enumerate(steps_of(flow)):
            lines.append(f"| {flow.name if number == 0 else ''} | `{step.name}` | {step.kind} | {step.what} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
