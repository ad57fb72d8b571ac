from collections.abc import Iterator

import pytest
from prefect.settings import PREFECT_LOGGING_TO_API_ENABLED, temporary_settings

from tests.worker.staged import Staged


@pytest.fixture
def worker() -> Iterator[Staged]:
    with temporary_settings({PREFECT_LOGGING_TO_API_ENABLED: False}):
        yield Staged()
