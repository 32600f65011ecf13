"""What comes from the child is believed only where it can be true."""

import json

import numpy as np
import pytest

from genre_batch.features.front_end import LogMelFrontEnd, TrackSegments
from genre_batch.features.sandbox_wire import pack_request, pack_segments, unpack_request, unpack_segments

FRONT_END = LogMelFrontEnd(n_mels=4, segment_frames=8, segment_hop_frames=1292)
HEADER = {"n_segments": 1, "duration_s": 61.5, "window_start_s": 12.0, "decoder": "soundfile"}
NUMBERS = np.arange(32, dtype="<f2").tobytes()


def answer(numbers: bytes = NUMBERS, **changes: object) -> bytes:
    return json.dumps({**HEADER, **changes}).encode() + b"\n" + numbers


@pytest.mark.parametrize("track_id", ["s3://bucket/a b.mp3", "", "line\nbreak", "ü 🎵 ＠", "\udcff raw", "a\x00b"])
def test_any_track_id_arrives(track_id: str) -> None:
    assert unpack_request(pack_request(track_id, FRONT_END)) == (track_id, FRONT_END)


def test_segments_arrive_bit_for_bit() -> None:
    segments = np.random.default_rng(0).standard_normal((2, 4, 8)).astype(np.float16)
    front_end = FRONT_END.model_copy(update={"segment_hop_frames": 8})
    track = unpack_segments(pack_segments(TrackSegments(segments, 3.5, 0.0, "av")), front_end)
    np.testing.assert_array_equal(track.segments, segments)
    assert (track.duration_s, track.window_start_s, track.decoder) == (3.5, 0.0, "av")


def test_the_answer_that_the_cases_below_spoil_is_accepted() -> None:
    assert unpack_segments(answer(), FRONT_END).segments.shape == (1, 4, 8)


@pytest.mark.parametrize(
    "spoiled",
    [
        b"",
        b"\n",
        b"no json\n" + NUMBERS,
        answer(NUMBERS[:-2]),
        answer(NUMBERS + b"\0\0"),
        answer(NUMBERS[:-2] + np.array(np.nan, "<f2").tobytes()),
        answer(NUMBERS[:-2] + np.array(np.inf, "<f2").tobytes()),
        answer(b"", n_segments=0),
        answer(NUMBERS * 3, n_segments=3),
        answer(n_segments=-1),
        answer(n_segments=2**62),
        answer(n_segments="1"),
        answer(duration_s=float("nan")),
        answer(duration_s=-1.0),
        answer(window_start_s=float("inf")),
        answer(decoder="x" * 33),
        answer(decoder="a\nb"),
        answer(more=1),
    ],
    ids=range(18),
)
def test_an_answer_that_cannot_be_true_is_refused(spoiled: bytes) -> None:
    with pytest.raises(ValueError, match=r"^it"):
        unpack_segments(spoiled, FRONT_END)
