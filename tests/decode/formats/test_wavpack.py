"""The first and the last block of WavPack."""

import io

import pytest
from audio_samples import chirp, encode

from genre_batch.catalog.reject import RejectReason, TrackRejected
from genre_batch.decode.formats.wavpack import check_whole, content_end


@pytest.fixture(scope="module")
def data() -> bytes:
    return encode(chirp(3.0, 48_000), 48_000, "wavpack")


def test_the_tag_of_the_encoder_and_zeros_are_no_blocks(data: bytes) -> None:
    end = content_end(io.BytesIO(data), len(data))
    assert end < len(data)
    assert content_end(io.BytesIO(data[:end] + bytes(5000)), end + 5000) == end


@pytest.mark.parametrize("total", [b"", b"\xff" * 4])
def test_a_length_that_is_unknown_is_where_the_last_block_ends(data: bytes, total: bytes) -> None:
    end = content_end(io.BytesIO(data), len(data))
    streamed = data[:12] + total + data[12 + len(total) : end]
    assert check_whole(io.BytesIO(streamed), end).frames == 3 * 48_000


@pytest.mark.parametrize("part", [0.3, 0.9])
def test_a_cut_file_is_truncated(data: bytes, part: float) -> None:
    size = int(len(data) * part)
    with pytest.raises(TrackRejected) as caught:
        check_whole(io.BytesIO(data[:size]), size)
    assert caught.value.reject.reason is RejectReason.TRUNCATED


def test_without_blocks_a_file_is_corrupt() -> None:
    with pytest.raises(TrackRejected) as caught:
        check_whole(io.BytesIO(bytes(1000)), 1000)
    assert caught.value.reject.reason is RejectReason.CORRUPT
