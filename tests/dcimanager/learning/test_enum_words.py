import pytest

from dcimanager.learning.description import Call
from dcimanager.learning.enum_words import meaning, propose_words
from dcimanager.learning.schemas import Property
from dcimanager.words import MEANINGS, WordKind


def found(name, *words, path="dci/v3/server", description=""):
    answer = (Property(name, "string", enum=words, description=description),)
    proposals = propose_words([Call("DCI", "GET", path, answer=answer)])
    return {(one.kind.value, one.word): one.means for one in proposals}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("list[].operation.status", "operation"),
        ("operation_status", "operation"),
        ("list[].power_status", "power"),
        ("list[].switch_connection[].admin_status", "port"),
        ("list[].state", "state"),
        ("list[].ip[].status", "address"),
    ],
)
def test_a_word_is_said_of_what_it_stands_in(name, kind):
    assert [of for of, _ in found(name, "strange")] == [kind]


@pytest.mark.parametrize("name", ["list[].switch_connection[].oper_status", "pdu_connection.power_status", "language"])
def test_other_enums_give_no_words(name):
    assert found(name, "up", "on") == {}


def test_the_type_of_a_network_is_a_word():
    assert found("list[].type", "Active", "Container", path="ip/v3/ipnet") == {
        ("network", "active"): "gives addresses",
        ("network", "container"): "gives none",
    }


@pytest.mark.parametrize(
    ("word", "means"),
    [
        ("ok", "finished"),
        ("COMPLETED", "finished"),
        ("canceled", "ended"),
        ("inProgress", "running"),
        ("failed", "failed"),
        ("unfinished", None),
        ("paused", None),
        ("not_ok", None),
        ("successless", None),
    ],
)
def test_a_word_means_something_only_if_the_whole_of_it_is_clear(word, means):
    assert meaning(WordKind.OPERATION, word, "") == means


@pytest.mark.parametrize(
    ("word", "means"),
    [("beendet", "finished"), ("laeuft", "running"), ("weg", "ended"), ("kaputt", "failed"), ("x", None)],
)
def test_a_description_tells_what_foreign_words_mean(word, means):
    said = (
        "`beendet` - completed without errors; laeuft: still in progress, weg = cancelled by a user; kaputt (an error)"
    )
    assert meaning(WordKind.OPERATION, word, said) == means


def test_a_word_that_the_description_contradicts_is_open():
    assert meaning(WordKind.OPERATION, "done", "done - waiting for the rest") is None


def test_one_word_with_two_meanings_is_open():
    first = Property("operation.status", "string", enum=("stand",), description="stand: completed")
    second = Property("operation.status", "string", enum=("stand",), description="stand: failed")
    calls = [Call("DCI", "GET", f"dci/v3/{n}", answer=(one,)) for n, one in enumerate((first, second))]
    (proposal,) = propose_words(calls)
    assert proposal.means is None
    assert "finished" in proposal.told
    assert "failed" in proposal.told


def test_numbers_are_no_words():
    assert found("operation.status", "0", "-1") == {}


def test_every_meaning_is_one_of_its_kind():
    from dcimanager.learning import enum_words

    for kind, meanings in enum_words._MEANINGS.items():
        assert set(meanings) <= MEANINGS[kind]
        words = [word for told in meanings.values() for word in told.split()]
        assert len(words) == len(set(words)), kind
