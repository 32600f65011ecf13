"""An answer from the child is accepted only if it is valid."""

import json

import numpy as np
import pytest

from genre_batch.catalog.reject import RejectReason, RejectStage, TrackRejected
from genre_batch.catalog.track import TrackFacts
from genre_batch.features.front_end import TrackSegments
from genre_batch.features.front_end_wire import (
    pack_each,
    pack_request,
    pack_request_for_each,
    pack_segments,
    unpack_each,
    unpack_request,
    unpack_request_for_each,
    unpack_segments,
)
from genre_batch.features.front_ends.log_mel import LogMelFrontEnd

FRONT_END = LogMelFrontEnd(n_mels=4, segment_frames=8, segment_hop_frames=1292)
FACTS = {"duration_s": 61.5, "window_start_s": 12.0, "decoder": "soundfile", "sample_rate": 44_100, "channels": 2}
NUMBERS = np.arange(32, dtype="<f2").tobytes()


def answer(numbers: bytes = NUMBERS, *, n_segments: object = 1, more: bool = False, **facts: object) -> bytes:
    header = {"n_segments": n_segments, "facts": {**FACTS, **facts}} | ({"more": 1} if more else {})
    return json.dumps(header).encode() + b"\n" + numbers


@pytest.mark.parametrize("track_id", ["s3://bucket/a b.mp3", "", "line\nbreak", "ü 🎵 ＠", "\udcff raw", "a\x00b"])
def test_any_track_id_arrives(track_id: str) -> None:
    assert unpack_request(pack_request(track_id, FRONT_END)) == (track_id, FRONT_END)


def test_segments_arrive_bit_for_bit() -> None:
    segments = np.random.default_rng(0).standard_normal((2, 4, 8)).astype(np.float16)
    front_end = FRONT_END.model_copy(update={"segment_hop_frames": 8})
    track = unpack_segments(pack_segments(TrackSegments(segments, TrackFacts(3.5, 0.0, "av", 44_100, 2))), front_end)
    np.testing.assert_array_equal(track.segments, segments)
    assert (track.facts.duration_s, track.facts.window_start_s, track.facts.decoder) == (3.5, 0.0, "av")


def test_a_valid_answer_is_accepted() -> None:
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
        answer(more=True),
        answer(one_more_fact=1),
        answer(duration_s="61.5"),
    ],
    ids=range(20),
)
def test_invalid_answers_are_refused(spoiled: bytes) -> None:
    with pytest.raises(ValueError, match=r"^it"):
        unpack_segments(spoiled, FRONT_END)


def test_what_each_front_end_gives_arrives() -> None:
    other = FRONT_END.model_copy(update={"n_mels": 3})
    facts = TrackFacts(3.5, 0.0, "av", 44_100, 2)
    silent = TrackRejected(RejectReason.SILENT, RejectStage.FEATURES, "no sound")
    tracks = [TrackSegments(np.ones((1, rows, 8), np.float16), facts) if rows else silent for rows in (4, None, 3)]
    front_ends = [FRONT_END, FRONT_END, other]
    assert unpack_request_for_each(pack_request_for_each("a\nb", front_ends)) == ("a\nb", tuple(front_ends))
    packed = pack_each(tracks)
    first, second, third = unpack_each(packed, front_ends)
    for found, rows in ((first, 4), (third, 3)):
        assert isinstance(found, TrackSegments)
        np.testing.assert_array_equal(found.segments, np.ones((1, rows, 8), np.float16))
        assert found.facts == facts
    assert isinstance(second, TrackRejected)
    assert second.reject == silent.reject
    for spoiled in (packed[:-16], packed + bytes(16), b"[]\n", b"{}\n", pack_each(tracks[:2]), pack_each(tracks[::-1])):
        with pytest.raises(ValueError, match=r"."):
            unpack_each(spoiled, front_ends)
