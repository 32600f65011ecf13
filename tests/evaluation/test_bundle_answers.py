"""The answers of a bundle are those of its front end, network and pooling."""

from pathlib import Path

import audio_samples
import numpy as np
import pytest
from small_bundle import write_small_bundle

from genre_batch.catalog.corpora import read_corpus
from genre_batch.evaluation.bundle_answers import answer_tracks
from genre_batch.features.track_segments import extract_segments
from genre_batch.model.open_predictor import open_predictor
from genre_batch.model.scores import softmax


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    for genre, sound in (("blues", audio_samples.chirp), ("rock", audio_samples.bursts)):
        (tmp_path / "corpus" / genre).mkdir(parents=True)
        data = audio_samples.encode(sound(5, 22_050, 1), 22_050, "flac")
        (tmp_path / "corpus" / genre / "a.flac").write_bytes(data)
    (tmp_path / "corpus" / "blues" / "b.flac").write_bytes(b"fLaC")
    return tmp_path / "corpus"


def test_answers_are_pooled_and_of_the_tracks_that_could_be_read(corpus: Path, tmp_path: Path) -> None:
    bundle = write_small_bundle(tmp_path / "bundle")
    answers = answer_tracks(read_corpus(str(corpus)), bundle)
    assert [each.track.track_id for each in answers.tracks] == ["blues/a.flac", "rock/a.flac"]
    assert answers.labels.tolist() == [0, 2]
    assert answers.rejects.total() == 1
    assert answers.known.tolist() == [False, False]
    for row, path in enumerate(("blues/a.flac", "rock/a.flac")):
        with (corpus / path).open("rb") as stream:
            track = extract_segments(stream, (corpus / path).stat().st_size, path, bundle.manifest.front_end)
        assert len(track.segments) > 1
        expected = softmax(open_predictor(bundle).logits(track.segments), 0.7).mean(axis=0)
        np.testing.assert_allclose(answers.probabilities(0.7)[row], expected, atol=1e-6)
