"""AU files."""

import io
import struct

import pytest
from audio_samples import chirp, encode

from genre_batch.catalog.reject import RejectReason, TrackRejected
from genre_batch.decode.chunks import Chunk
from genre_batch.decode.formats.au import check_whole, find_samples


def test_finds_the_samples() -> None:
    data = encode(chirp(1.0), 44_100, "au")
    chunk = find_samples(io.BytesIO(data))
    assert chunk is not None
    assert chunk.declared_bytes == 44_100 * 2 * 2
    assert chunk.offset + chunk.declared_bytes == len(data)
    assert find_samples(io.BytesIO(data[:11])) is None


@pytest.mark.parametrize(("magic", "order"), [(b".snd", ">"), (b"dns.", "<")])
def test_both_byte_orders_are_read(magic: bytes, order: str) -> None:
    au = magic + struct.pack(f"{order}II", 24, 3_000_000_000)
    assert find_samples(io.BytesIO(au)) == Chunk(24, 3_000_000_000)


@pytest.mark.parametrize("declared", [0, 0xFFFF_FFFF])
def test_a_streamed_length_is_unknown(declared: int) -> None:
    au = b".snd" + struct.pack(">II", 24, declared) + bytes(100)
    assert find_samples(io.BytesIO(au)) == Chunk(24, None)


def test_samples_of_unknown_length_that_begin_after_the_end_are_corrupt() -> None:
    data = b".snd" + struct.pack(">IIIII", 5000, 0xFFFF_FFFF, 3, 8_000, 1) + bytes(1000)
    with pytest.raises(TrackRejected) as caught:
        check_whole(io.BytesIO(data), len(data))
    assert caught.value.reject.reason is RejectReason.CORRUPT
