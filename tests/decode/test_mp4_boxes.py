"""The boxes of MP4 files, and edits up to the end."""

import struct

import pytest

from genre_batch.decode.mp4_boxes import Box, boxes, open_edits


def box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(body), kind) + body


def timed(kind: bytes, timescale: int, duration: int, *, wide: bool = False) -> bytes:
    if wide:
        return box(kind, b"\1" + bytes(19) + struct.pack(">IQ", timescale, duration))
    return box(kind, bytes(12) + struct.pack(">II", timescale, duration))


def index(*edits: tuple[int, int], wide: bool = False, timescale: int = 1000) -> bytes:
    """A movie of 10 s with one track of 441,000 samples."""
    entry = ">QqI" if wide else ">IiI"
    table = struct.pack(">II", wide << 24, len(edits)) + b"".join(struct.pack(entry, *edit, 1 << 16) for edit in edits)
    media = box(b"mdia", timed(b"mdhd", 44_100, 441_000, wide=wide))
    track = box(b"trak", box(b"edts", box(b"elst", table)) + media)
    return box(b"moov", timed(b"mvhd", timescale, 10_000, wide=wide) + track)


@pytest.mark.parametrize("wide", [False, True])
def test_an_edit_of_length_0_gets_the_rest_of_its_track(wide: bool) -> None:
    data = index((0, 44_100), wide=wide)
    ((at, length),) = open_edits(data)
    assert len(length) == (8 if wide else 4)
    assert int.from_bytes(length, "big") == 9_000
    assert data[at + len(length) :].startswith((44_100).to_bytes(len(length), "big"))


def test_only_the_open_edits_are_named() -> None:
    assert open_edits(index((9_000, 44_100))) == []
    assert open_edits(index((0, -1))) == []
    assert open_edits(index((0, 441_000))) == []
    assert len(open_edits(index((500, -1), (0, 0)))) == 1


def test_the_length_is_rounded_up() -> None:
    ((_, length),) = open_edits(index((0, 1)))
    assert int.from_bytes(length, "big") == 10_000


@pytest.mark.parametrize("cut", [0, 7, 20, 60, 100])
def test_a_cut_index_has_no_edits(cut: int) -> None:
    assert open_edits(index((0, 0))[:cut]) == []


def test_boxes_follow_one_another() -> None:
    data = box(b"ftyp", b"M4A ") + box(b"free", b"")
    assert list(boxes(data)) == [Box(b"ftyp", 8, 12), Box(b"free", 20, 20)]
    assert list(boxes(bytes(100))) == []
