"""A folder a genre becomes examples with labels; bad tracks are told and counted."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from genre_batch.errors import UsageError
from genre_batch.features.front_end import LogMelFrontEnd
from genre_batch.training.corpus import TrainingCorpus, read_training_corpus

FRONT_END = LogMelFrontEnd(n_mels=16, segment_frames=32, segment_hop_frames=32)


def read(folder: Path) -> TrainingCorpus:
    return read_training_corpus(str(folder), FRONT_END, cache=None, deadline_s=30.0)


def test_labels_are_indices_into_the_sorted_genres(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    for genre, count in (("rock", 1), ("blues", 2)):
        (tmp_path / genre).mkdir()
        for number in range(count):
            soundfile.write(tmp_path / genre / f"{number}.wav", rng.normal(0.0, 0.1, 30_000), 22_050)
    (tmp_path / "rock" / "broken.flac").write_bytes(b"fLaC")
    corpus = read(tmp_path)
    assert corpus.genres == ["blues", "rock"]
    named = {
        (labelled.genre, corpus.genres[label]) for labelled, label in zip(corpus.tracks, corpus.labels, strict=True)
    }
    assert named == {("blues", "blues"), ("rock", "rock")}
    assert len(corpus.spectrograms) == 3
    assert sum(corpus.skipped.values()) == 1
    assert "broken.flac" in capsys.readouterr().err


def test_a_corpus_without_a_readable_track_is_refused(tmp_path: Path) -> None:
    for genre in ("blues", "rock"):
        (tmp_path / genre).mkdir()
        (tmp_path / genre / "empty.wav").touch()
    with pytest.raises(UsageError, match="no labelled track"):
        read(tmp_path)
