"""whmcs-module/contract.json, and the same words as PHP spells them."""

import json
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
MODULE = ROOT / "whmcs-module"
CONTRACT: dict[str, Any] = json.loads((MODULE / "contract.json").read_text(encoding="utf-8"))
FLOWS: dict[str, dict[str, Any]] = CONTRACT["deployments"]["flows"]
VARIABLES: dict[str, dict[str, Any]] = CONTRACT["variables"]["names"]
STATUSES: dict[str, dict[str, Any]] = CONTRACT["statuses"]["values"]
HOST_NAMES: dict[str, Any] = CONTRACT["host_names"]
SSH_KEYS: dict[str, Any] = CONTRACT["ssh_key"]
HAS_PHP = shutil.which("php") is not None


@cache
def php() -> dict[str, Any]:
    """The words of the module and of the simulated WHMCS in PHP, from their own constants: see words.php."""
    script = Path(__file__).with_name("words.php")
    command = ["php", str(script), str(MODULE), str(ROOT / "simulator/whmcs_php/root")]
    said = subprocess.run(command, capture_output=True, text=True, check=True)
    words: dict[str, Any] = json.loads(said.stdout)
    return words
