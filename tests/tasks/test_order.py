import pytest

from dcimanager.addresses import IpPool
from dcimanager.os_templates import OsTemplate
from dcimanager.server_row import Server
from tasks.order import Needs, no_such


def test_an_unknown_name_is_told_with_the_nearest_ones_and_the_setting_to_correct() -> None:
    line = no_such("IP pool", "public", ["private-v4", "public-v4", "public-v4"], "IP address group", "main")
    assert line.startswith("Panel main has no IP pool 'public'. Nearest: public-v4")
    assert line.count("public-v4") == 1
    assert "IP address group" in line


def test_a_name_like_no_other_is_told_with_those_that_there_are() -> None:
    assert "Known: a, b." in no_such("IP pool", "zzzzz", ["b", "a"], "IP address group", "main")
    assert "Known: none." in no_such("IP pool", "zzzzz", [], "IP address group", "main")


def unmet(server: dict[str, object], template: dict[str, object], pool: dict[str, object], count: int = 2) -> list[str]:
    """What an order for two addresses misses on that server."""
    needs = Needs(
        [OsTemplate.model_validate({"id": 1, "name": "Debian", **template})],
        [IpPool.model_validate({"id": 5, "name": "public", **pool})],
        count,
    )
    return needs.unmet(Server.model_validate({"id": 3, "owner_email": None, **server}))


@pytest.mark.parametrize(
    ("server", "template", "pool"),
    [
        ({}, {}, {}),
        ({"location_id": 1}, {"location_id": 1}, {"location_id": 1, "free": 2}),
        ({"location_id": 1}, {}, {}),
        ({}, {"location_id": 2}, {"location_id": 2}),
        ({"settings": {"efi": True}}, {}, {}),
        ({"settings": {"efi": True}}, {"efi": "1"}, {}),
        ({"settings": {"efi": False}}, {"efi": True}, {}),
        ({"settings": None}, {"efi": False}, {}),
        ({}, {"efi": "partly"}, {"location": {"name": "Riga"}}),
        ({"ip": [{"id": 1, "name": "192.0.2.1", "ippool": 5}]}, {}, {"free": 1}),
        ({"ip": [{"id": 1, "name": "192.0.2.1"}]}, {}, {"free": 1}),
    ],
)
def test_what_fits_and_what_the_panel_does_not_tell_is_no_reason(
    server: dict[str, object], template: dict[str, object], pool: dict[str, object]
) -> None:
    assert unmet(server, template, pool) == []


@pytest.mark.parametrize(
    ("server", "template", "pool", "fault"),
    [
        ({"location_id": 1}, {"location_id": 2}, {}, "in a location without the OS template"),
        ({"location_id": 1}, {}, {"location": {"id": 2}}, "in a location without the IP pool"),
        ({"efi": True}, {"efi": False}, {}, "that boots by EFI, which the OS template does not support"),
        ({}, {}, {"free": 1}, "for which the IP pool has too few free addresses (2 are ordered)"),
        (
            {"ip": [{"id": 1, "name": "192.0.2.1", "ippool": 6}]},
            {},
            {"free": 1},
            "for which the IP pool has too few free addresses (2 are ordered)",
        ),
    ],
)
def test_what_a_server_cannot_meet_is_a_near_miss(
    server: dict[str, object], template: dict[str, object], pool: dict[str, object], fault: str
) -> None:
    assert unmet(server, template, pool) == [fault]
