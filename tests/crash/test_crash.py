from collections import Counter
from collections.abc import Callable

import pytest

from tests.crash.conftest import PLAYED, TEST_SECONDS
from tests.crash.harness import NewStage, check
from tests.crash.lives import LIVES, Comeback, Life

pytestmark = [pytest.mark.crash, pytest.mark.timeout(TEST_SECONDS), pytest.mark.asyncio(loop_scope="session")]


@pytest.mark.parametrize(
    ("life", "comeback"),
    [pytest.param(life, who, id=f"{life.name}, {who.value}") for life in LIVES for who in life.comebacks],
)
async def test_whatever_point_a_driver_dies_or_loses_a_commit_at_the_work_is_finished(
    new_stage: NewStage, life: Life, comeback: Comeback, record_property: Callable[[str, object], None]
) -> None:
    checked = await check(new_stage, life, comeback)
    assert checked.caught is None
    points = Counter(str(point.kind) for point in checked.points)
    record_property(PLAYED, (life.name, dict(points), len(checked.died_at)))
