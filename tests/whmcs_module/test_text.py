"""How long texts are cut: at the end of a character, and with every character that fits."""

import json
import shutil
import subprocess

import pytest

from tests.whmcs_module.test_autoload import LIB

pytestmark = pytest.mark.skipif(shutil.which("php") is None, reason="no php here")

CUT = r"""
define('WHMCS', true);
require $argv[1] . '/load.php';
echo json_encode(Dciflow\Page\Text::cut($argv[2], (int) $argv[3]));
"""


def cut(text: str, most: int) -> str:
    said = subprocess.run(
        ["php", "-r", CUT, "--", str(LIB), text, str(most)], capture_output=True, text=True, check=True
    )
    found: str = json.loads(said.stdout)
    return found


@pytest.mark.parametrize(
    ("text", "most", "left"),
    [
        ("Rīga", 5, "Rīga"),
        ("Rīga und Ünal", 3, "Rī"),  # the last one is whole
        ("Rīga und Ünal", 2, "R"),
        ("server 😀!", 11, "server 😀"),
        ("server 😀!", 10, "server "),
        ("server 😀!", 8, "server "),
        ("server", 3, "ser"),
        ("日本", 0, ""),
    ],
)
def test_a_text_is_cut_at_the_end_of_a_character_and_keeps_each_that_fits(text: str, most: int, left: str) -> None:
    assert cut(text, most) == left
