import pytest

from ledger.errors import LONGEST_LINE, AlreadyClaimed, LedgerError, SecondName, WrongPanel


@pytest.mark.parametrize(
    "refusal",
    [
        LedgerError("the panel said \x1b]8;;http://evil\x07\nforged"),
        WrongPanel(1, "main", "\x1b]8;;http://evil\x07\nforged"),
        SecondName("main-2", "main", "\x1b[31m\nforged"),
    ],
    ids=lambda refusal: type(refusal).__name__,
)
def test_a_refusal_is_one_line_without_control_characters(refusal: LedgerError) -> None:
    assert str(refusal).isprintable()


@pytest.mark.parametrize("refusal", [LedgerError("x" * 50_000), AlreadyClaimed("x" * 50_000, 7)])
def test_a_refusal_is_cut(refusal: LedgerError) -> None:
    assert len(str(refusal)) == LONGEST_LINE
