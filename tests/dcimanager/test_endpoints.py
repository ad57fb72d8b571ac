from pathlib import Path

import pytest

from dcimanager.endpoints import DialectError, Mark, load_dialect


def written(folder: Path, text: str) -> Path:
    file = folder / "corrections.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_every_entry_says_how_sure_it_is_and_where_that_comes_from():
    endpoints = load_dialect().endpoints
    assert len(endpoints) > 20
    assert all(endpoint.source and endpoint.mark is not Mark.CORRECTED for endpoint in endpoints.values())


def test_a_correction_replaces_what_it_names_and_leaves_the_rest(tmp_path):
    file = written(tmp_path, '[diagnostics]\npath = "dci/v3/server/{server}/diagnostics"\n')
    corrected, ours = load_dialect(file), load_dialect()
    assert corrected["diagnostics"].path.endswith("/diagnostics")
    assert corrected["diagnostics"].mark is Mark.CORRECTED
    assert corrected["diagnostics"].body == ours["diagnostics"].body
    assert corrected["os_install"] == ours["os_install"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[diagnostic]\nmethod = 'GET'", r"no endpoint \[diagnostic\]"),
        ("[diagnostics]\nmethod = 'PUT'", r"\[diagnostics\] method"),
        ("[diagnostics]\nurl = 'x'", r"\[diagnostics\] url"),
        ("[diagnostics", "not a TOML table"),
        ("[diagnostics]\nbody = {}", r"\[diagnostics\] body has no key for clear_disks"),
        ("[os_install_with_key]\nbody = {}", r"body has no key for ssh_keys: add it, or the server would get no key"),
    ],
)
def test_a_correction_that_cannot_be_used_says_what_to_mend(tmp_path, text, said):
    with pytest.raises(DialectError, match=said):
        load_dialect(written(tmp_path, text))


def test_a_file_of_corrections_that_is_not_there_is_told(tmp_path):
    with pytest.raises(DialectError, match="cannot be read"):
        load_dialect(tmp_path / "none.toml")


def test_words_that_the_table_does_not_map_are_not_sent():
    assert load_dialect()["diagnostics"].payload(clear_disks=True, hostname="x") == {"clear_disks": True}
