from uuid import UUID, uuid4

import httpx
import pytest
from prefect.settings import PREFECT_UI_URL, temporary_settings

from runtime.errors import PrefectUnreachable
from runtime.flow_run import asking_prefect, is_over, run_id, run_link, run_name


def test_a_prefect_that_does_not_answer_is_one_line_and_other_errors_stay() -> None:
    with pytest.raises(PrefectUnreachable, match=r"does not answer \(ConnectError\).*press Retry"), asking_prefect():
        raise httpx.ConnectError("no route")
    with pytest.raises(LookupError), asking_prefect():
        raise LookupError


def test_outside_of_a_run_each_call_has_an_id_of_its_own() -> None:
    assert UUID(run_id()) != UUID(run_id())


async def test_outside_of_a_run_prefect_is_not_asked_whether_one_is_over() -> None:
    assert await is_over(str(uuid4())) is False


def test_a_link_leads_to_the_ui_whose_address_is_set() -> None:
    run = str(uuid4())
    with temporary_settings({PREFECT_UI_URL: "https://prefect.example"}):
        link = run_link(run)
    assert link.startswith("https://prefect.example/")
    assert link.endswith(run)


def test_a_run_is_named_after_its_action_and_service() -> None:
    assert run_name("activate", 1042) == "activate-service-1042"
