"""Where the window of an Ogg file is."""

import io

import pytest
from audio_samples import chirp, encode

from genre_batch.decode.ogg_place import place_ogg
from genre_batch.decode.place import Place
from genre_batch.decode.spliced_file import Part


def place(data: bytes, start_s: float) -> Place | None:
    return place_ogg(io.BytesIO(data), len(data), lambda duration_s: (start_s, start_s + 2.0))


@pytest.mark.parametrize("encoding", ["ogg", "opus"])
def test_the_splice_is_made_of_whole_pages(encoding: str) -> None:
    data = encode(chirp(30.0, 48_000), 48_000, encoding)
    found = place(data, 12.0)
    assert found is not None
    assert found.splice is not None
    for piece in found.splice.pieces:
        assert isinstance(piece, Part)
        assert data[piece.start : piece.start + 4] == b"OggS"
        assert data[piece.end : piece.end + 4] in (b"OggS", b"")
    assert found.splice.covers(12 * 48_000, 2 * 48_000)
    assert sum(map(len, found.splice.pieces)) < 0.75 * len(data)


def test_other_codecs_and_chained_files_have_no_place() -> None:
    vorbis, flac = (encode(chirp(6.0, 48_000), 48_000, encoding) for encoding in ("ogg", "ogg_flac"))
    assert place(flac, 3.0) is None
    assert place(vorbis + encode(chirp(6.0, 48_000, seed=1), 48_000, "opus"), 3.0) is None
    assert place(bytes(1000), 3.0) is None
