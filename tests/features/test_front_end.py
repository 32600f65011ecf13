"""What holds for every front end: shapes, dtypes, standardisation, and what is refused."""

import numpy as np
import pytest
from music import music
from pydantic import TypeAdapter

from genre_batch.catalog.reject import RejectReason, TrackRejected
from genre_batch.features.front_end import FRONT_ENDS, AnyFrontEnd, FrontEnd
from genre_batch.features.front_ends.descriptors import DescriptorFrontEnd
from genre_batch.features.front_ends.image import ImageFrontEnd
from genre_batch.features.front_ends.log_mel import LogMelFrontEnd
from genre_batch.features.front_ends.mfcc import MfccFrontEnd
from genre_batch.features.front_ends.plain_waveform import WaveformFrontEnd

EXAMPLES: list[AnyFrontEnd] = [
    LogMelFrontEnd(n_mels=16, segment_frames=64, segment_hop_frames=32),
    MfccFrontEnd(n_mfcc=13, segment_frames=64, segment_hop_frames=64),
    DescriptorFrontEnd(columns=["rms_mean", "mfcc1_mean"], segment_s=1.5),
    ImageFrontEnd(size=64, segment_s=2.0),
    ImageFrontEnd(images=["spectrogram", "scalogram"], size=64, segment_s=2.0),
    WaveformFrontEnd(segment_s=2.0),
]
"""Several of each kind where they differ."""
NAMES = [f"{front_end.name}-{place}" for place, front_end in enumerate(EXAMPLES)]


@pytest.mark.parametrize("front_end", EXAMPLES, ids=NAMES)
@pytest.mark.parametrize("length_s", [1.0, 5.0])
def test_segments_have_the_shape_and_dtype_that_the_front_end_says(front_end: FrontEnd, length_s: float) -> None:
    segments = front_end.segments(music(length_s))
    assert segments.shape[1:] == front_end.segment_shape
    assert segments.dtype == front_end.dtype
    assert 1 <= len(segments) <= front_end.max_segments
    assert np.isfinite(segments).all()


@pytest.mark.parametrize("front_end", EXAMPLES, ids=NAMES)
def test_json_brings_back_the_same_front_end(front_end: FrontEnd) -> None:
    adapter: TypeAdapter[FrontEnd] = TypeAdapter(FrontEnd)
    again = adapter.validate_json(front_end.model_dump_json())
    assert again == front_end
    assert again.digest() == front_end.digest()


@pytest.mark.parametrize("front_end", EXAMPLES, ids=NAMES)
def test_rows_are_standardised_by_their_own_mean_and_deviation(front_end: FrontEnd) -> None:
    rows = front_end.segment_shape[0]
    scaled = front_end.model_copy(update={"mean": [1.0] * rows, "std": [2.0] * rows})
    plain = front_end.segments(music(3.0)).astype(np.float64)
    np.testing.assert_allclose(scaled.segments(music(3.0)), (plain - 1.0) / 2.0, rtol=2e-3, atol=2e-3)
    np.testing.assert_array_equal(scaled.whole().segments(music(3.0)), front_end.whole().segments(music(3.0)))


@pytest.mark.parametrize("front_end", EXAMPLES, ids=NAMES)
def test_silence_and_nan_are_rejected(front_end: FrontEnd) -> None:
    for samples, reason in [
        (np.zeros(44_100, np.float32), RejectReason.SILENT),
        (np.full(44_100, np.nan, np.float32), RejectReason.NOT_FINITE),
    ]:
        with pytest.raises(TrackRejected) as rejected:
            front_end.segments(samples)
        assert rejected.value.reject.reason is reason


def test_no_front_end_is_left_out() -> None:
    assert {type(front_end) for front_end in EXAMPLES} == set(FRONT_ENDS)


@pytest.mark.parametrize("front_end", EXAMPLES, ids=NAMES)
def test_the_model_card_says_what_segments_hold(front_end: AnyFrontEnd) -> None:
    rate, seconds = f"at {front_end.sample_rate} Hz", f"{front_end.segment_s:.1f}"
    assert front_end.describe().endswith(" s")
    assert rate in front_end.describe()
    assert seconds.removesuffix(".0") in front_end.describe()
