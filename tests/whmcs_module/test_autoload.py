"""The module's classes load by their namespaces, and never from files that an older version left."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from simulator.whmcs_php.host import PHP_ROOT
from tests.whmcs_module.stories import OVERLAY

LIB = OVERLAY / "modules/addons/dcimanager6flows/lib"
CLASSES = sorted(path.relative_to(LIB).with_suffix("").as_posix() for path in LIB.glob("*/*.php"))
WHMCS_CLASSES = PHP_ROOT / "lib"
"""Interfaces of WHMCS that a class of the module implements."""
LEFT = sorted({name.split("/")[1] for name in CLASSES} | {"Answer", "Call", "Guard", "Home", "Services", "Shelf"})
"""Names that files of the flat lib/ had, or could have had."""

pytestmark = pytest.mark.skipif(shutil.which("php") is None, reason="no php here")

CHECK = r"""
define('WHMCS', true);
spl_autoload_register(static function (string $class) use ($argv): void {
    if (strpos($class, 'WHMCS\\UsageBilling\\') === 0 || $class === 'WHMCS\\Module\\AbstractWidget') {
        require $argv[2] . '/' . strtr($class, '\\', '/') . '.php';
    }
});
require $argv[1] . '/load.php';
echo json_encode(array_filter(array_slice($argv, 3), 'class_exists'));
"""


def existing(lib: Path, names: list[str]) -> list[str]:
    """Those of the names that are classes, loaded by the module's own load.php."""
    command = ["php", "-r", CHECK, "--", str(lib), str(WHMCS_CLASSES), *names]
    said = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, str] | list[str] = json.loads(said.stdout)
    return list(found.values()) if isinstance(found, dict) else found


def test_every_file_is_the_class_that_its_folder_and_name_say() -> None:
    names = ["Dciflow\\" + name.replace("/", "\\") for name in CLASSES]
    assert len(names) > 40
    assert existing(LIB, names) == names


def test_files_that_an_older_version_left_are_never_loaded(tmp_path: Path) -> None:
    lib = tmp_path / "lib"
    shutil.copytree(LIB, lib)
    for name in LEFT:
        (lib / f"{name}.php").write_text(f"<?php\nnamespace Dciflow;\nfinal class {name} {{}}\n", encoding="utf-8")
    new = ["Dciflow\\" + name.replace("/", "\\") for name in CLASSES]
    assert existing(lib, [f"Dciflow\\{name}" for name in LEFT] + new) == new
