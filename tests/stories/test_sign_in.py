"""A way into the panel: the key that comes out for whoever asked, and everyone who gets none."""

import logging
from typing import Any

import pytest
from sqlalchemy import text

from dcimanager.users import User
from flows.activate import activate
from flows.sign_in import sign_in
from flows.suspend import suspend
from ledger import panel_users
from ledger.states import State
from tests.harness import PANEL, Harness, forget_proofs
from tests.ledger.scenario import last_request
from tests.sealed import key_pair, opened
from tests.stories.scenario import activated, is_held, one_line, sent, take_panel_down, taken_over, written
from tests.stories.test_power import by_client


class Browser:
    """A session of WHMCS that asks for a key: its pair of keys, and what came back for it."""

    def __init__(self, harness: Harness) -> None:
        self.harness = harness
        self.private, self.public = key_pair()
        self.sealed: list[str] = []

    async def set_run_labels(self, **labels: Any) -> bool:
        self.sealed.append(labels["sealed_key"])
        return True

    async def ask(self, service_id: int, **more: Any) -> None:
        given = {"public_key": self.public, **by_client(self.harness, service_id), **more}
        await self.harness.run(sign_in, service_id, **given)

    @property
    def key(self) -> str:
        return opened(self.sealed[-1], self.private)


@pytest.fixture
def browser(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> Browser:
    browser = Browser(harness)
    monkeypatch.setattr("tasks.sign_in.set_run_labels", browser.set_run_labels)
    return browser


def made(harness: Harness) -> list[str]:
    return [key.text for key in harness.panel.sessions.keys]


async def test_a_client_gets_the_key_that_the_panel_made_for_their_user(harness: Harness, browser: Browser) -> None:
    service_id, server = await activated(harness)
    before = len(harness.panel.writes())
    await browser.ask(service_id)
    (key,) = harness.panel.sessions.keys
    assert browser.key == key.text
    assert key.user_id == server.owner_id == harness.panel.users.find(harness.client.email).id  # type: ignore[union-attr]
    assert written(harness, since=before) == ["key_create"]
    assert (await harness.service(service_id)).state is State.ACTIVE
    assert (await last_request(harness.ledger, service_id)).outcome == "done"


async def test_a_key_stands_in_no_log_and_no_table(
    harness: Harness, browser: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    service_id, _ = await activated(harness)
    with caplog.at_level(logging.DEBUG):
        await browser.ask(service_id)
        harness.faults.answer_hostile("half an answer", "key_create")
        harness.clock.simulated.advance(60)
        await one_line(browser.ask(service_id))
    assert len(made(harness)) == 2
    seen = "\n".join([*(record.getMessage() for record in caplog.records), caplog.text, *await everything(harness)])
    assert "/key" in seen  # the calls were logged, without their answers
    for key in made(harness):
        assert key not in seen and key.split("-", 1)[1][:8] not in seen


async def everything(harness: Harness) -> list[str]:
    """Every row of the ledger, and what the panel remembers of its calls."""
    rows = [str(call) for call in harness.panel.requests]
    async with harness.ledger.transaction() as session:
        names = (await session.exec(text("SELECT name FROM sqlite_master WHERE type = 'table'"))).all()  # type: ignore[call-overload]
        for (name,) in names:
            rows += [str(row) for row in await session.exec(text(f"SELECT * FROM {name}"))]  # type: ignore[call-overload] # noqa: S608
    assert len(rows) > 50
    return rows


async def test_each_time_another_key_is_made_and_an_older_one_is_not_kept(harness: Harness, browser: Browser) -> None:
    service_id, _ = await activated(harness)
    for _ in range(2):
        await browser.ask(service_id)
        harness.clock.simulated.advance(60)
    assert len(set(made(harness))) == 2
    assert browser.key == made(harness)[-1]


async def test_another_session_cannot_open_what_came_back(harness: Harness, browser: Browser) -> None:
    service_id, _ = await activated(harness)
    await browser.ask(service_id)
    browser.private, _ = key_pair()
    with pytest.raises(Exception, match=r"^$"):  # InvalidTag says nothing
        _ = browser.key


@pytest.mark.parametrize("public", ["", "A" * 42, "A" * 44, "k" * 42 + "B", "A" * 43])
async def test_a_forged_public_key_gets_no_key_made(harness: Harness, browser: Browser, public: str) -> None:
    service_id, _ = await activated(harness)
    await one_line(browser.ask(service_id, public_key=public))
    assert (made(harness), browser.sealed) == ([], [])


async def test_a_lost_answer_is_not_asked_for_again_and_the_next_press_gets_a_key(
    harness: Harness, browser: Browser
) -> None:
    service_id, _ = await activated(harness)
    harness.faults.lose_answer("key_create")
    line = await one_line(browser.ask(service_id))
    assert "One that was made expires unused" in line
    assert len(sent(harness, "key_create")) == 1
    harness.clock.simulated.advance(60)
    await browser.ask(service_id)
    assert [browser.key] == made(harness)[1:]


class WorkerDied(BaseException):
    """The process is gone: no code of the run comes after it."""


async def test_a_worker_that_dies_after_the_call_leaves_a_key_that_nobody_has(
    harness: Harness, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    service_id, _ = await activated(harness)
    pressed = by_client(harness, service_id)

    async def die(**labels: Any) -> bool:
        raise WorkerDied

    with monkeypatch.context() as dying:
        dying.setattr("tasks.sign_in.set_run_labels", die)
        with pytest.raises(WorkerDied):
            await browser.ask(service_id, **pressed)
    harness.clock.simulated.advance(120)  # its heartbeat is old enough
    await browser.ask(service_id, **pressed)
    assert [browser.key] == made(harness)[1:]


async def test_a_run_that_goes_on_after_everybody_left_makes_no_key(harness: Harness, browser: Browser) -> None:
    service_id, _ = await activated(harness)
    pressed = by_client(harness, service_id)
    harness.clock.simulated.advance(301)
    line = await one_line(browser.ask(service_id, **pressed))
    assert "Nobody waits for this key any more" in line
    assert made(harness) == []


async def test_a_run_that_another_one_took_over_makes_no_key(
    harness: Harness, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    service_id, _ = await activated(harness)
    panel = harness.connect().panels[PANEL]
    get = panel.users.get

    async def get_while_another_takes_over(user_id: int) -> User | None:
        await taken_over(harness, service_id, "terminate")
        return await get(user_id)

    monkeypatch.setattr(panel.users, "get", get_while_another_takes_over)
    line = await one_line(browser.ask(service_id))
    assert "Another run drives service" in line or "taken over" in line
    assert made(harness) == []


async def test_an_administrator_of_the_panel_is_never_signed_in(harness: Harness, browser: Browser) -> None:
    service_id, server = await activated(harness)
    harness.panel.world.users[server.owner_id].roles = ("@admin",)  # type: ignore[index]
    for requested_by in ("client", "admin"):
        line = await one_line(browser.ask(service_id, requested_by=requested_by))
        assert "is an administrator of panel main: nobody is signed in as one" in line
        harness.clock.simulated.advance(60)
    assert made(harness) == []


async def test_a_user_who_is_known_as_another_clients_or_as_nobodys_is_not_signed_in(
    harness: Harness, browser: Browser
) -> None:
    service_id, server = await activated(harness)
    assert server.owner_id is not None
    now = harness.clock.now()
    await panel_users.give(harness.ledger, panel=PANEL, user_id=server.owner_id, client_id=999, now=now)
    line = await one_line(browser.ask(service_id))
    assert "is known as client 999's" in line and f"dciflow panel user main {server.owner_id}" in line
    async with harness.ledger.transaction() as session:
        await session.exec(text("DELETE FROM panel_user"))  # type: ignore[call-overload]
    harness.clock.simulated.advance(60)
    assert "is known as nobody's" in await one_line(browser.ask(service_id))
    assert made(harness) == []


async def test_a_user_who_is_gone_from_the_panel_ends_it(harness: Harness, browser: Browser) -> None:
    service_id, server = await activated(harness)
    del harness.panel.world.users[server.owner_id]  # type: ignore[arg-type]
    server.owner_id = None
    await one_line(browser.ask(service_id))
    assert made(harness) == []


async def test_a_server_that_was_given_to_somebody_else_is_held_and_signs_nobody_in(
    harness: Harness, browser: Browser
) -> None:
    service_id, server = await activated(harness)
    harness.panel.admin.set_owner(server.id, "stranger@example.com")
    await one_line(browser.ask(service_id))
    await is_held(harness, service_id, "owner-changed")
    assert made(harness) == []


async def test_another_clients_service_is_not_signed_in_to(harness: Harness, browser: Browser) -> None:
    service_id, _ = await activated(harness)
    other = harness.whmcs.add_client("eve@example.com", "Eve", "Ozola")
    theirs = harness.buy(client_id=other.id)
    await harness.run(activate, theirs, order=harness.order(client_id=other.id))
    stranger = by_client(harness, theirs)
    line = await one_line(browser.ask(service_id, **stranger))
    assert "names another client" in line
    assert made(harness) == []


async def test_only_an_active_service_signs_its_client_in_and_a_suspended_one_staff(
    harness: Harness, browser: Browser
) -> None:
    service_id, _ = await activated(harness)
    harness.billed(service_id).status = "Suspended"
    await harness.run(suspend, service_id, requested_by="admin")
    assert "is not for it by its client now" in await one_line(browser.ask(service_id))
    assert made(harness) == []
    await browser.ask(service_id, requested_by="admin")
    assert [browser.key] == made(harness)


@pytest.mark.parametrize("status", ["Terminated", "Cancelled", "Fraud", "Pending", "Archived"])
async def test_what_whmcs_does_not_show_as_delivered_is_not_signed_in_to(
    harness: Harness, browser: Browser, status: str
) -> None:
    service_id, _ = await activated(harness)
    harness.billed(service_id).status = status
    line = await one_line(browser.ask(service_id))
    assert f"as {status}: nobody is signed in" in line
    assert made(harness) == []


async def test_a_service_without_a_server_is_refused(harness: Harness, browser: Browser) -> None:
    service_id = harness.buy()
    assert "does not know service" in await one_line(browser.ask(service_id, requested_by="admin"))


async def test_a_client_may_ask_only_so_often(harness: Harness, browser: Browser) -> None:
    service_id, _ = await activated(harness)
    await browser.ask(service_id)
    assert (await one_line(browser.ask(service_id))).startswith("Too often: ")
    await browser.ask(service_id, requested_by="admin")
    assert len(made(harness)) == 2


async def test_without_a_persons_word_it_is_off_and_says_so(harness: Harness, browser: Browser) -> None:
    service_id, _ = await activated(harness)
    await forget_proofs(harness.ledger)
    harness.clock.simulated.advance(120)
    line = await one_line(browser.ask(service_id))
    assert "key_create is neither proved nor trusted" in line
    assert made(harness) == []


async def test_a_panel_that_makes_no_keys_is_one_line(harness: Harness, browser: Browser) -> None:
    service_id, _ = await activated(harness)
    harness.panel.world.variants = harness.panel.variants.model_copy(update={"login_keys": "absent"})
    assert "correct [key_create]" in await one_line(browser.ask(service_id))


async def test_a_panel_that_is_away_ends_it_in_one_line(harness: Harness, browser: Browser) -> None:
    service_id, _ = await activated(harness)
    take_panel_down(harness)
    await one_line(browser.ask(service_id))
    harness.faults.clear()
    assert (await last_request(harness.ledger, service_id)).outcome == "failed"


async def test_a_sealed_key_that_prefect_does_not_take_is_one_line(
    harness: Harness, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(**labels: Any) -> bool:
        return False

    service_id, _ = await activated(harness)
    monkeypatch.setattr("tasks.sign_in.set_run_labels", refuse)
    assert "Prefect did not take the sealed key" in await one_line(browser.ask(service_id))
