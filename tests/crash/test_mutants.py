import pytest

from tests.crash.conftest import TEST_SECONDS
from tests.crash.harness import NewStage, check, play
from tests.crash.lives import LIVES
from tests.crash.mutants import MUTANTS, Mutant

pytestmark = [pytest.mark.crash, pytest.mark.timeout(TEST_SECONDS), pytest.mark.asyncio(loop_scope="session")]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
async def test_a_fault_put_into_the_product_is_caught(new_stage: NewStage, mutant: Mutant) -> None:
    life = next(life for life in LIVES if life.name == mutant.life)
    with pytest.MonkeyPatch.context() as patch:
        mutant.make(patch)
        caught = (await check(new_stage, life, mutant.comeback)).caught
    assert caught is not None
    assert mutant.shows in "; ".join(caught.wrong)
    _, wrong = await play(await new_stage(), life, mutant.comeback, caught.nth)
    assert wrong == [], "the product as it is passes what the mutant did not"
