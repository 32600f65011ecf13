"""Training features computed on Ray: the same as in this process, cached, and not computed again."""

from pathlib import Path

import audio_samples
import numpy as np
import pytest
import ray

from genre_batch.catalog.corpora import read_corpus
from genre_batch.config import JobConfig
from genre_batch.features.front_ends.log_mel import LogMelFrontEnd
from genre_batch.pipeline import features_flow
from genre_batch.run.training_features import extract_on_ray
from genre_batch.training.dataset import Example, SkippedTrack, extract_here

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

FRONT_END = LogMelFrontEnd(n_mels=16, segment_frames=32, segment_hop_frames=32)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    for number in range(6):
        genre = folder / ("high" if number % 2 else "low")
        genre.mkdir(exist_ok=True)
        sound = audio_samples.chirp(3 + number, 22_050, seed=number)
        (genre / f"{number}.flac").write_bytes(audio_samples.encode(sound, 22_050, "flac"))
    (folder / "low" / "bad.flac").write_bytes(b"fLaC and nothing more")
    return folder


def test_features_equal_those_of_one_process_and_are_cached(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracks, extract = read_corpus(str(corpus)), extract_on_ray(JobConfig(batch_tracks=2), features_flow)
    here = list(extract_here(tracks, FRONT_END, tmp_path / "here"))
    there = list(extract(tracks, FRONT_END, tmp_path / "there"))
    assert [outcome.labelled for outcome in there] == tracks
    for mine, theirs in zip(here, there, strict=True):
        assert type(mine) is type(theirs)
        if isinstance(mine, Example) and isinstance(theirs, Example):
            assert mine.sha256 == theirs.sha256
            np.testing.assert_array_equal(mine.pieces, theirs.pieces)
        else:
            assert isinstance(theirs, SkippedTrack)
            assert mine.reject == theirs.reject
    assert sum(isinstance(outcome, SkippedTrack) for outcome in there) == 1

    good = [outcome.labelled for outcome in there if isinstance(outcome, Example)]
    monkeypatch.setattr(ray, "init", lambda **_: pytest.fail("Ray was started although everything is cached"))
    again = list(extract(good, FRONT_END, tmp_path / "there"))
    assert all(isinstance(outcome, Example) for outcome in again)
