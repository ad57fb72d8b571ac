import socket
import threading
from typing import Any

import pytest

from runtime import resolver
from runtime.errors import StepRefused
from runtime.resolver import MOST_ANSWERS, addresses_of, ask_this_machine, set_resolver

FOUND = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (f"192.0.2.{nth}", 0)) for nth in range(200)]


async def test_a_names_addresses_are_asked_of_the_library_and_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def look_up(name: str, *_: Any, **__: Any) -> list[Any]:
        asked.append(name)
        return FOUND

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    assert len(await ask_this_machine("web1.example.com")) == MOST_ANSWERS
    assert asked == ["web1.example.com."], "no search domain is put behind it"


async def test_a_name_that_nobody_knows_leads_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: Any, **__: Any) -> list[Any]:
        raise socket.gaierror(socket.EAI_NONAME, "not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert await ask_this_machine("nobody.example.com") == frozenset()


async def test_a_resolver_that_hangs_ends_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    may_go_on = threading.Event()

    def hang(*_: Any, **__: Any) -> list[Any]:
        may_go_on.wait(10)
        return FOUND

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    monkeypatch.setattr(resolver, "LOOKUP_SECONDS", 0.05)
    try:
        with pytest.raises(StepRefused, match="No resolver said"):
            await ask_this_machine("web1.example.com")
    finally:
        may_go_on.set()


async def test_a_test_can_put_another_one_in_its_place() -> None:
    async def resolve(name: str) -> frozenset[str]:
        return frozenset({name})

    set_resolver(resolve)
    try:
        assert await addresses_of("x") == {"x"}
    finally:
        set_resolver(ask_this_machine)
