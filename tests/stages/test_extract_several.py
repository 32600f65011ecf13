"""Extracting for several bundles as the plain class it is: each object is read once."""

from pathlib import Path

import audio_samples
import pytest

from genre_batch.catalog.reject import Reject, RejectReason
from genre_batch.catalog.track import Track, TrackFacts
from genre_batch.stages.extract import ExtractFeatures
from genre_batch.stages.extract_several import ExtractForSeveral
from genre_batch.storage.local import LocalStore


@pytest.fixture
def batch(tmp_path: Path) -> list[Track]:
    sound = audio_samples.chirp(45.0, 22_050)
    (tmp_path / "a").write_bytes(audio_samples.encode(sound, 22_050, "flac"))
    (tmp_path / "b").write_bytes(b"")
    return [Track(each.uri, each.uri, each.etag, each.size_bytes) for each in LocalStore().list(f"{tmp_path}/")]


def test_two_bundles_share_a_front_end_and_the_bytes_of_a_track(batch: list[Track]) -> None:
    alone, alone_report = ExtractFeatures("cheap", 60.0).run(batch)
    extract = ExtractForSeveral(["cheap", "cheap"], 60.0)
    extract.ready()
    (first, second), report = extract.run(batch)
    assert first is second
    assert first.segments.tobytes() == alone.segments.tobytes()
    assert first.track_rows.tolist() == alone.track_rows.tolist()
    assert (report.bytes_read, report.reads) == (alone_report.bytes_read, alone_report.reads)
    sound, empty = report.outcomes
    assert sound == (alone_report.outcomes[0],) * 2
    assert isinstance(empty, Reject)
    assert empty.reason is RejectReason.EMPTY
    assert report.cpu_s > 0


def test_two_front_ends_have_a_block_each_and_read_a_track_once(batch: list[Track]) -> None:
    (first, second), report = ExtractForSeveral(["cheap", "default"], 60.0).run(batch)
    assert first.segments.shape[1:] != second.segments.shape[1:]
    assert (first.tracks, second.tracks) == (2, 2)
    assert report.bytes_read == sum(track.size_bytes for track in batch)
    outcome = report.outcomes[0]
    assert isinstance(outcome, tuple)
    assert [type(facts) for facts in outcome] == [TrackFacts, TrackFacts]
    assert outcome[0] != outcome[1]
