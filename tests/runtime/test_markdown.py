from runtime.markdown import code
from runtime.plain_text import LONGEST_CELL


def test_a_value_from_outside_is_inert_code_in_a_table() -> None:
    assert code("Debian 12") == "`Debian 12`"
    assert code("`](x) | <b>") == "`'](x) / <b>`"
    assert code("two\nlines\x1b[31m\u202e") == "`two lines\\x1b[31m\\u202e`"


def test_an_empty_value_does_not_begin_a_code_span_that_reaches_to_the_next_one() -> None:
    assert code("") == "` `"


def test_a_value_without_end_is_cut() -> None:
    assert len(code("x" * 50_000)) == LONGEST_CELL + 2
