"""The settings travel as JSON and cannot be wrong unnoticed; the features do not hear the volume."""

import json

import numpy as np
import pytest
from music import music
from pydantic import ValidationError

from genre_batch.catalog.reject import RejectReason, TrackRejected
from genre_batch.features.front_end import FrontEnd, LogMelFrontEnd
from genre_batch.features.segments_of import segments_of

SHORT = LogMelFrontEnd(segment_frames=128, segment_hop_frames=64)
STANDARDISED = LogMelFrontEnd(n_mels=4, mean=[-10.0, -20.5, 0.1, 1e-9], std=[1.0, 2.0, 3.0, 0.125])


@pytest.mark.parametrize("front_end", [LogMelFrontEnd(), STANDARDISED])
def test_json_brings_back_the_same_settings(front_end: FrontEnd) -> None:
    again = LogMelFrontEnd.model_validate_json(front_end.model_dump_json())
    assert again == front_end
    assert again.digest() == front_end.digest()


def test_the_digest_changes_with_any_setting() -> None:
    changed = [
        LogMelFrontEnd(),
        LogMelFrontEnd(sample_rate=16_000),
        LogMelFrontEnd(rms_dbfs=-20.000001),
        LogMelFrontEnd(window={"length_s": 29.0, "min_offset_s": 15, "max_offset_s": 120}),
        LogMelFrontEnd(mean=[0.0] * 128, std=[1.0] * 128),
    ]
    assert len({each.digest() for each in changed}) == len(changed)


@pytest.mark.parametrize(
    "wrong",
    [
        {"n_mel": 128},
        {"n_mels": 0},
        {"n_fft": 2047},
        {"sample_rate": "22050"},
        {"mean": [0.0] * 128},
        {"mean": [0.0], "std": [1.0]},
        {"mean": [0.0] * 128, "std": [0.0] * 128},
    ],
    ids=str,
)
def test_wrong_settings_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        LogMelFrontEnd.model_validate_json(json.dumps(wrong))


def test_thirty_seconds_are_one_segment_of_seed_001s_size() -> None:
    segments = segments_of(music(30.0), LogMelFrontEnd())
    assert segments.shape == (1, 128, 1292)
    assert segments.dtype == np.float16


def test_short_segments_overlap_by_the_hop() -> None:
    front_end = LogMelFrontEnd(segment_frames=128, segment_hop_frames=64)
    segments = segments_of(music(10.0), front_end)
    assert segments.shape == (1 + (431 - 128) // 64, 128, 128)
    np.testing.assert_array_equal(segments[0, :, 64:], segments[1, :, :64])


@pytest.mark.parametrize("gain", [0.01, 0.1, 3.0])
def test_the_features_do_not_hear_the_volume(gain: float) -> None:
    front_end = LogMelFrontEnd(segment_frames=128, segment_hop_frames=64)
    loud = segments_of(music(4.0), front_end).astype(np.float32)
    quiet = segments_of(music(4.0) * np.float32(gain), front_end).astype(np.float32)
    np.testing.assert_allclose(quiet, loud, rtol=1e-3, atol=1e-3)


def test_standardised_features_have_the_bands_statistics_taken_out() -> None:
    plain = LogMelFrontEnd(segment_frames=100, segment_hop_frames=100)
    raw = segments_of(music(8.0), plain).astype(np.float64)
    mean, std = raw.mean(axis=(0, 2)), raw.std(axis=(0, 2))
    fitted = plain.model_copy(update={"mean": mean.tolist(), "std": std.tolist()})
    result = segments_of(music(8.0), fitted).astype(np.float64)
    np.testing.assert_allclose(result.mean(axis=(0, 2)), 0.0, atol=2e-3)
    np.testing.assert_allclose(result.std(axis=(0, 2)), 1.0, atol=2e-3)


def test_silence_is_rejected() -> None:
    with pytest.raises(TrackRejected) as raised:
        segments_of(np.zeros(22_050, np.float32), LogMelFrontEnd())
    assert raised.value.reject.reason is RejectReason.SILENT


@pytest.mark.parametrize("front_end", [LogMelFrontEnd(), SHORT, STANDARDISED])
def test_a_full_window_has_at_most_max_segments(front_end: FrontEnd) -> None:
    count = len(segments_of(music(30.0), front_end))
    assert count <= front_end.max_segments <= count + 1
