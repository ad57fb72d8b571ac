"""A database of a test's own on the machine's Redis, emptied afterwards."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as NoRedis

REDIS = os.environ.get("DCIFLOW_TEST_REDIS", "redis://127.0.0.1:6379")
NUMBERS = range(1, 16)
"""Redis has 16 databases; 0 is what everybody takes who does not choose."""

TAKEN = "dciflow-test"


@contextmanager
def new_redis_database() -> Iterator[str]:
    """The address of an empty database. Skips the test where no Redis answers, unless it is required."""
    with _take_one() as client:
        try:
            yield f"{REDIS}/{client.get_connection_kwargs()['db']}"
        finally:
            client.flushdb()


def _take_one() -> "Redis":
    for number in NUMBERS:
        client = Redis.from_url(f"{REDIS}/{number}")
        try:
            if client.dbsize() == 0 and client.set(TAKEN, "", nx=True):
                return client
        except NoRedis as error:
            if "DCIFLOW_TEST_REDIS" in os.environ:
                raise
            pytest.skip(f"no Redis here: {error}")
        client.close()
    raise AssertionError(f"no empty database in {REDIS}")
