import inspect
from pathlib import Path

import pytest

from dcimanager.panel import Panel
from dcimanager.transport import PanelAccess

TESTS = "\n".join(file.read_text(encoding="utf-8") for file in Path(__file__).parent.glob("test_*.py"))


def public_methods():
    panel = Panel(PanelAccess(name="main", url="https://panel.example.com", username="u", password="p"), http=object())
    things = {name: thing for name, thing in vars(panel).items() if type(thing).__module__.startswith("dcimanager.")}
    things = {name: thing for name, thing in things.items() if name not in ("dialect", "transport")}
    assert len(things) == 9
    for attribute, thing in things.items():
        for method, _ in inspect.getmembers(thing, inspect.iscoroutinefunction):
            if not method.startswith("_"):
                yield f"panel.{attribute}.{method}"
    yield from ("panel.login", "panel.aclose")


@pytest.mark.parametrize("method", list(public_methods()))
def test_every_public_method_of_the_panel_has_a_test(method):
    short = method.removeprefix("panel")
    assert f"{method}(" in TESTS or f"{short}(" in TESTS or f"{method},\n" in TESTS
