"""What WHMCS shows of the module under Apps & Integrations: whmcs.json and its logo."""

import json
import struct
from pathlib import Path

from dciflow.module_archive import module_files
from tests.whmcs_module.stories import OVERLAY

FOLDER = OVERLAY / "modules/servers/dcimanager6"
WIDEST = 500
"""Pixels. Source: developers.whmcs.com/advanced/json-file."""


def metadata() -> dict[str, object]:
    found: dict[str, object] = json.loads((FOLDER / "whmcs.json").read_text(encoding="utf-8"))
    return found


def size(png: Path) -> tuple[int, int]:
    """Width and height, from the header."""
    head = png.read_bytes()[:24]
    assert head.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", head[16:24])
    return width, height


def test_whmcs_json_has_every_key_that_whmcs_knows_and_the_modules_own_name() -> None:
    found = metadata()
    assert set(found) == {
        "schema", "type", "name", "license", "category", "description", "logo", "support", "authors",
    }  # fmt: skip
    assert (found["type"], found["name"]) == ("whmcs-servers", FOLDER.name)


def test_documents_that_whmcs_json_names_are_in_the_project() -> None:
    text = str(metadata()["description"])
    for name in ("docs/install.md", "docs/operate.md", "SECURITY.md"):
        assert name in text
        assert (OVERLAY.parent / name).is_file()


def test_the_logo_is_packed_and_not_too_wide() -> None:
    logo = FOLDER / str(dict(metadata()["logo"])["filename"])  # type: ignore[call-overload]
    assert size(logo)[0] <= WIDEST
    assert {logo, FOLDER / "whmcs.json"} <= set(module_files(OVERLAY))
