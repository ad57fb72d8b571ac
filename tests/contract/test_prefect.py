"""What dciflow assumes of Prefect 3.8.8 beyond its public, documented ground: one test for each assumption.

A test that fails here after Prefect's pin was raised names what changed; docs/adr/0007 says what leans on it.
The calls of Prefect's engine and client are in test_prefect_engine.py.
"""

import inspect
import signal
import threading
from typing import Any
from uuid import uuid4

import pytest
from prefect import Flow, flow
from prefect.blocks.notifications import AbstractAppriseNotificationBlock
from prefect.flow_engine import run_flow_async
from prefect.logging.configuration import DEFAULT_LOGGING_SETTINGS_PATH, load_logging_config
from prefect.settings import PREFECT_WORKER_ENABLE_CANCELLATION, get_current_settings, temporary_settings
from prefect.states import AwaitingRetry, Pending, Scheduled
from prefect.utilities.engine import capture_sigterm, propose_state
from prefect.workers.base import BaseWorker

from worker.listener import SCHEDULED
from worker.process import PLAIN_LOGGING
from worker.worker import InProcessWorker


@flow(name="of-the-contract")
async def does_nothing() -> None:
    """A flow without steps."""


def test_run_flow_async_takes_these_names() -> None:
    inspect.signature(run_flow_async).bind(does_nothing, flow_run=None, parameters={}, return_type="state")


def test_propose_state_takes_these_names() -> None:
    inspect.signature(propose_state).bind(client=None, state=Pending(), flow_run_id=uuid4(), force=True)


def test_the_engine_takes_sigterm_over_in_the_main_thread_and_in_no_other() -> None:
    before = signal.getsignal(signal.SIGTERM)
    handlers: list[object] = []

    def capture() -> None:
        with capture_sigterm():
            handlers.append(signal.getsignal(signal.SIGTERM))

    elsewhere = threading.Thread(target=capture)
    elsewhere.start()
    elsewhere.join()
    assert handlers == [before]
    assert threading.current_thread() is threading.main_thread()
    capture()
    assert handlers[1] != before
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_flow_has_its_cancellation_hooks_in_a_list() -> None:
    def hook(*_: object) -> None:
        """Called by nobody."""

    hooked: Flow[..., Any] = flow(name="of-the-contract", on_cancellation=[hook])(does_nothing.fn)
    assert hooked.on_cancellation_hooks == [hook]


def test_the_events_of_scheduled_runs_are_named_after_their_states() -> None:
    from prefect.server.models import events

    assert 'f"prefect.flow-run.{validated_state.name}"' in inspect.getsource(events.flow_run_state_change_event)
    assert {f"prefect.flow-run.{state.name}" for state in (Scheduled(), AwaitingRetry())} < set(SCHEDULED)


def test_our_logging_settings_are_prefects_but_for_a_console_without_styling() -> None:
    ours, theirs = load_logging_config(PLAIN_LOGGING), load_logging_config(DEFAULT_LOGGING_SETTINGS_PATH)
    plain, styled = ours["handlers"].pop("console"), theirs["handlers"].pop("console")
    assert ours == theirs
    assert (plain["class"], styled["class"]) == (
        "logging.StreamHandler",
        "prefect.logging.handlers.PrefectConsoleHandler",
    )
    assert {key: plain[key] for key in plain if key != "class"} == {
        key: styled[key] for key in styled if key not in ("class", "styles")
    }


def test_a_notification_block_starts_its_apprise_client_by_this_method() -> None:
    started = AbstractAppriseNotificationBlock._start_apprise_client
    assert list(inspect.signature(started).parameters) == ["self", "url"]
    assert "_start_apprise_client" in inspect.getsource(AbstractAppriseNotificationBlock.block_initialization)


def test_a_worker_is_made_from_these_names_and_asked_by_its_health_check_for_this() -> None:
    inspect.signature(BaseWorker.__init__).bind(None, "pool", ["urgent"], name="w", limit=None)
    inspect.signature(BaseWorker.is_worker_still_polling).bind(None, query_interval_seconds=1.0)
    worker = InProcessWorker(work_pool_name="pool", work_queues=["urgent"], name="w")
    assert (worker._pool, worker._queues) == ("pool", ["urgent"])


async def test_a_worker_knows_its_pool_once_it_has_synchronised_and_not_before() -> None:
    worker = InProcessWorker(work_pool_name="pool", name="w")
    with pytest.raises(RuntimeError):
        _ = worker.work_pool
    source = inspect.getsource(BaseWorker._sync_and_initialize)
    assert "await self.sync_with_backend()" in source


def test_the_setting_that_switches_prefects_own_cancellation_off_is_off_by_default() -> None:
    assert get_current_settings().worker.enable_cancellation is False
    with temporary_settings({PREFECT_WORKER_ENABLE_CANCELLATION: True}):
        assert get_current_settings().worker.enable_cancellation is True
