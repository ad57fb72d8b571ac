"""The locks: one set of versions, of which production gets what runs and nothing else."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions

import pytest

from tools.documents import PROJECT

WHOLE, RUN, BUILD = (
    (PROJECT / name).read_text(encoding="utf-8")
    for name in ("requirements.lock", "requirements-run.lock", "requirements-build.lock")
)
PYPROJECT = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
EXTRAS = PYPROJECT["project"]["optional-dependencies"]
PACKAGES = (
    "flows",
    "tasks",
    "runtime",
    "dcimanager",
    "whmcs",
    "answers",
    "ledger",
    "worker",
    "door",
    "dciflow",
    "simulator",
)
"""What runs in production, or is served there to look around (`dciflow simulate`)."""


def pins(lock: str) -> dict[str, set[str]]:
    """The lines of a lock, each with its hashes."""
    found = re.finditer(r"^(?P<pin>[a-z0-9].*?==.*?) ?\\\n(?P<hashes>(?: +--hash=\S+(?: \\)?\n)+)", lock, re.MULTILINE)
    return {one["pin"]: set(re.findall(r"sha256:\w{64}", one["hashes"])) for one in found}


def names(lock: str) -> set[str]:
    """The names of the distributions that a lock has."""
    return {name_of(pin) for pin in pins(lock)}


def name_of(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert found is not None
    return re.sub(r"[-_.]+", "-", found[0]).lower()


def test_every_line_of_a_lock_is_read() -> None:
    for lock in (WHOLE, RUN, BUILD):
        assert len(pins(lock)) == len(re.findall(r"^[a-z0-9]", lock, re.MULTILINE))
        assert all(pins(lock).values())


@pytest.mark.parametrize("lock", [RUN, BUILD], ids=["run", "build"])
def test_a_smaller_lock_has_the_versions_and_hashes_of_the_whole_one(lock: str) -> None:
    whole = pins(WHOLE)
    assert {pin: hashes for pin, hashes in pins(lock).items() if whole.get(pin) != hashes} == {}


def test_production_has_nothing_of_what_only_tests_and_drawings_need() -> None:
    asked_for = {name_of(one) for one in PYPROJECT["project"]["dependencies"] + EXTRAS["redis"]}
    assert asked_for <= names(RUN)
    assert names(RUN) & {name_of(one) for one in EXTRAS["dev"]} == set()
    assert names(RUN) & {"numpy", "pillow", "execnet", "sortedcontainers", "librt"} == set()


def test_what_the_product_imports_is_in_productions_lock() -> None:
    known = packages_distributions()
    imported: set[str] = set()
    for package in PACKAGES:
        for file in (PROJECT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import):
                    imported |= {one.name.partition(".")[0] for one in node.names}
                elif isinstance(node, ast.ImportFrom) and not node.level:
                    imported.add(str(node.module).partition(".")[0])
    theirs = imported - set(sys.stdlib_module_names) - set(PACKAGES) - {"bench"}
    assert len(theirs) > 10
    assert {name for name in theirs if not {name_of(one) for one in known[name]} & names(RUN)} == set()


def test_the_build_has_what_the_projects_own_package_is_built_with() -> None:
    assert {name_of(one) for one in PYPROJECT["build-system"]["requires"]} <= names(BUILD)


def test_production_is_built_from_the_lock_for_it() -> None:
    install = (PROJECT / "docs" / "install.md").read_text(encoding="utf-8")
    assert "sudo make -C /opt/dciflow run-env" in install
    assert "make -C /opt/dciflow env" not in install
    image = (PROJECT / "docs" / "scale-out" / "Dockerfile").read_text(encoding="utf-8")
    assert "-r requirements-run.lock" in image and "-r requirements.lock" not in image
    assert "LOCK=requirements-run.lock" in (PROJECT / "Makefile").read_text(encoding="utf-8")


def test_the_code_is_roots_and_not_the_users_that_it_runs_as() -> None:
    install = (PROJECT / "docs" / "install.md").read_text(encoding="utf-8")
    assert not re.search(r"chown .*dciflow.*/opt/dciflow", install)
    assert not re.search(r"sudo -u dciflow (?:git|make)", install)
