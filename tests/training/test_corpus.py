"""A folder per genre becomes examples with labels; unreadable tracks are reported and counted."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import soundfile

from genre_batch.catalog.corpora import read_corpus
from genre_batch.errors import UsageError
from genre_batch.features.front_ends.log_mel import LogMelFrontEnd
from genre_batch.features.front_ends.plain_waveform import WaveformFrontEnd
from genre_batch.training.corpus import OnUnreadable, TrainingCorpus, by_segment, read_material, read_training_corpus
from genre_batch.training.dataset import extract_here

FRONT_END = LogMelFrontEnd(n_mels=16, segment_frames=32, segment_hop_frames=16)
EXTRACT = partial(extract_here, deadline_s=30.0)


def synthesise(folder: Path, seconds: float = 1.5) -> None:
    rng = np.random.default_rng(0)
    for genre, count in (("rock", 1), ("blues", 2)):
        (folder / genre).mkdir(parents=True)
        for number in range(count):
            sound = rng.normal(0.0, 0.1, round(22_050 * seconds))
            soundfile.write(folder / genre / f"{number}.wav", sound, 22_050)


def read(folder: Path, unreadable: OnUnreadable = "refuse") -> TrainingCorpus:
    return read_training_corpus(read_corpus(str(folder)), FRONT_END, EXTRACT, folder / ".cache", unreadable)


def test_labels_are_indices_into_the_sorted_genres(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    synthesise(tmp_path)
    (tmp_path / "rock" / "broken.flac").write_bytes(b"fLaC")
    corpus = read(tmp_path, "skip")
    assert corpus.genres == ["blues", "rock"]
    named = {
        (labelled.genre, corpus.genres[label]) for labelled, label in zip(corpus.tracks, corpus.labels, strict=True)
    }
    assert named == {("blues", "blues"), ("rock", "rock")}
    assert len(corpus.pieces) == 3
    assert sum(corpus.skipped.values()) == 1
    assert "broken.flac" in capsys.readouterr().err


def test_an_unreadable_track_is_refused_unless_it_is_to_be_skipped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    synthesise(tmp_path)
    (tmp_path / "rock" / "broken.flac").write_bytes(b"fLaC")
    with pytest.raises(UsageError, match="1 of 4 labelled tracks cannot be read") as error:
        read(tmp_path)
    assert "unreadable=skip" in error.value.hint
    assert "broken.flac" in capsys.readouterr().err


def test_every_segment_becomes_an_example_of_its_own(tmp_path: Path) -> None:
    synthesise(tmp_path)
    corpus = read(tmp_path)
    segments = by_segment(corpus, FRONT_END)
    assert len(segments.examples) == 9
    assert list(segments.labels) == [0] * 6 + [1] * 3
    assert len({labelled.group for labelled in segments.tracks}) == 9
    assert {labelled.track.track_id for labelled in segments.tracks} >= {"rock/0.wav#0", "rock/0.wav#2"}
    np.testing.assert_array_equal(segments.pieces[1][0], corpus.pieces[0][0][:, 16:48])
    assert [example.sha256 for example in segments.examples[:3]] == [corpus.examples[0].sha256] * 3


def test_a_longer_window_is_learned_from_where_it_can_be_read(tmp_path: Path) -> None:
    synthesise(tmp_path, seconds=4.0)
    window = FRONT_END.window.model_copy(update={"length_s": 1.0, "min_offset_s": 0, "max_offset_s": 2})
    scored = FRONT_END.model_copy(update={"window": window})
    corpus = read_training_corpus(read_corpus(str(tmp_path)), scored, EXTRACT, tmp_path / ".cache", "refuse")
    longer = scored.model_copy(update={"window": window.model_copy(update={"length_s": 3.0, "max_offset_s": 0})})
    material = read_material(corpus, longer, EXTRACT, tmp_path / ".cache")
    assert {pieces.shape[2] for pieces in corpus.pieces} == {44}
    assert {pieces.shape[2] for pieces in material} == {130}


def test_a_corpus_without_a_readable_track_is_refused(tmp_path: Path) -> None:
    for genre in ("blues", "rock"):
        (tmp_path / genre).mkdir()
        (tmp_path / genre / "empty.wav").touch()
    with pytest.raises(UsageError, match="none of the labelled tracks can be read"):
        read(tmp_path)


def test_pieces_of_other_front_ends_are_examples_as_they_are(tmp_path: Path) -> None:
    synthesise(tmp_path, seconds=1.2)
    front_end = WaveformFrontEnd(segment_s=0.5)
    corpus = read_training_corpus(read_corpus(str(tmp_path)), front_end, EXTRACT, tmp_path / ".cache", "refuse")
    segments = by_segment(corpus, front_end)
    assert [pieces.shape for pieces in corpus.pieces] == [(2, 1, 11_025)] * 3
    assert [pieces.shape for pieces in segments.pieces] == [(1, 1, 11_025)] * 6
