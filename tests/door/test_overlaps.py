"""Panels of two installations whose variables have one name: neither may read the other's by it."""

from pathlib import Path

import pytest

from door.installations import DoorNotConfigured, add, load
from door.overlaps import overlap
from door.variables import is_own
from tests.door.conftest import SECRET, installation


@pytest.mark.parametrize(
    ("some", "others"),
    [
        (["main"], ["main-2"]),
        (["x", "main"], ["y", "main-200"]),
        (["shop"], ["shop-*"]),
        (["shop"], ["sh*"]),
        (["shop"], ["shop-1*"]),
        (["shop"], ["*"]),
        (["shop-*"], ["shop-eu-2"]),
        (["sh*"], ["shop-2"]),
        (["sh*"], ["shop-*"]),
        (["main", "main-2"], ["main-2"]),
    ],
    ids=str,
)
def test_a_panel_and_a_number_behind_it_are_not_two_installations(
    tmp_path: Path, some: list[str], others: list[str]
) -> None:
    assert overlap(some, others) and overlap(others, some)
    file = tmp_path / "door.toml"
    add(file, "first", panels=some, whmcs=None, addresses=[])
    before = file.read_text(encoding="utf-8")
    with pytest.raises(DoorNotConfigured, match="have variables of one name") as refused:
        add(file, "second", panels=others, whmcs=None, addresses=[])
    assert "\n" not in str(refused.value)
    assert file.read_text(encoding="utf-8") == before
    with file.open("a", encoding="utf-8") as appended:
        appended.write(
            before.replace("first", "second").replace(str(some).replace("'", '"'), str(others).replace("'", '"'))
        )
    with pytest.raises(DoorNotConfigured, match="have variables of one name"):
        load(file)


@pytest.mark.parametrize(
    ("some", "others"),
    [
        (["main"], ["main"]),
        (["main", "main-2"], ["main-2", "main"]),
        (["shop-*"], ["shop-*"]),
        (["main"], ["main-b"]),
        (["main"], ["main2"]),
        (["main"], ["main-2000"]),
        (["main"], ["main-2b*"]),
        (["main-2"], ["main-3"]),
        (["shop-*"], ["stop-2", "shop"[:3]]),
        (["eu-*"], ["us-*"]),
    ],
    ids=str,
)
def test_other_panels_may_be_two_installations(tmp_path: Path, some: list[str], others: list[str]) -> None:
    assert overlap(some, others) is None and overlap(others, some) is None
    add(tmp_path / "door.toml", "first", panels=some, whmcs=None, addresses=[])
    add(tmp_path / "door.toml", "second", panels=others, whmcs=None, addresses=[])
    assert list(load(tmp_path / "door.toml")) == ["first", "second"]


def test_why_both_would_read_one_variable() -> None:
    some, others = (installation(name, SECRET, panels=[panel]) for name, panel in (("a", "main"), ("b", "main-2")))
    assert is_own("dcimanager_catalogue_main_2", some) and is_own("dcimanager_catalogue_main_2", others)
