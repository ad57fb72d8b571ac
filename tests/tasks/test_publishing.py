"""What is left in Prefect for WHMCS and for staff, while Prefect's server is away: a line, and another try."""

from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any, ClassVar
from uuid import uuid4

import httpx
import pytest
from prefect.client.schemas.objects import TaskRun
from prefect.states import Failed

from ledger import services
from runtime.errors import PrefectUnreachable
from runtime.steps import Step, worth_repeating
from tasks import adoption, panel_check
from tasks.published import variables
from tasks.published.catalogue import Catalogue, keep_catalogue
from tasks.published.traffic import MonthOfTraffic, keep_traffic
from tasks.published.traffic_days import PublishedTraffic, publish_days
from tasks.reconciliation import report
from tests.tasks.reconciliation.test_report import NOW, comparison, difference

CATALOGUE = Catalogue(
    at=NOW, panel="main-1", configurations=[], os_templates=["Debian"], ip_pools=[], locations=[]
)  # fmt: skip


async def away(*_: object, **__: object) -> None:
    raise httpx.ConnectError("refused")


async def there(*_: object, **__: object) -> None:
    """Prefect took it."""


class Away:
    """A client of a server that does not answer."""

    update_flow_run = staticmethod(away)

    async def __aenter__(self) -> "Away":
        return self

    async def __aexit__(self, *_: object) -> None:
        """Nothing is open."""


class InARun:
    """Stands for a flow run, without an engine."""

    run: ClassVar[Any] = SimpleNamespace(flow_run=SimpleNamespace(id=uuid4()))

    @classmethod
    def get(cls) -> Any:
        return cls.run


@pytest.fixture(autouse=True)
def in_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    async def nobody(*_: object) -> list[Any]:
        return []

    for module in (report, panel_check, adoption):
        monkeypatch.setattr(module, "FlowRunContext", InARun)
    monkeypatch.setattr(report, "emit_event", lambda *_, **__: None)
    monkeypatch.setattr(report, "emit_alert", lambda *_: None)
    monkeypatch.setattr(report, "ledger", lambda: None)
    monkeypatch.setattr(services, "held", nobody)
    monkeypatch.setattr(report, "get_client", Away)
    monkeypatch.setattr("prefect.variables.Variable.aset", away)


async def once_again(step: Step[..., Any], work: Awaitable[object]) -> None:
    """The step says in one line that Prefect is away, and Prefect would try it again."""
    with pytest.raises(PrefectUnreachable) as caught:
        await work
    run = TaskRun(task_key="step", dynamic_key="1")
    assert worth_repeating(step.task, run, Failed(data=caught.value))
    assert step.task.retries


@pytest.mark.parametrize(
    ("step", "work"),
    [
        pytest.param(keep_catalogue, lambda: keep_catalogue(CATALOGUE), id="catalogue"),
        pytest.param(
            keep_traffic, lambda: keep_traffic(MonthOfTraffic(at=NOW, panel="main", services=[])), id="traffic"
        ),
        pytest.param(
            publish_days,
            lambda: publish_days(PublishedTraffic(at=NOW, panel="main", months={}, days={})),
            id="days of traffic",
        ),
        pytest.param(
            report.report_differences, lambda: report.report_differences(comparison(), []), id="reconciliation"
        ),
        pytest.param(report.report_stop, lambda: report.report_stop("main", "run", "away"), id="stopped"),
        pytest.param(report.report_held, lambda: report.report_held(), id="held"),
        pytest.param(report.name_run, lambda: report.name_run("main: no difference"), id="name"),
    ],
)
async def test_what_whmcs_reads_is_written_again_after_an_outage_of_prefect(
    step: Step[..., Any], work: Callable[[], Awaitable[object]]
) -> None:
    await once_again(step, work())


async def test_a_table_beside_the_run_is_written_again_after_an_outage_of_prefect(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("prefect.variables.Variable.aset", there)
    for module, kind in ((report, "table"), (panel_check, "markdown"), (adoption, "table")):
        monkeypatch.setattr(module, f"acreate_{kind}_artifact", away)
    await once_again(report.report_differences, report.report_differences(comparison(difference(1)), []))
    checked = panel_check.PanelReport(panel="main", orders=[], deletions=[], dialect=[], proofs=[])
    await once_again(panel_check.report_panel, panel_check.report_panel(checked))
    with pytest.raises(PrefectUnreachable):
        await adoption.report_adoption("main", [])


async def test_a_panels_name_is_made_one_that_prefect_takes_for_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []

    async def aset(name: str, value: object, overwrite: bool) -> None:
        written.append(name)

    monkeypatch.setattr("prefect.variables.Variable.aset", aset)
    assert variables.variable_of("north-1", "list") == "list_north_1"
    await keep_catalogue(CATALOGUE.model_copy(update={"panel": "north-1"}))
    await report.report_stop("north-1", "run", "away")
    assert written == [
        "dcimanager_catalogue_north_1_1",
        "dcimanager_catalogue_north_1",
        "dciflow_reconciliation_north_1",
    ]
