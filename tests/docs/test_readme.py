"""README.md stays short and in its order, and the index names every page."""

import re

from tests.docs.documents import INDEX, README, links, shell_blocks
from tools.documents import PROJECT


def test_the_readme_is_a_page_and_a_half() -> None:
    assert len(README.read_text(encoding="utf-8").splitlines()) <= 170


def test_the_readme_answers_in_the_order_of_the_house() -> None:
    assert re.findall(r"^## (.+)$", README.read_text(encoding="utf-8"), re.MULTILINE) == [
        "Run it",
        "Test it",
        "Connect the real WHMCS and panel",
        "When something is HELD",
        "Five limits to know first",
        "Where to go on",
    ]


def test_the_readme_says_first_what_it_was_tried_with() -> None:
    before = README.read_text(encoding="utf-8").partition("\n## ")[0]
    assert "**Tried, and not tried.**" in before.split("\n\n")[2]
    pinned = re.search(r'"prefect==([\d.]+)"', (PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    assert pinned is not None
    assert f"Prefect {pinned[1]} (pinned)" in before


def test_the_index_has_one_line_for_each_page() -> None:
    pages = {page.name for page in (PROJECT / "docs").glob("*.md")} - {"README.md"}
    named = [target for target in links(INDEX) if target.endswith(".md")]
    assert sorted(named) == sorted(pages)


def test_the_readme_begins_with_the_demo() -> None:
    assert shell_blocks(README)[0].text == "make demo\n"
