import asyncio
import json
from collections.abc import Callable

import pytest

import flows._request
import flows.rehearse
from dcimanager.endpoints import Dialect
from dcimanager.errors import PanelUnreachable
from flows.activate import activate
from flows.rehearse import rehearse
from flows.terminate import terminate
from ledger import claims, overview, proofs, services
from ledger.proofs import Backing
from ledger.states import State
from runtime.connections import connections
from runtime.errors import PrefectUnreachable
from simulator.panel.models import SimServer
from simulator.panel.profile import Profile
from tasks.reconciliation.differences import Difference, Drift, Repair
from tasks.rehearsal.report import REHEARSED
from tests.conftest import HarnessMaker
from tests.harness import PANEL, Harness, forget_proofs
from tests.stories.scenario import activated, midway, one_line, only_fit, sent, written
from tests.tasks.reconciliation.scenario import look

SPARE = 2


async def rehearsed(harness: Harness, server: int = SPARE, **more: object) -> SimServer:
    """The spare server after a rehearsal on it."""
    await rehearse.fn(panel=PANEL, server=server, clear_its_disks=True, **more)
    return harness.panel.server(server)


async def proved(harness: Harness) -> set[str]:
    """The entries of which the ledger has a proof."""
    return {one.entry for one in await proofs.of_panel(harness.ledger, PANEL) if one.backing is Backing.PROVED}


def guess_wrong(entry: str) -> Callable[[], None]:
    """Our table has a path for the entry that the panel does not know; returns what corrects it."""
    panel = connections().panels[PANEL]
    right = panel.dialect
    wrong = right[entry].model_copy(update={"path": right[entry].path.replace("dci/v3/", "dci/v3/no-such/")})

    use(right.model_copy(update={"endpoints": {**right.endpoints, entry: wrong}}))
    return lambda: use(right)


def use(dialect: Dialect) -> None:
    """The panel is spoken to by this table from now on."""
    panel = connections().panels[PANEL]
    panel.dialect = panel.transport.dialect = dialect


def only_free(harness: Harness) -> int:
    """A server that has no owner."""
    return next(number for number in harness.panel.servers if harness.panel.owner_of(number) is None)


async def test_every_call_of_the_lifecycles_is_proved_and_the_server_is_free_again(harness: Harness) -> None:
    server = await rehearsed(harness)
    assert set(REHEARSED) <= await proved(harness)
    assert harness.panel.owner_of(server.id) is None
    assert server.disk.is_clear
    assert not server.addresses
    assert harness.panel.world.incidents == []
    service = await services.get(harness.ledger, -1)
    assert service is not None
    assert (service.state, service.claim) == (State.RELEASED, None)


async def test_nothing_is_touched_unless_the_clearing_of_its_disks_is_agreed_to(harness: Harness) -> None:
    line = await one_line(rehearse.fn(panel=PANEL, server=SPARE))
    assert "not agreed to" in line
    assert written(harness) == []


@pytest.mark.parametrize(
    ("make_unfit", "said"),
    [
        (lambda harness: harness.panel.admin.set_owner(SPARE, "neighbour@example.com"), "with an owner"),
        (lambda harness: harness.panel.admin.protect(SPARE), "protected"),
        (lambda harness: harness.panel.admin.start_operation(SPARE), "with an operation that runs"),
    ],
)
async def test_a_server_that_is_not_spare_is_left_alone(
    harness: Harness, make_unfit: Callable[[Harness], object], said: str
) -> None:
    make_unfit(harness)
    assert said in await one_line(rehearsed(harness))
    assert written(harness) == []


async def test_a_server_that_is_promised_to_a_client_is_left_alone(harness: Harness) -> None:
    service_id, server = await activated(harness)
    harness.panel.admin.set_owner(server.id, None)
    line = await one_line(rehearsed(harness, server.id))
    assert "promised to a service" in line
    assert (await harness.service(service_id)).claim is not None
    assert sent(harness, "diagnostics") == []


async def test_nobody_is_sold_the_server_while_it_is_rehearsed_on(harness: Harness) -> None:
    only_fit(harness, SPARE)
    bought = harness.buy()
    async with midway(harness, rehearsed(harness)):
        assert "1 with an owner" in await one_line(harness.run(activate, bought, order=harness.order()))


@pytest.mark.parametrize("entry", ["port_off", "port_on", "power_on", "address_add", "os_install", "operation_end"])
async def test_a_call_that_the_panel_does_not_know_is_named_and_the_rest_is_proved(
    harness: Harness, entry: str
) -> None:
    harness.panel.admin.power(SPARE, "off")
    guess_wrong(entry)
    line = await one_line(rehearsed(harness))
    assert f"[{entry}]" in line
    assert entry not in await proved(harness)
    assert {"owner_set", "diagnostics", "owner_clear"} <= await proved(harness)
    assert harness.panel.owner_of(SPARE) is None
    assert harness.panel.server(SPARE).disk.is_clear


async def test_a_call_that_no_order_needs_is_not_proved_and_not_missed(harness: Harness) -> None:
    guess_wrong("ip_pool_settings")
    await rehearsed(harness)
    assert set(REHEARSED) - await proved(harness) == {"ip_pool_settings"}


async def test_a_panel_that_sets_no_owner_has_its_server_back_at_once(harness: Harness) -> None:
    guess_wrong("owner_set")
    assert "correct [owner_set]" in await one_line(rehearsed(harness))
    assert await claims.claimed(harness.ledger, PANEL) == {}
    assert sent(harness, "os_install") == []


@pytest.mark.parametrize("entry", ["owner_clear", "diagnostics"])
async def test_a_rehearsal_that_cannot_give_its_server_back_goes_on_once_the_entry_is_corrected(
    harness: Harness, entry: str
) -> None:
    mend = guess_wrong(entry)
    assert f"[{entry}]" in await one_line(rehearsed(harness))
    assert list(await claims.claimed(harness.ledger, PANEL)) == [SPARE]
    mend()
    await rehearse.fn(panel=PANEL, server=SPARE, clear_its_disks=True)
    assert entry in await proved(harness)
    assert await claims.claimed(harness.ledger, PANEL) == {}
    assert harness.panel.server(SPARE).disk.is_clear


async def test_an_installation_that_fails_proves_nothing(harness: Harness) -> None:
    for _ in range(2):
        harness.panel.fail_next("os_install", SPARE)
    line = await one_line(rehearsed(harness))
    assert "[os_install]" in line
    assert "os_install" not in await proved(harness)


async def test_a_wipe_that_fails_is_held_and_proves_nothing(harness: Harness) -> None:
    harness.panel.fail_next("diagnostics", SPARE)
    assert "HELD" in await one_line(rehearsed(harness))
    assert "diagnostics" not in await proved(harness)
    assert "HELD (wipe-unproven)" in await one_line(rehearsed(harness))


async def test_a_proof_tells_the_call_the_words_and_what_was_seen(harness: Harness) -> None:
    await rehearsed(harness)
    rows = await proofs.of_panel(harness.ledger, PANEL)
    kept = {one.entry: one for one in rows if one.backing is Backing.PROVED}
    assert json.loads(kept["owner_set"].call)["path"] == "dci/v3/server/{server}/owner"
    assert "ended" in kept["operation_end"].words["operation"].values()
    assert set(kept["port_off"].words["port"].values()) == {"up", "down"}
    assert kept["owner_set"].server_id == SPARE
    assert "rehearsal-1@" not in " ".join(one.before + one.after + one.why for one in kept.values())


async def test_a_server_that_somebody_takes_while_it_is_claimed_is_left_alone(harness: Harness) -> None:
    harness.faults.admin_acts_before("server_list", 4, lambda: harness.panel.admin.start_operation(SPARE))
    line = await one_line(rehearsed(harness))
    assert "is not spare: it is with an operation that runs" in line
    assert await claims.claimed(harness.ledger, PANEL) == {}
    assert written(harness) == []


async def test_a_claim_that_was_interrupted_is_looked_at_again(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flows.rehearse, "run_id", lambda: "one run")
    monkeypatch.setattr(flows._request, "run_id", lambda: "one run")
    for nth in range(4, 40):  # the second look, after the claim, and each try of it
        harness.faults.refuse_before("server_list", nth)
    with pytest.raises(PanelUnreachable):
        await rehearsed(harness)
    assert list(await claims.claimed(harness.ledger, PANEL)) == [SPARE]
    harness.faults.clear()
    harness.panel.admin.start_operation(SPARE)
    assert "is not spare" in await one_line(rehearsed(harness))
    assert await claims.claimed(harness.ledger, PANEL) == {}
    assert written(harness) == []


async def test_a_call_that_is_changed_while_it_runs_is_not_proved(harness: Harness) -> None:
    right = connections().panels[PANEL].dialect
    other = right["diagnostics"].model_copy(update={"body": {"clear_disks": "no_such_key"}})
    changed = right.model_copy(update={"endpoints": {**right.endpoints, "diagnostics": other}})
    harness.faults.admin_acts_after("diagnostics", 1, lambda: harness.panel.world.later(5, lambda: use(changed)))
    line = await one_line(rehearsed(harness))
    assert "[diagnostics] it was sent as another call than the table has now" in line
    assert "diagnostics" not in await proved(harness)
    assert harness.panel.server(SPARE).disk.is_clear


async def test_what_a_person_did_by_hand_proves_no_call(harness: Harness) -> None:
    guess_wrong("owner_clear")
    assert "[owner_clear]" in await one_line(rehearsed(harness))
    harness.panel.admin.set_owner(SPARE, None)
    assert "[owner_clear] it was not sent by this run" in await one_line(rehearsed(harness))
    assert "owner_clear" not in await proved(harness)


async def test_a_call_that_installs_nothing_is_not_proved_as_an_installation(harness: Harness) -> None:
    right = connections().panels[PANEL].dialect
    wrong = right["os_install"].model_copy(update={"path": right["diagnostics"].path, "body": {}})
    use(right.model_copy(update={"endpoints": {**right.endpoints, "os_install": wrong}}))
    line = await one_line(rehearsed(harness))
    assert "which is not there: is [os_install] the right call?" in line
    assert "os_install" not in await proved(harness)


async def test_a_call_that_makes_administrators_is_not_proved(harness: Harness) -> None:
    right = connections().panels[PANEL].dialect
    wrong = right["user_create"].model_copy(update={"values": {"user": "@admin"}})
    use(right.model_copy(update={"endpoints": {**right.endpoints, "user_create": wrong}}))
    assert "[user_create] the user that was made is an administrator" in await one_line(rehearsed(harness))
    assert "user_create" not in await proved(harness)


async def test_an_outage_at_the_very_end_begins_no_second_rehearsal(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = []

    async def fail_once(*_args: object) -> None:
        tries.append(1)
        if len(tries) == 1:
            raise PrefectUnreachable("Prefect's server does not answer.")

    monkeypatch.setattr(flows.rehearse, "report_rehearsal", fail_once)
    monkeypatch.setattr(flows.rehearse, "run_id", lambda: "one run")
    monkeypatch.setattr(flows._request, "run_id", lambda: "one run")
    await rehearsed(harness)
    assert len(tries) == 2
    assert len(sent(harness, "diagnostics")) == 1
    assert await services.get(harness.ledger, -2) is None


async def test_no_lifecycle_takes_a_rehearsals_number_for_a_service(harness: Harness) -> None:
    await forget_proofs(harness.ledger)
    assert "is no service of WHMCS" in await one_line(harness.run(activate, -7, order=harness.order()))
    assert "is no service of WHMCS" in await one_line(harness.run(terminate, -7))
    assert written(harness) == []


async def test_a_call_that_gives_the_server_to_somebody_else_is_held(harness: Harness) -> None:
    harness.faults.admin_acts_after("owner_set", 1, lambda: harness.panel.admin.set_owner(SPARE, "other@example.com"))
    assert "HELD (owner-changed)" in await one_line(rehearsed(harness))
    assert list(await claims.claimed(harness.ledger, PANEL)) == [SPARE]
    assert sent(harness, "os_install") == []


async def test_a_second_start_changes_nothing_of_a_rehearsal_that_runs(harness: Harness) -> None:
    async with midway(harness, rehearsed(harness, os_template="Debian-12-x86_64")):
        assert "is busy with rehearse" in await one_line(rehearsed(harness, os_template="Ubuntu-24.04-x86_64"))
        running = await services.get(harness.ledger, -1)
        assert running is not None
        assert running.order is not None
        assert running.order.os_template == "Debian-12-x86_64"


async def test_a_cancelled_rehearsal_is_reported_until_it_is_started_again(harness: Harness) -> None:
    await activated(harness)
    spare = only_free(harness)
    async with midway(harness, rehearsed(harness, spare)) as running:
        assert await unfinished(harness) == []  # it runs
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    (found,) = await unfinished(harness)
    assert (found.server_id, found.service_id, found.repair) == (spare, None, Repair.NONE)
    assert "its server is sold to nobody" in found.what
    await rehearsed(harness, spare)
    assert await unfinished(harness) == []


async def unfinished(harness: Harness) -> list[Difference]:
    """What a comparison tells of rehearsals that nobody goes on with."""
    return [one for one in (await look(harness)).differences if one.drift is Drift.REHEARSAL_UNFINISHED]


async def test_a_rehearsal_takes_hardly_longer_than_its_operations(make_harness: HarnessMaker) -> None:
    harness = make_harness(Profile())
    harness.panel.admin.power(SPARE, "on")
    harness.clock.simulated.advance(600)  # the panel has looked at its PDU by then
    began, asked = harness.clock.now(), len(harness.panel.requests)
    server = await rehearsed(harness)
    took = (harness.clock.now() - began).total_seconds()
    operations = sum(one.finished_at - one.started_at for one in server.operations if one.finished_at)
    assert operations <= took <= operations + 300
    calls = harness.panel.requests[asked:]
    print(f"{took:.0f} s, of which {operations:.0f} s are operations; {len(calls)} calls")
    assert len(calls) < 350
    assert sum(call.method != "GET" for call in calls) < 30


async def test_reconciliation_and_stock_know_nothing_of_a_rehearsal(harness: Harness) -> None:
    service_id, _ = await activated(harness)
    async with midway(harness, rehearsed(harness, only_free(harness))):
        assert await overview.services_in_use(harness.ledger, PANEL) == [service_id]
        assert [one.service_id for one in await overview.services_of(harness.ledger, PANEL)] == [service_id]
