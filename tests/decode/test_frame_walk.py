"""Streams that are nothing but frames."""

import io

import pytest
from audio_samples import chirp, encode

from genre_batch.catalog.reject import RejectReason, TrackRejected
from genre_batch.decode.audio_format import Checked, Joined
from genre_batch.decode.formats import adts
from genre_batch.decode.frame_walk import check_frames, find_frames, follows
from genre_batch.storage.spliced_file import ByteRange

SYNC = b"\xff"


@pytest.fixture(scope="module")
def data() -> bytes:
    return encode(chirp(2.0, 48_000), 48_000, "adts")


def checked(data: bytes) -> Checked:
    return check_frames(io.BytesIO(data), len(data), adts.parse_frame, SYNC, ())


def test_frames_are_counted(data: bytes) -> None:
    found = checked(data)
    assert found.frames == pytest.approx(2 * 48_000, abs=3 * 1024)
    assert (found.decoders, found.rate) == ((), 48_000)


def test_what_lies_between_and_after_frames_is_left_out(data: bytes) -> None:
    second = adts.parse_frame(data, 0)
    assert second is not None
    at, junk = second.frame_bytes, b"\xfe\xff\xf1" * 700
    found = checked(data[:at] + junk + data[at:] + data[:50])
    (joined,) = found.decoders
    assert isinstance(joined, Joined)
    (link,) = joined.links
    assert link.pieces == (ByteRange(0, at), ByteRange(at + len(junk), len(junk) + len(data)))
    assert link.frames == checked(data).frames


def test_frames_of_another_rate_are_a_link_of_their_own(data: bytes) -> None:
    other = encode(chirp(1.0, 24_000), 24_000, "adts")
    (joined,) = checked(data + other).decoders
    assert isinstance(joined, Joined)
    assert [link.rate for link in joined.links] == [48_000, 24_000]


@pytest.mark.parametrize("noise", [b"", b"\0" * 100, b"\xff" * 100_000])
def test_no_frames_are_corrupt(noise: bytes) -> None:
    with pytest.raises(TrackRejected) as caught:
        checked(noise)
    assert caught.value.reject.reason is RejectReason.CORRUPT


def test_false_starts_are_given_up(data: bytes) -> None:
    with pytest.raises(TrackRejected):
        checked(data[:400] + b"\xff\xf1\x50\x80\x7f\xff\xfc" * (8 << 17))


def test_a_first_frame_must_be_followed_by_others(data: bytes) -> None:
    assert follows(adts.parse_frame, data, 0, 5)
    assert not follows(adts.parse_frame, data, 1, 1)
    assert find_frames(b"\xff" * 33 + data, adts.parse_frame, SYNC, 4, 4096) == 33
    assert find_frames(bytes(5000), adts.parse_frame, SYNC, 4, 4096) is None
