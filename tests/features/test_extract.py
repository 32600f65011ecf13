"""A track's bytes become its segments, the same from every lossless format."""

import io

import numpy as np
import pytest
from audio_samples import encode
from music import music

from genre_batch.catalog.reject import RejectReason, RejectStage, TrackRejected
from genre_batch.features.extract import extract_segments
from genre_batch.features.front_ends.log_mel import LogMelFrontEnd

SHORT = LogMelFrontEnd(segment_frames=128, segment_hop_frames=64)


def test_the_window_of_a_long_track_depends_on_its_id() -> None:
    sound = music(40.0)
    data = encode(sound[:, None], 22_050, "wav")
    track = extract_segments(io.BytesIO(data), len(data), "some track", SHORT)
    start = round(SHORT.window.start_s("some track", 40.0) * 22_050)
    assert (track.facts.duration_s, track.facts.window_start_s) == (pytest.approx(40.0), pytest.approx(start / 22_050))
    np.testing.assert_array_equal(track.segments, SHORT.segments(sound[start : start + 30 * 22_050]))


@pytest.mark.parametrize("encoding", ["flac", "aiff", "alac", "ogg_flac"])
def test_lossless_formats_give_the_same_segments(encoding: str) -> None:
    sound = music(5.0, 44_100)[:, None].repeat(2, axis=1)
    results = []
    for each in ("wav", encoding):
        data = encode(sound, 44_100, each)
        results.append(extract_segments(io.BytesIO(data), len(data), "track", SHORT).segments.astype(np.float32))
    np.testing.assert_allclose(results[0], results[1], rtol=2e-3, atol=2e-3)


def test_a_track_shorter_than_a_segment_fills_one() -> None:
    data = encode(music(2.0)[:, None], 22_050, "wav")
    track = extract_segments(io.BytesIO(data), len(data), "track", LogMelFrontEnd())
    assert track.segments.shape == (1, 128, 1292)
    np.testing.assert_array_equal(track.segments[0, :, :87], track.segments[0, :, 87:174])


def test_a_silent_track_is_rejected_in_the_features_stage() -> None:
    data = encode(np.zeros((44_100, 2), np.float32), 44_100, "flac")
    with pytest.raises(TrackRejected) as raised:
        extract_segments(io.BytesIO(data), len(data), "track", LogMelFrontEnd())
    assert (raised.value.reject.reason, raised.value.reject.stage) == (RejectReason.SILENT, RejectStage.FEATURES)
