"""The segment of Matroska."""

import io

import pytest
from audio_samples import chirp, encode
from oracle.encoders import Av, encode_sound

from genre_batch.catalog.reject import RejectReason, TrackRejected
from genre_batch.decode.audio_format import Libav
from genre_batch.decode.formats.matroska import check_whole, content_end, find_segment

RATE = 48_000
LIVE = Av("matroska", "flac", options=(("live", "1"),))


@pytest.mark.parametrize("encoding", ["matroska", "webm"])
def test_a_file_ends_with_its_segment(encoding: str) -> None:
    data = encode(chirp(2.0, RATE), RATE, encoding)
    assert content_end(io.BytesIO(data + bytes(100)), len(data) + 100) == len(data)
    assert check_whole(io.BytesIO(data), len(data)).decoders == ()
    with pytest.raises(TrackRejected) as caught:
        check_whole(io.BytesIO(data), len(data) // 2)
    assert caught.value.reject.reason is RejectReason.TRUNCATED


def test_the_packets_of_a_live_stream_are_counted() -> None:
    data = encode_sound(LIVE, RATE, chirp(2.0, RATE))
    segment = find_segment(io.BytesIO(data), len(data))
    assert segment is not None
    assert segment[1] is None
    assert content_end(io.BytesIO(data), len(data)) == len(data)
    (decoder,) = check_whole(io.BytesIO(data), len(data)).decoders
    assert isinstance(decoder, Libav)
    assert decoder.counted


@pytest.mark.parametrize("head", [b"", b"\x1aE\xdf\xa3", b"\x1aE\xdf\xa3\x80" + bytes(99), b"\x1aE\xdf\xa3\xff" * 9])
def test_without_a_segment_a_file_is_corrupt(head: bytes) -> None:
    with pytest.raises(TrackRejected) as caught:
        check_whole(io.BytesIO(head), len(head))
    assert caught.value.reject.reason is RejectReason.CORRUPT
