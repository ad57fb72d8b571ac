"""The picture of the imports, read from the code: `python -m tools.imports`, and docs/imports.md.

It says no, with the names, where an arrow goes up or there is a circle. What import-linter forbids besides stands in
pyproject.toml.
"""

import sys
import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

import grimp

Arrows = Mapping[str, Collection[str]]
"""What each name imports."""

ROOMS = ("reconciliation", "held", "published", "restored")
"""The folders of tasks/. They use the steps, and no step uses them."""


def packages_picture(arrows: Arrows) -> str:
    """The packages as a Mermaid flowchart, without the arrows that follow from others."""
    return _flowchart(_reduced(_merged(arrows, _package)), {})


def tasks_picture(arrows: Arrows) -> str:
    """The files of tasks/ as a Mermaid flowchart, its rooms as boxes, without the arrows that follow from others.

    A file that imports no other one of tasks/ and is imported by none is left out.
    """
    inside = _reduced(_tasks(arrows))
    joined = {name for name, imported in inside.items() if imported}.union(*inside.values())
    rooms = {room: [name for name in sorted(joined) if name.startswith(f"{room}.")] for room in ROOMS}
    return _flowchart({name: imported for name, imported in inside.items() if name in joined}, rooms)


def tasks_table(arrows: Arrows) -> str:
    """The files of tasks/ by floor, the highest first: a file stands one floor above the highest that it imports."""
    inside = _tasks(arrows)
    floors: dict[str, int] = {}
    for name in TopologicalSorter(inside).static_order():
        floors[name] = max((floors[below] + 1 for below in inside[name]), default=0)
    lines = ["| floor | files |", "| --- | --- |"]
    for floor in range(max(floors.values()), -1, -1):
        lines.append(f"| {floor} | {', '.join(f'`{name}`' for name in sorted(floors) if floors[name] == floor)} |")
    return "\n".join(lines)


def read_arrows() -> dict[str, set[str]]:
    """The imports among all modules of our packages."""
    graph = grimp.build_graph(*_settings()["root_packages"], cache_dir=None)
    return {module: set(graph.find_modules_directly_imported_by(module)) for module in sorted(graph.modules)}


def layers() -> list[list[str]]:
    """The packages by layer, the highest first, as import-linter keeps them."""
    found = next(contract["layers"] for contract in _settings()["contracts"] if contract["type"] == "layers")
    return [[name.strip() for name in layer.split("|")] for layer in found]


def faults(arrows: Arrows, floors: list[list[str]]) -> list[str]:
    """A line for each arrow that does not go down and for a circle, of packages, of rooms and of files; [] is good."""
    floor_of = {name: number for number, names in enumerate(reversed(floors)) for name in names}
    found = []
    for a, b in _pairs(arrows):
        above, below = _package(a), _package(b)
        if above != below and above in floor_of and below in floor_of and floor_of[below] >= floor_of[above]:
            found.append(f"{a} imports {b}, which does not stand below it")
        elif above == below == "tasks" and _room(b) in ROOMS and _room(a) not in ROOMS:
            found.append(f"{a} imports {b}, which stands above it")
    for group in (_merged(arrows, _package), _merged(_tasks(arrows), lambda name: name.partition(".")[0]), arrows):
        try:
            TopologicalSorter(group).prepare()
        except CycleError as error:
            found.append(f"a circle: {' -> '.join(reversed(error.args[1]))}")
    return found


def _settings() -> dict[str, Any]:
    project = Path(__file__).resolve().parents[1] / "pyproject.toml"
    settings: dict[str, Any] = tomllib.loads(project.read_text(encoding="utf-8"))["tool"]["importlinter"]
    return settings


def _pairs(arrows: Arrows) -> Iterator[tuple[str, str]]:
    for name in sorted(arrows):
        for imported in sorted(arrows[name]):
            yield name, imported


def _package(module: str) -> str:
    return module.partition(".")[0]


def _room(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def _merged(arrows: Arrows, part_of: Callable[[str], str]) -> dict[str, set[str]]:
    """The arrows among the parts that the names belong to."""
    merged: dict[str, set[str]] = {part_of(name): set() for name in arrows}
    for a, b in _pairs(arrows):
        if part_of(a) != part_of(b):
            merged[part_of(a)].add(part_of(b))
    return merged


def _tasks(arrows: Arrows) -> dict[str, set[str]]:
    """The files of tasks/, named without it, and what each of them imports there."""
    files = {name for name in arrows if name.startswith("tasks.") and name.removeprefix("tasks.") not in ROOMS}
    return {
        name.removeprefix("tasks."): {other.removeprefix("tasks.") for other in arrows[name] if other in files}
        for name in sorted(files)
    }


def _reduced(arrows: Arrows) -> dict[str, set[str]]:
    """Without an arrow from a to c where one leads from a to b and more from there to c."""
    below: dict[str, set[str]] = {}
    for name in TopologicalSorter(arrows).static_order():
        below[name] = set(arrows[name]).union(*(below[other] for other in arrows[name]))
    return {name: set(arrows[name]).difference(*(below[other] for other in arrows[name])) for name in arrows}


def _flowchart(arrows: Arrows, rooms: Mapping[str, Collection[str]]) -> str:
    """Mermaid lays a flowchart without circles out so that each of its arrows goes down."""
    lines = ["flowchart TD"]
    for room, names in rooms.items():
        if names:
            lines += [f"    subgraph {room}", *(f"        {_node(name)}" for name in names), "    end"]
    boxed = {name for names in rooms.values() for name in names}
    lines += [f"    {_node(name)}" for name in sorted(arrows) if name not in boxed]
    lines += [f"    {_id(a)} --> {_id(b)}" for a, b in _pairs(arrows)]
    return "\n".join(lines)


def _node(name: str) -> str:
    return f"{_id(name)}[{name.rpartition('.')[2]}]"


def _id(name: str) -> str:
    return f"m_{name.replace('.', '_')}"  # a bare name might be one of Mermaid's own words


def main() -> None:
    """Print both pictures, or what is wrong with them."""
    arrows = read_arrows()
    if wrong := faults(arrows, layers()):
        sys.exit("\n".join(wrong))
    print("\n\n".join((packages_picture(arrows), tasks_picture(arrows), tasks_table(arrows))))


if __name__ == "__main__":
    main()
