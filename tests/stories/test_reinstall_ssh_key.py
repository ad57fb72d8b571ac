"""A reinstallation with an SSH key: whose list it goes into, once, and when none is given."""

import logging

import pytest

from ledger.states import State
from runtime.connections import panel_named
from runtime.gate import SSH_KEY
from simulator.panel.models import SimUser
from tasks.panel_trust import trust
from tests.harness import PANEL, Harness
from tests.stories.anew import UBUNTU, ask, disk, harness_dump, in_use, is_untouched, permit_of
from tests.stories.scenario import one_line, sent, written

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIABso50sMzgQAwpCcrzfY175qIUmbPNvHr1sMxKZhoj"


async def trusted(harness: Harness) -> None:
    harness.connect()
    await trust(await panel_named(PANEL), SSH_KEY, who="anna", why="tried by hand")


def owner_of(harness: Harness, server_id: int) -> SimUser:
    return harness.panel.world.users[harness.panel.server(server_id).owner_id or 0]


def key_texts(user: SimUser) -> list[str]:
    return [text for _, text in user.ssh_keys.values()]


async def test_the_new_os_lets_the_clients_key_in(harness: Harness) -> None:
    service_id, server_id = await in_use(harness)
    await trusted(harness)
    writes = len(harness.panel.writes())
    await ask(harness, service_id, ssh_key=KEY)
    assert written(harness, since=writes) == ["ssh_key_create", "os_install_with_key"]
    assert disk(harness, server_id).startswith(f"os {UBUNTU}")
    assert harness.panel.server(server_id).ssh_keys == (KEY,)
    assert list(owner_of(harness, server_id).ssh_keys.values()) == [(f"service-{service_id}", KEY)]
    assert (await harness.service(service_id)).state is State.ACTIVE


async def test_a_key_that_the_user_has_is_not_added_again(harness: Harness) -> None:
    service_id, server_id = await in_use(harness)
    await trusted(harness)
    owner_of(harness, server_id).ssh_keys[5] = ("laptop", f"{KEY} anna@laptop")
    for _ in range(2):
        await ask(harness, service_id, ssh_key=KEY)
        harness.clock.simulated.advance(600)
    assert sent(harness, "ssh_key_create") == []
    assert len(sent(harness, "os_install_with_key")) == 2
    assert harness.panel.server(server_id).ssh_keys == (f"{KEY} anna@laptop",)


async def test_the_next_one_without_a_key_lets_none_in(harness: Harness) -> None:
    service_id, server_id = await in_use(harness)
    await trusted(harness)
    await ask(harness, service_id, ssh_key=KEY)
    harness.clock.simulated.advance(600)
    await ask(harness, service_id)
    disk(harness, server_id)
    assert harness.panel.server(server_id).ssh_keys == ()


@pytest.mark.parametrize("left_out", SSH_KEY)
async def test_unless_a_person_answers_for_each_call_nothing_is_touched(harness: Harness, left_out: str) -> None:
    service_id, server_id = await in_use(harness)
    harness.connect()
    answered = [entry for entry in SSH_KEY if entry != left_out]
    await trust(await panel_named(PANEL), answered, who="anna", why="tried by hand")
    writes = len(harness.panel.writes())
    line = await one_line(ask(harness, service_id, ssh_key=KEY))
    assert f"nobody answers for {left_out}, so no SSH key is given" in line
    assert f"dciflow panel trust main --entry {left_out} --why" in line
    await is_untouched(harness, service_id, server_id, writes)
    assert await permit_of(harness, service_id) is None
    harness.clock.simulated.advance(600)
    await ask(harness, service_id)
    assert disk(harness, server_id).startswith(f"os {UBUNTU}")


@pytest.mark.parametrize("key", ["", "ssh-ed25519", f"{KEY} anna@laptop", f"{KEY}\n{KEY}", KEY[:-1], "ssh-dss AAAA"])
async def test_what_is_no_key_is_refused_without_being_shown(harness: Harness, key: str) -> None:
    service_id, server_id = await in_use(harness)
    await trusted(harness)
    writes = len(harness.panel.writes())
    line = await one_line(ask(harness, service_id, ssh_key=key))
    assert "ssh_key" in line and "AAAA" not in line
    await is_untouched(harness, service_id, server_id, writes)


async def test_no_administrator_is_given_a_key(harness: Harness) -> None:
    service_id, server_id = await in_use(harness)
    await trusted(harness)
    owner_of(harness, server_id).roles = ("@admin",)
    writes = len(harness.panel.writes())
    for requested_by in ("client", "admin"):
        line = await one_line(ask(harness, service_id, ssh_key=KEY, requested_by=requested_by))
        assert "is an administrator of panel main: no SSH key is given as one" in line
        harness.clock.simulated.advance(600)
    await is_untouched(harness, service_id, server_id, writes)
    assert owner_of(harness, server_id).ssh_keys == {}


async def test_a_lost_answer_gives_the_key_once(harness: Harness) -> None:
    service_id, server_id = await in_use(harness)
    await trusted(harness)
    harness.faults.lose_answer("ssh_key_create")
    await ask(harness, service_id, ssh_key=KEY)
    assert key_texts(owner_of(harness, server_id)) == [KEY]
    assert len(sent(harness, "os_install_with_key")) == 1
    disk(harness, server_id)
    assert harness.panel.server(server_id).ssh_keys == (KEY,)


async def test_a_lost_answer_of_the_installation_is_looked_for_as_ever(harness: Harness) -> None:
    service_id, server_id = await in_use(harness)
    await trusted(harness)
    harness.faults.lose_answer("os_install_with_key")
    await ask(harness, service_id, ssh_key=KEY)
    assert len(sent(harness, "os_install_with_key")) == 1
    disk(harness, server_id)
    assert harness.panel.server(server_id).ssh_keys == (KEY,)


async def test_the_key_stands_in_no_log_and_no_row(harness: Harness, caplog: pytest.LogCaptureFixture) -> None:
    service_id, _ = await in_use(harness)
    await trusted(harness)
    with caplog.at_level(logging.DEBUG):
        await ask(harness, service_id, ssh_key=KEY)
        harness.clock.simulated.advance(600)
        await ask(harness, service_id, ssh_key=KEY)
    seen = f"{caplog.text}\n{await harness_dump(harness)}"
    assert "/sshkey" in seen  # the calls were logged
    assert KEY.split()[1] not in seen and KEY[-20:] not in seen
