from collections import Counter
from collections.abc import Callable

import pytest

from tests.crash.conftest import EXECUTED, TEST_SECONDS
from tests.crash.crash_points import EVERY
from tests.crash.harness import NewHarness, check
from tests.crash.scenarios import SCENARIOS, Recovery, Scenario
from tests.crash.staff import STAFF_SCENARIOS

pytestmark = [pytest.mark.crash, pytest.mark.timeout(TEST_SECONDS), pytest.mark.asyncio(loop_scope="session")]


@pytest.mark.parametrize(
    ("scenario", "recovery"),
    [
        pytest.param(scenario, who, id=f"{scenario.name}, {who.value}")
        for scenario in (*SCENARIOS, *STAFF_SCENARIOS)
        for who in scenario.recoveries
    ],
)
async def test_whatever_point_a_driver_dies_or_loses_a_commit_at_the_work_is_finished(
    new_harness: NewHarness, scenario: Scenario, recovery: Recovery, record_property: Callable[[str, object], None]
) -> None:
    checked = await check(new_harness, scenario, recovery, EVERY)
    assert checked.caught is None
    points = Counter(str(point.kind) for point in checked.points)
    record_property(EXECUTED, (scenario.name, dict(points), len(checked.died_at)))
