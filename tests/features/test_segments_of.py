"""One function behind all front ends: shapes, kinds of numbers, and what is refused."""

import numpy as np
import pytest
from music import music
from pydantic import TypeAdapter

from genre_batch.catalog.reject import RejectReason, TrackRejected
from genre_batch.features.front_end import (
    DescriptorFrontEnd,
    FrontEnd,
    ImageFrontEnd,
    LogMelFrontEnd,
    MfccFrontEnd,
    WaveformFrontEnd,
)
from genre_batch.features.segments_of import segments_of

FRONT_ENDS: list[FrontEnd] = [
    LogMelFrontEnd(n_mels=16, segment_frames=64, segment_hop_frames=32),
    MfccFrontEnd(n_mfcc=13, segment_frames=64, segment_hop_frames=64),
    DescriptorFrontEnd(columns=["rms_mean", "mfcc1_mean"], segment_s=1.5),
    ImageFrontEnd(size=64, segment_s=2.0),
    ImageFrontEnd(images=["spectrogram", "scalogram"], size=64, segment_s=2.0),
    WaveformFrontEnd(segment_s=2.0),
]
NAMES = [f"{front_end.name}-{place}" for place, front_end in enumerate(FRONT_ENDS)]


@pytest.mark.parametrize("front_end", FRONT_ENDS, ids=NAMES)
@pytest.mark.parametrize("length_s", [1.0, 5.0])
def test_segments_have_the_shape_and_kind_that_the_front_end_says(front_end: FrontEnd, length_s: float) -> None:
    segments = segments_of(music(length_s), front_end)
    assert segments.shape[1:] == front_end.segment_shape
    assert segments.dtype == front_end.dtype
    assert 1 <= len(segments) <= front_end.max_segments
    assert np.isfinite(segments).all()


@pytest.mark.parametrize("front_end", FRONT_ENDS, ids=NAMES)
def test_json_brings_back_the_same_front_end(front_end: FrontEnd) -> None:
    adapter: TypeAdapter[FrontEnd] = TypeAdapter(FrontEnd)
    again = adapter.validate_json(front_end.model_dump_json())
    assert again == front_end
    assert again.digest() == front_end.digest()


@pytest.mark.parametrize("front_end", FRONT_ENDS, ids=NAMES)
def test_rows_are_standardised_by_their_own_mean_and_deviation(front_end: FrontEnd) -> None:
    rows = front_end.segment_shape[0]
    scaled = front_end.model_copy(update={"mean": [1.0] * rows, "std": [2.0] * rows})
    plain = segments_of(music(3.0), front_end).astype(np.float64)
    np.testing.assert_allclose(segments_of(music(3.0), scaled), (plain - 1.0) / 2.0, rtol=2e-3, atol=2e-3)
    np.testing.assert_array_equal(segments_of(music(3.0), scaled.whole()), segments_of(music(3.0), front_end.whole()))


@pytest.mark.parametrize("front_end", FRONT_ENDS, ids=NAMES)
def test_silence_and_nonsense_are_refused(front_end: FrontEnd) -> None:
    for samples, reason in [
        (np.zeros(44_100, np.float32), RejectReason.SILENT),
        (np.full(44_100, np.nan, np.float32), RejectReason.NOT_FINITE),
    ]:
        with pytest.raises(TrackRejected) as rejected:
            segments_of(samples, front_end)
        assert rejected.value.reject.reason is reason


def test_a_waveform_too_short_for_a_segment_is_repeated() -> None:
    front_end = WaveformFrontEnd(segment_s=2.0, rms_dbfs=None)
    samples = music(1.5)
    (segment,) = segments_of(samples, front_end)
    np.testing.assert_array_equal(segment[0], np.resize(samples, front_end.segment_samples))


def test_more_coefficients_than_bands_are_refused() -> None:
    with pytest.raises(ValueError, match="at most as many"):
        MfccFrontEnd(n_mfcc=30, n_mels=20)


def test_unknown_and_repeated_descriptors_are_refused() -> None:
    for columns in (["tempo", "beauty"], ["tempo", "tempo"]):
        with pytest.raises(ValueError, match="descriptor"):
            DescriptorFrontEnd(columns=columns)
