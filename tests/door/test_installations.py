"""Who may come to the door: the file, its rights, the secrets in it."""

import base64
from pathlib import Path

import pytest

from door.installations import UNSAVED, DoorNotConfigured, add, authenticated, hash_of, load
from tests.docs.documents import PROJECT, blocks
from tests.door.conftest import SECRET, SHOP, installation


def basic(text: str, kind: str = "Basic") -> str:
    return f"{kind} {base64.b64encode(text.encode()).decode()}"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "door.toml"


def test_a_new_installation_is_let_in_by_the_secret_that_was_shown_and_the_file_has_only_its_hash(file: Path) -> None:
    secret = add(file, "shop", panels=["main", "shop-*"], whmcs="0f1e2d3c4b5a", addresses=["192.0.2.10"])
    assert file.stat().st_mode & 0o777 == 0o600
    assert secret not in file.read_text(encoding="utf-8")
    found = load(file)["shop"]
    assert (found.secret, found.panels, found.whmcs) == (hash_of(secret), ["main", "shop-*"], "0f1e2d3c4b5a")
    assert authenticated(load(file), basic(f"shop:{secret}")) == found
    assert secret not in repr(found) and found.secret not in repr(found)


def test_a_second_one_is_written_behind_what_is_there(file: Path) -> None:
    first = add(file, "shop", panels=["main"], whmcs=None, addresses=[])
    second = add(file, "other", panels=["theirs"], whmcs=None, addresses=[])
    assert list(load(file)) == ["shop", "other"]
    assert first != second
    before = file.read_bytes()
    with pytest.raises(DoorNotConfigured, match="take its table out first"):
        add(file, "shop", panels=["main"], whmcs=None, addresses=[])
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    ("name", "panels", "whmcs", "addresses"),
    [
        ('shop"]', ["main"], None, []),
        ("Shop", ["main"], None, []),
        ("", ["main"], None, []),
        ("shop", [], None, []),
        ("shop", ["Main"], None, []),
        ("shop", ["ma*in"], None, []),
        ("shop", ["main?x=1"], None, []),
        ("shop", ["main"], 'x"\npanels = ["*"]', []),
        ("shop", ["main"], None, ["192.0.2.10/8"]),
        ("shop", ["main"], None, ["billing.example.com"]),
    ],
)
def test_what_is_no_value_is_not_written(
    file: Path, name: str, panels: list[str], whmcs: str | None, addresses: list[str]
) -> None:
    with pytest.raises(DoorNotConfigured) as refused:
        add(file, name, panels=panels, whmcs=whmcs, addresses=addresses)
    assert "\n" not in str(refused.value)
    assert not file.exists()


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o602, 0o660, 0o601])
def test_a_file_that_others_may_read_or_write_is_refused(file: Path, mode: int) -> None:
    add(file, "shop", panels=["main"], whmcs=None, addresses=[])
    file.chmod(mode)
    with pytest.raises(DoorNotConfigured, match="chmod 640"):
        load(file)
    file.chmod(0o640)
    assert list(load(file)) == ["shop"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "has to have tables"),
        ("[installations]", "has to have tables"),
        ("x = 1\n[installations.shop]\nsecret = 'x'", "has to have tables"),
        ("[installations.shop", "is no TOML"),
        ("[installations]\nshop = 1", "installation shop"),
        ("[installations.shop]\nsecret = 'canary'\npanels = ['main']", "secret: String should match"),
        (f"[installations.shop]\nsecret = '{hash_of('x')}'\npanels = ['main']\nrate = 1", "rate: Extra inputs"),
        (f"[installations.shop]\nsecret = '{hash_of('x')}'", "panels: Field required"),
        (
            f"[installations.shop]\nsecret = '{hash_of('x')}'\npanels = ['main']\ncalls_per_second = 0",
            "calls_per_second",
        ),
    ],
)
def test_an_odd_file_is_one_line_without_a_secret(file: Path, text: str, told: str) -> None:
    file.write_text(text, encoding="utf-8")
    file.chmod(0o600)
    with pytest.raises(DoorNotConfigured, match=told) as refused:
        load(file)
    assert "\n" not in str(refused.value) and "canary" not in str(refused.value)


def test_the_documented_file_is_one(file: Path) -> None:
    guide = PROJECT / "docs" / "least-privilege.md"
    (example,) = [block.text for block in blocks(guide) if block.language == "toml"]
    file.write_text(example, encoding="utf-8")
    file.chmod(0o640)
    assert load(file)["billing"].panels == ["main"]


def test_a_file_that_is_not_there_is_one_line(file: Path) -> None:
    with pytest.raises(DoorNotConfigured, match="dciflow door add"):
        load(file)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Basic",
        "Basic ",
        "Basic !!!",
        "Basic ÿ",
        basic("shop"),
        basic("shop:"),
        basic("shop:wrong"),
        basic(f"Shop:{SECRET}"),
        basic(f"nobody:{SECRET}"),
        basic(f":{SECRET}"),
        basic(f"shop:{SECRET}", "Bearer"),
        basic(f"shop:{hash_of(SECRET)}"),
    ],
)
def test_what_is_not_name_and_secret_is_nobody(header: str) -> None:
    assert authenticated({"shop": SHOP}, header) is None
    assert authenticated({"shop": SHOP}, basic(f"shop:{SECRET}", "basic")) == SHOP


def test_panels_are_its_own_by_name_or_by_what_they_begin_with() -> None:
    assert [name for name in ("main", "main-2", "shop-1", "shop", "theirs", "") if SHOP.has_panel(name)] == [
        "main",
        "shop-1",
    ]
    everything = installation("any", "x", panels=["*"])
    assert everything.has_panel("theirs")
    assert (SHOP.may_check(UNSAVED), everything.has_panel(UNSAVED)) == (True, False)


@pytest.mark.parametrize(
    ("address", "may"), [("192.0.2.10", True), ("192.0.2.11", False), ("2001:db8::7", True), ("unknown", False)]
)
def test_calls_come_from_its_addresses_only(address: str, may: bool) -> None:
    assert installation("x", "x", addresses=["192.0.2.10", "2001:db8::/64"]).may_come_from(address) is may
    assert SHOP.may_come_from(address)
