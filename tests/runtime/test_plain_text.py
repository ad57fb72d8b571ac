import pytest

from runtime.plain_text import LONGEST_CELL, LONGEST_PERSON, one_line, person, public_line


def test_a_control_character_is_shown_as_its_escape_and_a_letter_as_it_is() -> None:
    assert one_line("a\x1b[0m\tb\nc\u202ed") == "a\\x1b[0m b c\\u202ed"
    assert one_line("Zoë 日本 [x]") == "Zoë 日本 [x]"
    assert one_line("\x1b]8;;http://evil\x07click\x1b]8;;\x07") == "\\x1b]8;;http://evil\\x07click\\x1b]8;;\\x07"


def test_a_text_without_end_is_cut_also_where_escapes_make_it_longer() -> None:
    assert len(one_line("x" * 50_000)) == LONGEST_CELL
    assert len(one_line("\x1b" * 50_000, 100)) == 100
    assert one_line("x" * 100, 100) == "x" * 100


@pytest.mark.parametrize(
    ("said", "sent"),
    [
        ("<https://evil|Pay here> & <!channel>", "(https://evil|Pay here) & (!channel)"),
        ("[Pay here](https://evil)", "[Pay here] (https://evil)"),
        ("@all look, and anna@example.com", "(at)all look, and (an e-mail address)"),
        ("two\nlines\x1b[31m", "two lines\\x1b[31m"),
    ],
)
def test_a_message_that_leaves_the_house_links_nowhere_calls_nobody_and_has_no_address(said: str, sent: str) -> None:
    assert public_line(said, 500) == sent


def test_a_message_is_cut() -> None:
    assert len(public_line("x" * 50_000, 500)) == 500


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("anna", "anna"),
        (" the\nboss ", "the boss"),
        ("\x00\ud800", "\\x00\\ud800"),
        ("x" * 300, "x" * (LONGEST_PERSON - 1) + "…"),
        ("  ", None),
        (None, None),
    ],
)
def test_a_persons_name_is_one_line_that_a_database_takes_or_nothing(said: str | None, kept: str | None) -> None:
    assert person(said) == kept
