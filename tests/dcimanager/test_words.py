import pytest

from dcimanager.endpoints import DialectError, load_dialect
from dcimanager.marks import Mark
from dcimanager.words import MEANINGS, WordKind


def test_every_word_of_the_table_says_how_sure_it_is_and_where_that_comes_from():
    words = [word for kind in WordKind for word in load_dialect().vocabulary.of(kind)]
    assert len(words) > 30
    assert all(word.source and word.mark is not Mark.CORRECTED for word in words)


@pytest.mark.parametrize("kind", WordKind)
def test_there_are_words_for_every_kind_and_each_has_meanings(kind):
    said = {word.means for word in load_dialect().vocabulary.of(kind)}
    assert said <= MEANINGS[kind]
    assert said


@pytest.mark.parametrize(
    ("said", "means"), [("ok", "finished"), (" OK\n", "finished"), ("Canceled", "ended"), ("okay", None), ("", None)]
)
def test_a_word_is_matched_whole_and_in_any_case(said, means):
    assert load_dialect().vocabulary.meaning(WordKind.OPERATION, said) == means


def test_a_word_means_something_for_its_own_kind_only():
    vocabulary = load_dialect().vocabulary
    assert vocabulary.meaning(WordKind.PORT, "up") == "up"
    assert vocabulary.meaning(WordKind.POWER, "up") is None


def test_a_site_corrects_words_and_adds_its_own(tmp_path):
    file = tmp_path / "corrections.toml"
    file.write_text(
        '[words.operation.Beendet]\nmeans = "finished"\n[words.state.active]\nmeans = "changing"\nmark = "seen"\n'
    )
    vocabulary = load_dialect(file).vocabulary
    assert vocabulary.meaning(WordKind.OPERATION, "BEENDET") == "finished"
    assert vocabulary.meaning(WordKind.STATE, "active") == "changing"
    assert vocabulary.meaning(WordKind.OPERATION, "ok") == "finished"
    marks = {word.word: word.mark for kind in (WordKind.OPERATION, WordKind.STATE) for word in vocabulary.of(kind)}
    assert (marks["beendet"], marks["active"], marks["ok"]) == (Mark.CORRECTED, Mark.SEEN, Mark.DOCUMENTED)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[words.operations.ok]\nmeans = "finished"', r"there are no \[words.operations\]; known are operation"),
        ('[words.operation.ok]\nmeans = "over"', r"\[words.operation.ok\] .*means one of ended, failed"),
        ("[words.operation]\nok = 1", r"\[words.operation.ok\] means"),
        ('[words.power.on]\nmeans = "on"\nif = 1', r"\[words.power.on\] if"),
    ],
)
def test_a_word_that_cannot_be_used_says_what_to_mend(tmp_path, text, said):
    file = tmp_path / "corrections.toml"
    file.write_text(text)
    with pytest.raises(DialectError, match=said):
        load_dialect(file)
