import tomllib
from datetime import UTC, datetime

import pytest

from dcimanager.endpoints import load_dialect
from dcimanager.learning.endpoints_file import endpoints_file
from dcimanager.learning.enum_words import WordProposal
from dcimanager.learning.proposal import Certainty, Learned, Proposal
from dcimanager.marks import Mark
from dcimanager.words import WordKind

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
HOSTILE = 'x"\n[login]\npath = "evil" # \x1b[31m \x07 \u2028 \ud800 \\ é 😀 \u202e'


@pytest.fixture
def write(tmp_path):
    def write(*proposals, words=(), definitions=("DCI back (/d.json)",), skipped=()):
        learned = Learned(tuple(proposals), tuple(words), 1, tuple(definitions), tuple(skipped))
        text = endpoints_file(learned, load_dialect(), panel="main", now=NOW)
        file = tmp_path / "endpoints.toml"
        file.write_text(text, encoding="utf-8")
        return text, load_dialect(file)

    yield write
    load_dialect.cache_clear()


def proposal(entry="diagnostics", certainty=Certainty.SURE, **more):
    given = {"method": "POST", "path": "x/v1/{server}/diag", "body": {"clear_disks": "wipe"}, **more}
    return Proposal(entry, certainty, **given)


def test_what_is_sure_stands_as_it_is_with_its_evidence(write):
    text, dialect = write(proposal(evidence=("path says diag",), values={"a": 4, "b": "c"}))
    entry = dialect["diagnostics"]
    assert (entry.path, dict(entry.body), dict(entry.values)) == (
        "x/v1/{server}/diag",
        {"clear_disks": "wipe"},
        {"a": 4, "b": "c"},
    )
    assert entry.mark is Mark.CORRECTED
    assert "#   path says diag" in text
    assert text.startswith("# The dialect of the panel main, learned from its own description at 2026-11-27 12:00 UTC.")
    assert "DCI back (/d.json)" in text


@pytest.mark.parametrize("certainty", [Certainty.LIKELY, Certainty.OPEN])
def test_what_is_not_sure_is_commented_out(write, certainty):
    text, dialect = write(proposal(certainty=certainty, doubts=("a doubt",)))
    assert dialect["diagnostics"] == load_dialect()["diagnostics"]
    assert '# path = "x/v1/{server}/diag"' in text
    assert "but: a doubt" in text


def test_an_entry_without_a_candidate_stays_as_it_is(write):
    text, dialect = write(Proposal("diagnostics", Certainty.OPEN, evidence=("nothing fits",)))
    assert dialect.endpoints == load_dialect().endpoints
    assert "diagnostics: open" in text


@pytest.mark.parametrize("certainty", Certainty)
def test_text_of_the_panel_writes_no_entry(write, certainty):
    text, dialect = write(
        proposal(certainty=certainty, evidence=(HOSTILE,), doubts=(HOSTILE,), body={"clear_disks": HOSTILE}),
        words=(WordProposal(WordKind.OPERATION, HOSTILE.lower(), None, HOSTILE),),
        definitions=(HOSTILE,),
        skipped=(HOSTILE,),
    )
    assert dialect["login"] == load_dialect()["login"]
    assert not any(sign in text for sign in ("\x1b", "\x07", "\u2028", "\u202e"))
    if certainty is Certainty.SURE:
        assert dialect["diagnostics"].body["clear_disks"] == HOSTILE.replace("\ud800", "?")


def test_words_are_written_where_their_meaning_is_clear_and_new_or_known(write):
    words = (
        WordProposal(WordKind.OPERATION, "beendet", "finished", "status of GET x"),
        WordProposal(WordKind.OPERATION, "läuft noch", "running", "status of GET x"),
        WordProposal(WordKind.OPERATION, "paused", None, "status of GET x"),
        WordProposal(WordKind.OPERATION, "ok", "failed", "status of GET x"),
    )
    text, dialect = write(words=words)
    said = dialect.vocabulary.meaning
    assert said(WordKind.OPERATION, "beendet") == "finished"
    assert said(WordKind.OPERATION, "Läuft noch") == "running"
    assert said(WordKind.OPERATION, "paused") is None
    assert said(WordKind.OPERATION, "ok") == "finished"
    assert "the table says finished: a person decides" in text
    assert set(tomllib.loads(text)) == {"words"}
