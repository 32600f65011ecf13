"""Files that `cat` made of several."""

import io

import pytest
from audio_samples import chirp, encode

from genre_batch.catalog.reject import RejectReason, TrackRejected
from genre_batch.decode.audio_file import open_audio
from genre_batch.decode.audio_format import Joined
from genre_batch.decode.joined_files import parts_by_length, parts_by_magic
from genre_batch.storage.spliced_file import ByteRange


@pytest.mark.parametrize("encoding", ["wav", "aiff", "flac"])
def test_each_file_is_a_link(encoding: str) -> None:
    one, two = (encode(chirp(seconds), 44_100, encoding) for seconds in (1.0, 2.0))
    audio = open_audio(io.BytesIO(one + two), len(one + two))
    assert audio is not None
    (joined,) = audio.check_whole().decoders
    assert isinstance(joined, Joined)
    assert [link.pieces for link in joined.links] == [
        (ByteRange(0, len(one)),),
        (ByteRange(len(one), len(one) + len(two)),),
    ]


@pytest.mark.parametrize("encoding", ["wav", "aiff", "flac"])
def test_a_cut_second_file_is_truncated(encoding: str) -> None:
    one, two = (encode(chirp(seconds), 44_100, encoding) for seconds in (1.0, 4.0))
    data = one + two[: len(two) // 2]
    audio = open_audio(io.BytesIO(data), len(data))
    assert audio is not None
    with pytest.raises(TrackRejected) as caught:
        audio.check_whole()
    assert caught.value.reject.reason is RejectReason.TRUNCATED


def test_a_single_file_has_one_part() -> None:
    for encoding, order in (("wav", "little"), ("aiff", "big")):
        data = encode(chirp(1.0), 44_100, encoding) + b"TAG" + bytes(125)
        assert parts_by_length(io.BytesIO(data), len(data), order) == [ByteRange(0, len(data))]  # type: ignore[arg-type]
    assert parts_by_magic(io.BytesIO(b"fLaC" + bytes(99)), 103, (b"fLaC",)) == [ByteRange(0, 103)]


def test_magic_bytes_across_two_blocks_are_found() -> None:
    data = b"fLaC" + bytes((1 << 20) - 6) + b"fLaC" + bytes(10)
    assert len(parts_by_magic(io.BytesIO(data), len(data), (b"fLaC",))) == 2
