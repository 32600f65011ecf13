"""A track's bytes become its segments, the same from every lossless format."""

import io
from typing import BinaryIO

import numpy as np
import pytest
from audio_samples import encode
from music import music

from genre_batch.catalog.reject import RejectReason, RejectStage, TrackRejected
from genre_batch.decode.decoder import decode_window
from genre_batch.decode.mix import Channels
from genre_batch.decode.waveform import Waveform
from genre_batch.decode.window import Window
from genre_batch.features import track_segments
from genre_batch.features.front_end import TrackSegments
from genre_batch.features.front_ends.log_mel import LogMelFrontEnd
from genre_batch.features.track_segments import extract_each, extract_segments

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


def test_front_ends_that_hear_the_same_share_what_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The third hears another window; in the second's there is no sound."""
    short, twice = Window(length_s=3.0, min_offset_s=0, max_offset_s=0), LogMelFrontEnd(sample_rate=16_000)
    front_ends = [SHORT, twice, SHORT.model_copy(update={"window": short}), SHORT.model_copy(update={"n_mels": 64})]
    sound = music(60.0)
    sound[: 5 * 22_050] = 0.0
    data = encode(sound[:, None], 22_050, "wav")
    calls: list[Window] = []

    def counted(source: BinaryIO, size_bytes: int, track_id: str, window: Window, channels: Channels) -> Waveform:
        calls.append(window)
        return decode_window(source, size_bytes, track_id, window, channels)

    monkeypatch.setattr(track_segments, "decode_window", counted)
    found = extract_each(io.BytesIO(data), len(data), "track", front_ends)
    assert calls == [SHORT.window, short]
    for front_end, each in zip(front_ends, found, strict=True):
        if isinstance(each, TrackRejected):
            with pytest.raises(TrackRejected) as alone:
                extract_segments(io.BytesIO(data), len(data), "track", front_end)
            assert each.reject == alone.value.reject
        else:
            expected = extract_segments(io.BytesIO(data), len(data), "track", front_end)
            np.testing.assert_array_equal(each.segments, expected.segments)
            assert each.facts == expected.facts


def test_one_front_end_may_reject_what_another_takes() -> None:
    loud = SHORT.model_copy(update={"rms_dbfs": 5_000.0})  # too large for any number
    data = encode(music(4.0)[:, None], 22_050, "wav")
    with np.errstate(all="ignore"):
        rejected, taken = extract_each(io.BytesIO(data), len(data), "track", [loud, SHORT])
    assert isinstance(rejected, TrackRejected)
    assert rejected.reject.reason is RejectReason.NOT_FINITE
    assert isinstance(taken, TrackSegments)
