import pytest
from pydantic import TypeAdapter, ValidationError

from ledger.database import Ledger
from ledger.errors import LedgerError
from ledger.panel_name import PATTERN, NoPanelName, PanelName, panel_name
from tests.ledger.scenario import LedgerScenario


@pytest.mark.parametrize("name", ["main", "main-2", "whmcs-unsaved", "7", "a" * 40])
def test_a_name_is_what_a_server_record_makes_of_it(name: str) -> None:
    assert panel_name(name) == name
    assert TypeAdapter(PanelName).validate_python(name) == name


@pytest.mark.parametrize(
    "text", ["main?x=1", "main#", "x/../main", "Main", "", "a" * 41, "ma in", "main\n", "máin", "-\x1b"]
)
def test_another_text_is_refused_in_one_printable_line(text: str) -> None:
    with pytest.raises(NoPanelName, match="is no name of a panel") as no:
        panel_name(text)
    assert isinstance(no.value, LedgerError)
    assert str(no.value).isprintable()
    assert len(str(no.value)) < 250
    with pytest.raises(ValidationError):
        TypeAdapter(PanelName).validate_python(text)


def test_prefect_knows_the_pattern_before_a_run_begins() -> None:
    assert TypeAdapter(PanelName).json_schema() == {"type": "string", "pattern": PATTERN}


async def test_the_ledger_writes_nothing_under_what_is_no_name(ledger: Ledger, story: LedgerScenario) -> None:
    from ledger import panels, reconciliation, rehearsals, requests, services
    from ledger.orders import Order

    await story.ask()
    order = Order(client_id=0, configuration="E5", os_template="Debian", ip_pool="public")
    for write in (
        services.remember(ledger, service_id=2, panel="main#", now=story.now),
        requests.open(
            ledger, service_id=1, panel="main#", action="suspend", flow_run_id="r", requested_by="api", now=story.now,
            silent_after=story.silent_after,
        ),
        rehearsals.begin(ledger, panel="main#", server_id=1, flow_run_id="r", order=order, now=story.now),
        reconciliation.begin(ledger, "main#", "r", lease=story.silent_after, now=story.now),
        panels.recognise(ledger, "main#", "https://panel.example:443", story.now),
        panels.rename(ledger, "main", "main#"),
    ):  # fmt: skip
        with pytest.raises(NoPanelName):
            await write
    assert await services.get(ledger, 2) is None
