"""The examples in the docstrings of what a notebook user calls, run beside an output and a folder of music."""

import doctest
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import soundfile
from outputs import write_run

from genre_batch.catalog.reject import RejectReason
from genre_batch.storage.local import LocalStore

MODULES = (
    "genre_batch.catalog.source",
    "genre_batch.decode.decoder",
    "genre_batch.evaluation.metrics",
    "genre_batch.features.track_segments",
    "genre_batch.model.bundle",
    "genre_batch.table",
)


@pytest.fixture
def _work_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with `my-output`, where a second run found a track changed, `map.csv`, and `music/song.wav` of 20 s."""
    first = {("a.mp3", "v1"): "blues", ("b.mp3", "v1"): "rock", ("d.mp3", "v1"): RejectReason.SILENT}
    second = {("a.mp3", "v2"): "jazz", ("c.mp3", "v1"): "jazz"}
    for day, outcomes in enumerate((first, second)):
        write_run(LocalStore(), str(tmp_path / "my-output"), day, outcomes, model_id="texture-1")
    (tmp_path / "map.csv").write_text("label,mapped\njazz,old\nrock,loud\nother,loud\n")
    (tmp_path / "music").mkdir()
    times = np.arange(20 * 44_100) / 44_100
    soundfile.write(tmp_path / "music" / "song.wav", 0.3 * np.sin(2 * np.pi * 440 * times), 44_100)
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("_work_folder")
@pytest.mark.parametrize("name", MODULES)
def test_examples_show_what_comes_back(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    result = doctest.testmod(import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert result.attempted
    assert not result.failed, capsys.readouterr().out
