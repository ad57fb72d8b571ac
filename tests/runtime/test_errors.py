import pytest

from ledger.hold_reasons import HoldReason
from runtime.errors import LONGEST_EVIDENCE, LONGEST_LINE, Held, StepError, StepRefused, Unforeseen


@pytest.mark.parametrize("error", [StepError, StepRefused])
def test_an_error_is_one_line_whatever_a_panel_put_into_it(error: type[StepError]) -> None:
    assert str(error("No such template:\n  Debian\r\n\t12 .")) == "No such template: Debian 12 ."


def test_a_hold_says_its_reason_and_keeps_its_evidence_for_those_who_decide() -> None:
    held = Held(HoldReason.OWNER_CHANGED, "Server 7 has another owner.", expected=9, found=None)
    assert str(held) == "Server 7 has another owner. The service is HELD (owner-changed): see `dciflow held list`."
    assert held.reason is HoldReason.OWNER_CHANGED
    assert held.evidence == "Server 7 has another owner. expected: 9; found: None;"


def test_the_line_of_a_hold_is_cut_and_still_says_what_to_do() -> None:
    held = Held(HoldReason.OWNER_CHANGED, "x" * 50_000)
    assert len(str(held)) <= LONGEST_LINE
    assert str(held).endswith("The service is HELD (owner-changed): see `dciflow held list`.")
    assert len(held.evidence) <= LONGEST_EVIDENCE


def test_a_line_has_no_control_characters_and_is_cut() -> None:
    assert str(StepRefused("No template \x1b]8;;http://evil\x07Debian")).isprintable()
    assert len(str(StepRefused("x" * 50_000))) == LONGEST_LINE


def test_an_unforeseen_error_says_where_it_was_and_what_to_press() -> None:
    line = str(Unforeseen("KeyError", "owner.py:12"))
    assert "(KeyError at owner.py:12)" in line
    assert "press Retry" in line
