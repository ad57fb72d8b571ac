from collections.abc import Iterable

import pytest

from dcimanager.endpoints import Dialect, load_dialect
from dcimanager.marks import Mark
from dcimanager.words import Vocabulary, Word, WordKind
from flows.activate import activate
from flows.suspend import suspend
from flows.terminate import terminate
from flows.unsuspend import unsuspend
from ledger.states import State
from runtime.errors import InstallationFailed
from simulator.panel.models import Status
from simulator.panel.profile import XEON
from simulator.panel.variants import Variants
from tasks.published.catalogue import read_catalogue
from tests.conftest import HarnessMaker
from tests.harness import PANEL, QUICK, Harness, trust_panel
from tests.stories.scenario import activated, is_held, let_go_on, one_line, promised, sent

NOT_IN_THE_TABLE = "The panel's word for it, 'beendet', is not in the table of words: see docs/dialect.md."


def says_what_nobody_knows(harness: Harness, *statuses: Status) -> None:
    """From now on the panel says these in words that are not in the table."""
    world = harness.panel.world
    world.variants = world.variants.model_copy(update={"unknown_words": frozenset(statuses)})


def with_words(*words: Word, without: Iterable[WordKind] = ()) -> Dialect:
    """The shipped dialect with words of a site's own, or without those of a kind."""
    known = load_dialect()
    table = {kind: {} if kind in without else dict(known.vocabulary.words.get(kind, {})) for kind in WordKind}
    for word in words:
        table[word.kind][word.word] = word
    return known.model_copy(update={"vocabulary": Vocabulary(words=table)})


BEENDET = Word(kind=WordKind.OPERATION, word="beendet", means="finished", mark=Mark.CORRECTED)


async def fit(harness: Harness) -> int | None:
    """How many servers of the ordered configuration the stock has."""
    return next(one.total for one in (await read_catalogue(PANEL)).configurations if one.name == XEON)


async def test_a_panel_that_says_ok_has_stock_and_one_whose_word_nobody_knows_has_none(harness: Harness) -> None:
    assert await fit(harness) == 6
    says_what_nobody_knows(harness, "finished")
    assert await fit(harness) == 0
    line = await one_line(harness.run(activate, harness.buy(), order=harness.order()))
    assert "Of 6 servers: 6 whose last operation's word is not in the table (docs/dialect.md)." in line
    assert await promised(harness) == {}
    assert harness.panel.writes() == []


async def test_an_installation_whose_end_nobody_understands_times_out_and_is_there_once_the_word_is(
    harness: Harness,
) -> None:
    harness.faults.admin_acts_after("os_install", 1, lambda: says_what_nobody_knows(harness, "finished"))
    service_id = harness.buy()
    began = harness.clock.now()
    line = await one_line(harness.run(activate, service_id, order=harness.order(os_install_timeout_minutes=3)))
    server = await harness.server(service_id)
    assert f"Operation {server.operations[-1].id} on server {server.id} does not end. {NOT_IN_THE_TABLE}" in line
    assert (harness.clock.now() - began).total_seconds() >= 180
    assert (await harness.service(service_id)).state is State.INSTALLING
    assert harness.billed(service_id).status == "Pending"
    assert len(sent(harness, "operation_end")) == 1

    harness.dialect = with_words(BEENDET)
    await harness.connect().panels[PANEL].login()
    await harness.run(activate, service_id)
    assert (await harness.service(service_id)).state is State.ACTIVE
    assert len(sent(harness, "os_install")) == 1


async def test_an_installation_that_runs_by_a_word_nobody_knows_is_ended_when_its_time_is_over(
    make_harness: HarnessMaker,
) -> None:
    harness = make_harness(QUICK, Variants(unknown_words=frozenset({"queued", "in_progress"})))
    harness.panel.hang_next("os_install")
    service_id = harness.buy()
    with pytest.raises(InstallationFailed, match="did not finish within 3 minutes and was ended"):
        await harness.run(activate, service_id, order=harness.order(os_install_timeout_minutes=3))
    assert (await harness.server(service_id)).operations[-1].status == "canceled"


async def test_a_wipe_whose_end_nobody_understands_is_held(harness: Harness) -> None:
    service_id, server = await activated(harness)
    harness.panel.write_tenant_data(server.id, "the client's photographs")
    harness.faults.admin_acts_after("diagnostics", 1, lambda: says_what_nobody_knows(harness, "finished"))
    line = await one_line(harness.run(terminate, service_id))
    assert f"was not finished after 75 minutes. {NOT_IN_THE_TABLE} The service is HELD (wipe-unproven)" in line
    await is_held(harness, service_id, "wipe-unproven")

    harness.dialect = with_words(BEENDET)
    harness.connect()
    await let_go_on(harness, service_id, State.ERASING)
    await harness.run(terminate, service_id)
    assert (await harness.service(service_id)).state is State.RELEASED
    assert len(sent(harness, "diagnostics")) == 2


@pytest.mark.parametrize("flow", [suspend, unsuspend], ids=lambda flow: flow.name)
async def test_nothing_is_called_suspended_or_back_on_a_ports_word_that_nobody_knows(
    harness: Harness, flow: object
) -> None:
    service_id, server = await activated(harness)
    if flow is unsuspend:
        await harness.run(suspend, service_id)
    before = (await harness.service(service_id)).state
    harness.dialect = with_words(without=[WordKind.PORT])
    harness.connect()
    await trust_panel(harness.ledger, harness.dialect)
    line = await one_line(harness.run(unsuspend if flow is unsuspend else suspend, service_id))
    assert f"Nobody knows whether the ports of server {server.id} went" in line
    assert "of 2 of them, which is not in the table of words. Enter it (docs/dialect.md)" in line
    assert (await harness.service(service_id)).state is before


async def test_an_installation_that_the_panel_ends_by_itself_says_so_and_is_repeated(harness: Harness) -> None:
    service_id = harness.buy()

    def the_panel_gives_up() -> None:
        for server in harness.panel.servers.values():
            harness.panel.admin.end_operation(server.id)

    harness.faults.admin_acts_after("os_install", 1, lambda: harness.panel.world.later(5, the_panel_gives_up))
    line = await one_line(harness.run(activate, service_id, order=harness.order()))
    assert "was ended, by somebody or by the panel itself (cancel" in line
    assert f"The server stays with service {service_id}: press Retry on its activation to install again" in line
    await harness.run(activate, service_id)
    assert (await harness.service(service_id)).state is State.ACTIVE
    assert len(sent(harness, "os_install")) == 2


async def test_a_server_with_anothers_mac_or_with_problems_is_a_near_miss(make_harness: HarnessMaker) -> None:
    harness = make_harness(QUICK, Variants(unsellable_servers=True))
    assert await fit(harness) == 5
    for server in harness.panel.servers.values():
        server.state = "suspended" if server.id in (2, 3, 4, 5, 6) else server.state
    line = await one_line(harness.run(activate, harness.buy(), order=harness.order()))
    assert "2 with a MAC address that another server has, too" in line
    assert "1 with problems on the panel" in line
    assert "5 not in operation (suspended)" in line
    assert await promised(harness) == {}
