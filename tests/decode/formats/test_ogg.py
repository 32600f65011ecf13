"""Pages and windows of Ogg files."""

import io

import pytest
from audio_samples import chirp, encode

from genre_batch.decode.audio_format import Location
from genre_batch.decode.formats.ogg import locate
from genre_batch.decode.window import Span
from genre_batch.storage.spliced_file import ByteRange


def located(data: bytes, start_s: float) -> Location | None:
    found = locate(io.BytesIO(data), len(data), lambda duration_s: [Span(start_s, 2.0)])
    return found[0] if found else None


@pytest.mark.parametrize("encoding", ["ogg", "opus"])
def test_the_splice_consists_of_whole_pages(encoding: str) -> None:
    data = encode(chirp(30.0, 48_000), 48_000, encoding)
    found = located(data, 12.0)
    assert found is not None
    assert found.splice is not None
    for piece in found.splice.pieces:
        assert isinstance(piece, ByteRange)
        assert data[piece.start : piece.start + 4] == b"OggS"
        assert data[piece.end : piece.end + 4] in (b"OggS", b"")
    assert found.splice.covers(12 * 48_000, 2 * 48_000)
    assert sum(map(len, found.splice.pieces)) < 0.75 * len(data)


def test_chained_files_and_other_codecs_have_no_location() -> None:
    vorbis, flac = (encode(chirp(6.0, 48_000), 48_000, encoding) for encoding in ("ogg", "ogg_flac"))
    assert located(flac, 3.0) is None
    assert located(vorbis + encode(chirp(6.0, 48_000, seed=1), 48_000, "opus"), 3.0) is None
    assert located(bytes(1000), 3.0) is None
