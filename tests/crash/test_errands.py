from collections import Counter
from collections.abc import Callable

import pytest

from tests.crash.conftest import EXECUTED, TEST_SECONDS
from tests.crash.crash_points import EVERY
from tests.crash.errand_mutants import ERRAND_MUTANTS
from tests.crash.errand_scenarios import ERRAND_SCENARIOS
from tests.crash.errands import ErrandScenario, errand_is_over
from tests.crash.harness import NewHarness, check, execute
from tests.crash.mutants import Mutant
from tests.crash.names import NAME_SCENARIOS
from tests.crash.scenarios import Recovery

pytestmark = [pytest.mark.crash, pytest.mark.timeout(TEST_SECONDS), pytest.mark.asyncio(loop_scope="session")]


@pytest.mark.parametrize(
    ("scenario", "recovery"),
    [
        pytest.param(scenario, who, id=f"{scenario.name}, {who.value}")
        for scenario in (*ERRAND_SCENARIOS, *NAME_SCENARIOS)
        for who in scenario.recoveries
    ],
)
async def test_an_errand_whose_driver_dies_is_finished_or_ends_in_one_line_and_nothing_is_sent_twice(
    new_harness: NewHarness,
    scenario: ErrandScenario,
    recovery: Recovery,
    record_property: Callable[[str, object], None],
) -> None:
    checked = await check(new_harness, scenario, recovery, EVERY, errand_is_over)
    assert checked.caught is None
    points = Counter(str(point.kind) for point in checked.points)
    record_property(EXECUTED, (scenario.name, dict(points), len(checked.died_at)))


@pytest.mark.parametrize("mutant", ERRAND_MUTANTS, ids=lambda mutant: mutant.name)
async def test_a_fault_put_into_an_errand_is_caught(new_harness: NewHarness, mutant: Mutant) -> None:
    scenario = next(scenario for scenario in (*ERRAND_SCENARIOS, *NAME_SCENARIOS) if scenario.name == mutant.scenario)
    with pytest.MonkeyPatch.context() as patch:
        mutant.make(patch)
        caught = (await check(new_harness, scenario, mutant.recovery, judge=errand_is_over)).caught
    assert caught is not None
    assert mutant.shows in "; ".join(caught.wrong)
    _, wrong = await execute(await new_harness(), scenario, mutant.recovery, caught.nth, errand_is_over)
    assert wrong == [], "the product as it is passes what the mutant did not"
