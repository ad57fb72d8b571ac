"""Another host name after the sale: on the panel, in the order and in WHMCS, and nowhere else."""

from typing import Any

import pytest
from sqlalchemy import update

from flows.reinstall import reinstall
from flows.rename import rename
from flows.suspend import suspend
from ledger.service_identity import ServiceIdentity
from ledger.states import State
from ledger.tables import ServiceRow
from simulator.panel.models import SimServer
from simulator.panel.variants import Variants
from simulator.whmcs import model
from tests.conftest import HarnessMaker
from tests.harness import Harness, forget_proofs
from tests.ledger.scenario import last_request
from tests.stories.scenario import activated, by_client, is_held, one_line, sent, take_panel_down
from tests.tasks.reconciliation.scenario import look

OLD, NEW = "web1.example.com", "web2.example.com"


async def ask(harness: Harness, service_id: int, hostname: str = NEW, **more: Any) -> None:
    await harness.run(rename, service_id, **{"hostname": hostname, **by_client(harness, service_id), **more})


async def sold(harness: Harness) -> tuple[int, SimServer]:
    """A service whose server has its first host name."""
    service_id, server = await activated(harness, hostname=OLD)
    assert (server.domain, harness.billed(service_id).domain) == (OLD, OLD)
    return service_id, server


async def names(harness: Harness, service_id: int) -> set[str | None]:
    """The service's host name by the panel, by its order in the ledger, and by WHMCS."""
    order = (await harness.service(service_id)).order
    assert order is not None
    return {(await harness.server(service_id)).domain, order.hostname, harness.billed(service_id).domain}


async def test_a_new_host_name_stands_everywhere_and_is_sent_once(harness: Harness) -> None:
    service_id, _ = await sold(harness)
    before = (await harness.service(service_id)).order
    assert before is not None
    await ask(harness, service_id)
    assert await names(harness, service_id) == {NEW}
    harness.clock.simulated.advance(60)
    await ask(harness, service_id)
    assert [call.body for call in sent(harness, "host_name_set")] == [{"domain": NEW}]
    now = await harness.service(service_id)
    assert now.state is State.ACTIVE
    assert now.order == before.model_copy(update={"hostname": NEW}), "nothing else of the order changed"


async def test_a_name_is_taken_as_people_type_it(harness: Harness) -> None:
    service_id, _ = await sold(harness)
    await ask(harness, service_id, " http://M\u00fcnster.de./ ")
    assert await names(harness, service_id) == {"xn--mnster-3ya.de"}


@pytest.mark.parametrize(
    "name", ["", " ", "web_1.example.com", "web 1.example.com", "192.0.2.7", "{{ flow }}", "a" * 300, "-x.example.com"]
)
async def test_what_is_no_host_name_is_refused(harness: Harness, name: str) -> None:
    service_id, _ = await sold(harness)
    assert "Nothing was changed" in await one_line(ask(harness, service_id, name))
    assert sent(harness, "host_name_set") == []
    assert await names(harness, service_id) == {OLD}


async def test_another_clients_service_is_left_alone(harness: Harness) -> None:
    service_id, _ = await sold(harness)
    stranger = {"identity": ServiceIdentity(installation="whmcs", client_id=999)}
    assert "names another client" in await one_line(ask(harness, service_id, **stranger))
    assert await names(harness, service_id) == {OLD}


async def test_a_strangers_server_is_held(harness: Harness) -> None:
    service_id, server = await sold(harness)
    harness.panel.admin.set_owner(server.id, "admin@example.com")
    await one_line(ask(harness, service_id))
    await is_held(harness, service_id, "owner-changed")
    assert sent(harness, "host_name_set") == []


async def test_a_client_of_a_suspended_service_is_refused_and_staff_are_not(harness: Harness) -> None:
    service_id, _ = await sold(harness)
    harness.billed(service_id).status = "Suspended"
    await harness.run(suspend, service_id, requested_by="admin")
    assert "is not for it by its client now" in await one_line(ask(harness, service_id))
    await ask(harness, service_id, requested_by="admin")
    assert await names(harness, service_id) == {NEW}
    assert harness.billed(service_id).status == "Suspended"


async def test_a_service_that_ended_in_whmcs_keeps_its_name(harness: Harness) -> None:
    service_id, _ = await sold(harness)
    harness.billed(service_id).status = "Cancelled"
    assert "is Cancelled in WHMCS: nothing was changed" in await one_line(ask(harness, service_id))
    assert sent(harness, "host_name_set") == []


async def test_two_presses_at_once_are_one_and_a_refusal(harness: Harness) -> None:
    service_id, _ = await sold(harness)
    await ask(harness, service_id)
    harness.clock.simulated.advance(1)
    assert (await one_line(ask(harness, service_id, OLD))).startswith("Too often: ")


async def test_a_lost_answer_is_looked_at_again(harness: Harness) -> None:
    service_id, _ = await sold(harness)
    harness.faults.lose_answer("host_name_set", 1)
    await ask(harness, service_id)
    assert await names(harness, service_id) == {NEW}
    assert len(sent(harness, "host_name_set")) == 1


async def test_whmcss_lost_answer_is_looked_at_by_the_same_run(harness: Harness) -> None:
    service_id, _ = await sold(harness)
    harness.whmcs.lose_answer("UpdateClientProduct")
    await ask(harness, service_id)
    assert await names(harness, service_id) == {NEW}
    assert len(sent(harness, "host_name_set")) == 1


async def test_where_whmcs_did_not_keep_it_the_next_press_finishes_it(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    service_id, _ = await sold(harness)
    with monkeypatch.context() as whmcs:
        whmcs.delitem(model._COLUMNS, "domain")
        assert "WHMCS did not keep the host name" in await one_line(ask(harness, service_id))
    assert harness.billed(service_id).domain == OLD
    harness.clock.simulated.advance(60)
    await ask(harness, service_id)
    assert await names(harness, service_id) == {NEW}
    assert len(sent(harness, "host_name_set")) == 1


@pytest.mark.parametrize(
    ("how", "said"), [("absent", "does not rename server"), ("ignored", "accepted the host name of server")]
)
async def test_a_panel_that_cannot_or_does_not_says_so_and_whmcs_keeps_the_old_name(
    make_harness: HarnessMaker, how: Any, said: str
) -> None:
    harness = make_harness(variants=Variants(host_names=how))
    service_id, _ = await sold(harness)
    assert said in await one_line(ask(harness, service_id))
    assert await names(harness, service_id) == {OLD}


async def test_a_panel_that_is_away_ends_it_in_one_line(harness: Harness) -> None:
    service_id, _ = await sold(harness)
    take_panel_down(harness)
    await one_line(ask(harness, service_id))
    harness.faults.clear()
    assert (await last_request(harness.ledger, service_id)).outcome == "failed"
    assert await names(harness, service_id) == {OLD}


async def test_without_a_proof_it_is_off(harness: Harness) -> None:
    service_id, _ = await sold(harness)
    await forget_proofs(harness.ledger)
    harness.clock.simulated.advance(120)
    assert "host_name_set" in await one_line(ask(harness, service_id))
    assert sent(harness, "host_name_set") == []


async def test_the_next_installation_has_the_new_name(harness: Harness) -> None:
    service_id, _ = await sold(harness)
    await ask(harness, service_id)
    harness.clock.simulated.advance(60)
    again = {**by_client(harness, service_id), "os_template": "Debian-12-x86_64", "hostname_typed": NEW}
    await harness.run(reinstall, service_id, **again)
    assert sent(harness, "os_install")[-1].body["domain"] == NEW
    assert await names(harness, service_id) == {NEW}


async def test_reconciliation_calls_a_new_host_name_no_difference(harness: Harness) -> None:
    service_id, _ = await sold(harness)
    await ask(harness, service_id)
    assert (await look(harness)).differences == []


async def test_a_service_that_was_adopted_without_an_order_is_renamed_too(harness: Harness) -> None:
    service_id, server = await sold(harness)
    async with harness.ledger.transaction() as session:
        await (await session.connection()).execute(update(ServiceRow).values(order=None))
    await ask(harness, service_id)
    assert (server.domain, harness.billed(service_id).domain) == (NEW, NEW)
    assert (await harness.service(service_id)).order is None


async def test_servers_that_had_their_name_by_hand_get_it_in_whmcs_without_a_call(harness: Harness) -> None:
    service_id, server = await sold(harness)
    server.domain = "WEB2.example.com."
    await ask(harness, service_id)
    assert sent(harness, "host_name_set") == []
    assert harness.billed(service_id).domain == NEW


async def test_a_free_server_with_another_clients_name_is_sold_as_any(harness: Harness) -> None:
    """Nothing tells free or own servers apart by their host names."""
    service_id, server = await sold(harness)
    await ask(harness, service_id, "free.example.com")
    _, other = await activated(harness, hostname="free.example.com")
    assert other.id != server.id
    await ask(harness, service_id, OLD, requested_by="admin")
    assert (await harness.service(service_id)).state is State.ACTIVE
