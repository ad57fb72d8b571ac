from typing import Any

import pytest

from dcimanager.addresses import Address, IpPool
from dcimanager.locations import Location
from dcimanager.operations import Operation, OperationStep
from dcimanager.os_templates import OsTemplate
from dcimanager.ports import Connection
from dcimanager.server_row import Server
from dcimanager.survey_fields import ADDRESS, CONNECTION, LOCATION, OPERATION, POOL, SERVER, STEP, TEMPLATE, USER
from dcimanager.users import User
from tests.dcimanager.surveyed_rows import (
    port,
    server,
    survey,
)


def test_a_field_that_is_missing_or_of_another_type_is_told_with_how_many_rows() -> None:
    lacking = server(1)
    del lacking["is_protected"]
    [protected] = survey(lacking, server(2, is_protected="no"), server(3, is_protected=None), server(4)).fields
    assert protected.field == "is_protected or protected"
    assert (protected.of, protected.missing, protected.other_types) == (4, 1, {"string": 1, "null": 1})
    assert protected.ids == (1, 2, 3)
    assert protected.note == "missing once, string once, null once of 4"


def test_a_field_inside_another_is_looked_at_wherever_that_one_is() -> None:
    lacking = port(1)
    del lacking["mac"]
    [mac] = survey(server(1, switch_connection=[lacking, port(2)]), server(3)).fields
    assert (mac.field, mac.of, mac.missing, mac.ids) == ("switch_connection.mac", 3, 1, (1,))


def test_a_field_under_its_other_name_is_not_missing() -> None:
    renamed = server(1, owner={"id": 5}, serial_number="SN-1")
    del renamed["owner_email"], renamed["serial"]
    nested = server(2, hardware_info={"system": {"serial": "SN-2"}})
    del nested["serial"]
    assert survey(renamed, nested).lines() == []


def test_the_fields_of_the_other_lists_are_looked_at_too() -> None:
    found = survey(
        server(1), users=[{"id": "7", "email": "a@example.com", "roles": "[@user]"}], pools=[{"id": 1, "name": "p"}],
        locations=[{"id": 3}], templates=[{"id": 1, "name": "Debian", "location_id": 3}],
    )  # fmt: skip
    assert [(one.found_in.noun, one.field.split()[0]) for one in found.fields] == [
        ("users", "id"), ("OS templates", "tags"), ("OS templates", "type"), ("OS templates", "admin_only"),
        ("IP pools", "ipv4.total"), ("IP pools", "ipv4.used"), ("locations", "name"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "shape"),
    [
        (SERVER, Server),
        (OPERATION, Operation),
        (STEP, OperationStep),
        (ADDRESS, Address),
        (CONNECTION, Connection),
        (USER, User),
        (TEMPLATE, OsTemplate),
        (POOL, IpPool),
        (LOCATION, Location),
    ],
)
def test_every_attribute_that_a_model_reads_is_surveyed(fields: Any, shape: Any) -> None:
    assert {field.attribute for field in fields} == set(shape.model_fields) - MEANINGS_OF_WORDS


MEANINGS_OF_WORDS = {"is_install", "is_diagnostics", "in_operation", "progress", "over", "ready", "admin_status"}
"""What the table makes of a word that is surveyed as a word, or the word itself beside its meaning."""
