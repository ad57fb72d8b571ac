import pytest

from dcimanager.endpoints import Dialect, load_dialect
from dcimanager.survey_words import MOST_WORDS
from dcimanager.words import Vocabulary, Word, WordKind
from tests.dcimanager.surveyed_rows import Row, port, server, survey


@pytest.mark.parametrize(
    ("changes", "kind", "field"),
    [
        ({"operation": {**server(1)["operation"], "status": "Beendet"}}, WordKind.OPERATION, "operation.status"),
        (
            {"operation": {**server(1)["operation"], "progress_info": [{"name": "boot", "status": "Beendet"}]}},
            WordKind.OPERATION,
            "operation.progress_info.status",
        ),
        ({"power_status": "Beendet"}, WordKind.POWER, "power_status"),
        ({"pdu_connection": [{"power_status": "Beendet"}]}, WordKind.POWER, "pdu_connection.power_status"),
        (
            {"switch_connection": [port(1, admin_status="Beendet")]},
            WordKind.PORT,
            "switch_connection.admin_status",
        ),
        ({"state": "Beendet"}, WordKind.STATE, "state"),
        ({"ip": [{**server(1)["ip"][0], "status": "Beendet"}]}, WordKind.ADDRESS, "ip.status"),
    ],
)
def test_a_word_that_is_not_in_the_table_is_told_with_where_it_stands(changes: Row, kind: WordKind, field: str) -> None:
    [word] = survey(server(1, **changes), server(2)).words
    assert (word.kind, word.word, word.field, word.count, word.rows, word.ids) == (kind, "Beendet", field, 1, 1, (1,))
    assert word.entry == f"[words.{kind}.beendet]"


def test_a_word_that_is_in_a_sites_table_is_known() -> None:
    word = Word.model_validate({"kind": "state", "word": "beendet", "means": "out of operation", "mark": "corrected"})
    known = {**load_dialect().vocabulary.words, WordKind.STATE: {"beendet": word}}
    dialect = Dialect(endpoints=load_dialect().endpoints, vocabulary=Vocabulary(words=known))
    assert survey(server(1, state=" BEENDET "), dialect=dialect).words == []


def test_a_word_in_several_spellings_is_counted_once_with_at_most_five_ids() -> None:
    spelled = [server(number, state="Beendet" if number % 2 else "beendet") for number in range(1, 8)]
    [word] = survey(*spelled, server(9)).words
    assert (word.word, word.count, word.rows, word.ids) == ("Beendet", 7, 7, (1, 2, 3, 4, 5))


def test_a_word_at_two_ports_of_one_server_is_counted_twice_at_one_server() -> None:
    ports = [port(1, admin_status="x"), port(2, admin_status="x")]
    [word] = survey(server(1, switch_connection=ports)).words
    assert (word.count, word.rows, word.ids) == (2, 1, (1,))


def test_the_entry_of_a_word_with_blanks_is_one_that_toml_reads() -> None:
    [word] = survey(server(1, state='не "готов"')).words
    assert word.entry == '[words.state."не \\"готов\\""]'


def test_free_text_in_a_words_place_does_not_make_an_endless_list() -> None:
    found = survey(*(server(number, state=f"text {number}") for number in range(1, 81)))
    assert (len(found.words), found.words_left_out) == (MOST_WORDS, 80 - MOST_WORDS)
