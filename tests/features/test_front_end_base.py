"""Settings survive JSON, wrong ones are refused, and the features do not depend on the volume."""

import json

import numpy as np
import pytest
from music import music
from pydantic import ValidationError

from genre_batch.catalog.reject import RejectReason, TrackRejected
from genre_batch.decode.window import Window
from genre_batch.features.front_end import FrontEnd
from genre_batch.features.front_ends.log_mel import LogMelFrontEnd
from genre_batch.features.loudness import normalise_loudness

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
        LogMelFrontEnd(channels="mean"),
        LogMelFrontEnd(offset="keep"),
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


def test_thirty_seconds_are_one_segment_of_128_bands_and_1292_frames() -> None:
    segments = LogMelFrontEnd().segments(music(30.0))
    assert segments.shape == (1, 128, 1292)
    assert segments.dtype == np.float16


def test_short_segments_overlap_by_the_hop() -> None:
    front_end = LogMelFrontEnd(segment_frames=128, segment_hop_frames=64)
    segments = front_end.segments(music(10.0))
    assert segments.shape == (1 + (431 - 128) // 64, 128, 128)
    np.testing.assert_array_equal(segments[0, :, 64:], segments[1, :, :64])


@pytest.mark.parametrize("gain", [0.01, 0.1, 3.0])
def test_the_features_do_not_depend_on_the_volume(gain: float) -> None:
    front_end = LogMelFrontEnd(segment_frames=128, segment_hop_frames=64)
    loud = front_end.segments(music(4.0)).astype(np.float32)
    quiet = front_end.segments(music(4.0) * np.float32(gain)).astype(np.float32)
    np.testing.assert_allclose(quiet, loud, rtol=1e-3, atol=1e-3)


def test_standardised_bands_have_mean_0_and_deviation_1() -> None:
    plain = LogMelFrontEnd(segment_frames=100, segment_hop_frames=100)
    raw = plain.segments(music(8.0)).astype(np.float64)
    mean, std = raw.mean(axis=(0, 2)), raw.std(axis=(0, 2))
    fitted = plain.model_copy(update={"mean": mean.tolist(), "std": std.tolist()})
    result = fitted.segments(music(8.0)).astype(np.float64)
    np.testing.assert_allclose(result.mean(axis=(0, 2)), 0.0, atol=2e-3)
    np.testing.assert_allclose(result.std(axis=(0, 2)), 1.0, atol=2e-3)


def test_silence_is_rejected_also_beside_an_offset() -> None:
    for offset in (0.0, 0.1):
        with pytest.raises(TrackRejected) as raised:
            LogMelFrontEnd().segments(np.full(22_050, offset, np.float32))
        assert raised.value.reject.reason is RejectReason.SILENT


def test_an_offset_is_removed_or_kept() -> None:
    sound = music(4.0)
    moved = sound + np.float32(0.5)
    np.testing.assert_array_equal(LogMelFrontEnd().segments(moved), LogMelFrontEnd().segments(moved - moved.mean()))
    removed, kept = (
        LogMelFrontEnd(offset=offset).segments(moved).astype(np.float32).mean() for offset in ("remove", "keep")
    )
    assert kept < removed - 3.0  # decibels: the offset counts as loudness


@pytest.mark.parametrize("front_end", [LogMelFrontEnd(), SHORT, STANDARDISED])
def test_a_full_window_has_at_most_max_segments(front_end: FrontEnd) -> None:
    count = len(front_end.segments(music(30.0)))
    assert count <= front_end.max_segments <= count + 1


def test_pieces_have_one_loudness_and_no_segment_extends_over_two() -> None:
    front_end = SHORT.model_copy(update={"window": Window(length_s=4.0, pieces=3)})
    sound = music(20.0)
    pieces = [gain * sound[start : start + 4 * 22_050] for gain, start in ((1.0, 0), (0.1, 100_000), (0.5, 300_000))]
    together = front_end.segments(*pieces)
    each = [len(front_end.segments(piece)) for piece in pieces]
    assert len(together) == sum(each) <= front_end.max_segments
    levelled = normalise_loudness(np.concatenate(pieces), -20.0)
    plain = SHORT.model_copy(update={"rms_dbfs": None})
    alone = [plain.segments(piece) for piece in np.split(levelled, 3)]
    np.testing.assert_array_equal(together, np.concatenate(alone))
    loudness = front_end.loudness(together)
    assert loudness[: each[0]].min() > 5 * loudness[each[0] : each[0] + each[1]].max()


def test_training_reads_pieces_as_scoring_does_and_a_single_window_uncut() -> None:
    assert SHORT.whole().segment_frames == 1
    pieces = SHORT.model_copy(update={"window": Window(length_s=4.0, pieces=3)})
    assert pieces.whole() == pieces
