import sys
from pathlib import Path

import pytest
from prefect.settings import PREFECT_LOGGING_SETTINGS_PATH, temporary_settings

from worker import process
from worker.process import PLAIN_LOGGING, print_plainly


@pytest.mark.parametrize(
    ("sees_colours", "has_file_of_its_own", "plain"), [(False, False, True), (True, False, False), (False, True, False)]
)
def test_log_lines_are_printed_plainly_where_nobody_sees_colours_and_the_host_says_nothing_else(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, sees_colours: bool, has_file_of_its_own: bool, plain: bool
) -> None:
    used: list[Path] = []
    monkeypatch.setattr(sys.stderr, "isatty", lambda: sees_colours, raising=False)
    monkeypatch.setattr(
        process, "setup_logging", lambda incremental: used.append(PREFECT_LOGGING_SETTINGS_PATH.value())
    )
    if has_file_of_its_own:
        (tmp_path / "logging.yml").write_text("version: 1")
    with temporary_settings({PREFECT_LOGGING_SETTINGS_PATH: tmp_path / "logging.yml"}):
        print_plainly()
    assert used == ([PLAIN_LOGGING] if plain else [])
