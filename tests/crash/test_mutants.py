import pytest

from tests.crash.address_mutants import ADDRESS_MUTANTS
from tests.crash.conftest import TEST_SECONDS
from tests.crash.harness import NewHarness, check, execute
from tests.crash.mutants import MUTANTS, Mutant
from tests.crash.scenarios import SCENARIOS
from tests.crash.staff import STAFF_SCENARIOS
from tests.crash.staff_mutants import STAFF_MUTANTS

pytestmark = [pytest.mark.crash, pytest.mark.timeout(TEST_SECONDS), pytest.mark.asyncio(loop_scope="session")]


@pytest.mark.parametrize("mutant", [*MUTANTS, *ADDRESS_MUTANTS, *STAFF_MUTANTS], ids=lambda mutant: mutant.name)
async def test_a_fault_put_into_the_product_is_caught(new_harness: NewHarness, mutant: Mutant) -> None:
    scenario = next(scenario for scenario in (*SCENARIOS, *STAFF_SCENARIOS) if scenario.name == mutant.scenario)
    with pytest.MonkeyPatch.context() as patch:
        mutant.make(patch)
        caught = (await check(new_harness, scenario, mutant.recovery)).caught
    assert caught is not None
    assert mutant.shows in "; ".join(caught.wrong)
    _, wrong = await execute(await new_harness(), scenario, mutant.recovery, caught.nth)
    assert wrong == [], "the product as it is passes what the mutant did not"
