from types import TracebackType
from typing import NoReturn

import pytest
from prefect.exceptions import ObjectNotFound

from dciflow import least_privilege
from tasks.outcomes import Refusal


class EmptyPrefect:
    """A Prefect that nothing is registered with."""

    async def __aenter__(self) -> "EmptyPrefect":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    async def read_deployment_by_name(self, name: str) -> NoReturn:
        raise ObjectNotFound(Exception(name))


async def test_a_prefect_without_deployments_is_told_apart_from_one_that_forbids_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(least_privilege, "get_client", EmptyPrefect)
    with pytest.raises(Refusal, match="dciflow setup"):
        await least_privilege.proxy_map()
