"""The file that `init` writes."""

from pathlib import Path

import pytest

from genre_batch.config import ScoreConfig, load
from genre_batch.errors import UsageError
from genre_batch.settings.first_config import write_first_config

SETTINGS = load(ScoreConfig, None, (), {"source": "s3://b/music", "output": "s3://b/genres"})


def test_it_is_written_once_and_says_how_to_go_on(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    assert f"genre-batch score --config {file} --plan" in write_first_config(SETTINGS, str(file)).summary()
    assert load(ScoreConfig, str(file)) == SETTINGS
    file.write_text("edited")
    with pytest.raises(UsageError, match="exists already"):
        write_first_config(SETTINGS, str(file))
    assert file.read_text() == "edited"


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot write .*absent"):
        write_first_config(SETTINGS, str(tmp_path / "absent" / "score.yaml"))
