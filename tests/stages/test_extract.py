"""The extract actor as the plain class it is: one outcome a track, one block a batch."""

from pathlib import Path

import audio_samples
import numpy as np
import pytest

from genre_batch.catalog.reject import Reject, RejectReason
from genre_batch.catalog.track import Track, TrackFacts
from genre_batch.stages.extract import ExtractFeatures
from genre_batch.storage.local import LocalStore


@pytest.fixture
def batch(tmp_path: Path) -> list[Track]:
    for name, seconds in (("a", 4.0), ("c", 31.0)):
        (tmp_path / name).write_bytes(audio_samples.encode(audio_samples.chirp(seconds), 44_100, "flac"))
    (tmp_path / "b").write_bytes(b"")
    return [Track(each.uri, each.uri, each.etag, each.size_bytes) for each in LocalStore().list(f"{tmp_path}/")]


def test_a_batch_becomes_a_block_and_one_outcome_a_track(batch: list[Track]) -> None:
    block, report = ExtractFeatures("default", deadline_s=30.0).run(batch)
    short, empty, long = report.outcomes
    assert isinstance(short, TrackFacts)
    assert short.duration_s == pytest.approx(4.0)
    assert isinstance(empty, Reject)
    assert empty.reason is RejectReason.EMPTY
    assert isinstance(long, TrackFacts)
    assert long.window_start_s == pytest.approx(3.5)  # the middle 24 s
    assert block.segments.dtype == np.float16
    assert set(block.track_rows.tolist()) == {0, 2}
    assert (np.diff(block.track_rows) >= 0).all()
    assert len(block.segments) == len(block.track_rows)
    assert report.bytes_read == sum(track.size_bytes for track in batch)
    assert report.cpu_s > 0


def test_a_batch_of_rejects_alone_has_no_segments(batch: list[Track]) -> None:
    block, report = ExtractFeatures("default", deadline_s=30.0).run([batch[1], batch[1]])
    assert len(block.segments) == 0
    assert all(isinstance(outcome, Reject) for outcome in report.outcomes)


def test_the_canaries_of_the_bundle_become_a_block() -> None:
    block, report = ExtractFeatures("default", deadline_s=30.0).probe()
    assert all(isinstance(outcome, TrackFacts) for outcome in report.outcomes)
    assert block.tracks == len(report.outcomes) == 4
    assert {outcome.decoder for outcome in report.outcomes if isinstance(outcome, TrackFacts)} >= {"soundfile", "av"}
