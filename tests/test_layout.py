"""Where one looks for a test: a guessable file for each module, or a line of README.md that names the story."""

import ast
import re
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parent.parent
TESTS = ROOT / "tests"
PACKAGES = (
    "flows", "tasks", "runtime", "worker", "door", "dciflow", "dcimanager", "whmcs", "answers", "ledger", "simulator",
    "bench", "tools",
)  # fmt: skip

LONGEST = 330
"""Lines that a Python or PHP file may have: a longer one does more than one thing."""

ROW = re.compile(r"^\| `(?P<module>[\w/]+\.py)` \| (?P<shown>.+) \|$", re.MULTILINE)
PLACE = re.compile(r"`([\w/]+(?:\.py)?/?)`")


def modules() -> list[Path]:
    """The modules of all packages, relative to the project; the ledger's migrations are data."""
    return [
        file.relative_to(ROOT)
        for package in PACKAGES
        for file in sorted((ROOT / package).rglob("*.py"))
        if file.name != "__init__.py" and "migrations" not in file.parts
    ]


def file_of(module: Path) -> Path:
    """Where the module's test file stands, if it has one: flows/_request.py -> flows/test_request.py."""
    return module.with_name(f"test_{module.stem.lstrip('_')}.py")


def shown_elsewhere() -> dict[Path, list[str]]:
    """The map of README.md: module to what shows its behaviour, as paths below tests/."""
    text = (TESTS / "README.md").read_text(encoding="utf-8")
    return {Path(row["module"]): PLACE.findall(row["shown"]) for row in ROW.finditer(text)}


def test_each_module_has_a_test_file_or_a_line_in_the_readme() -> None:
    named = shown_elsewhere()
    missing = [str(m) for m in modules() if not (TESTS / file_of(m)).exists() and m not in named]
    assert missing == [], "write tests/<package>/test_<module>.py, or name the story in tests/README.md"


def test_the_readme_names_no_module_that_is_gone_or_has_its_own_test_file() -> None:
    known = set(modules())
    assert [str(m) for m in shown_elsewhere() if m not in known or (TESTS / file_of(m)).exists()] == []


def test_each_place_that_the_readme_names_is_there() -> None:
    rows = shown_elsewhere()
    assert rows
    assert [str(module) for module, places in rows.items() if not places] == []
    assert [place for places in rows.values() for place in places if not (TESTS / place).exists()] == []


def test_each_folder_of_tests_is_a_package_and_named_in_the_readme() -> None:
    folders = {file.parent for file in TESTS.rglob("test_*.py")}
    assert [str(folder) for folder in folders if not (folder / "__init__.py").exists()] == []
    text = (TESTS / "README.md").read_text(encoding="utf-8")
    tops = {folder.relative_to(TESTS).parts[0] for folder in folders - {TESTS}}
    assert [top for top in sorted(tops) if f"`{top}/`" not in text] == []


def test_no_test_imports_a_neighbour_by_its_bare_name() -> None:
    bare = []
    for file in TESTS.rglob("*.py"):
        neighbours = {path.stem for path in [*file.parent.glob("*.py"), *TESTS.glob("*.py")]}
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.level or (node.module or "").partition(".")[0] in neighbours):
                bare.append(f"{file.relative_to(ROOT)}:{node.lineno}")
    assert bare == []


def classes() -> dict[str, list[str]]:
    """Where each public class of the packages is defined."""
    found: dict[str, list[str]] = defaultdict(list)
    for module in modules():
        for node in ast.parse((ROOT / module).read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found[node.name].append(f"{module}:{node.lineno}")
    return found


def test_no_two_public_classes_have_one_name() -> None:
    assert {name: places for name, places in classes().items() if len(places) > 1} == {}


def sources() -> list[Path]:
    """Every Python and PHP file of the project; tests and the ledger's migrations too."""
    folders = [folder for folder in ROOT.iterdir() if folder.is_dir() and not folder.name.startswith(".")]
    return sorted(file for folder in folders for end in ("py", "php") for file in folder.rglob(f"*.{end}"))


def test_no_file_is_longer_than_one_reads() -> None:
    lines = {file.relative_to(ROOT): len(file.read_bytes().splitlines()) for file in sources()}
    assert {file.suffix for file in lines} == {".py", ".php"}
    assert {file.parts[0] for file in lines} >= {*PACKAGES, "tests", "whmcs-module"}
    assert {str(file): count for file, count in lines.items() if count > LONGEST} == {}, "split it by subject"
