"""Headers of Monkey's Audio in both of its layouts. There is no free encoder that writes such files from Python."""

import io
import struct

import pytest

from genre_batch.catalog.reject import RejectReason, TrackRejected
from genre_batch.decode.audio_file import open_audio
from genre_batch.decode.formats.ape import check_whole

FRAMES, PER_FRAME, IN_LAST, FRAME_BYTES = 5, 73_728, 1_000, 9_000


def new_file(version: int = 3990) -> bytes:
    table_at, audio_at = 52 + 24, 52 + 24 + 4 * FRAMES
    head = struct.pack("<4sHHIIIIIII16x", b"MAC ", version, 0, 52, 24, 4 * FRAMES, 0, FRAMES * FRAME_BYTES, 0, 0)
    header = struct.pack("<HHIIIHHI", 2000, 32, PER_FRAME, IN_LAST, FRAMES, 16, 2, 44_100)
    table = struct.pack(f"<{FRAMES}I", *(audio_at + number * FRAME_BYTES for number in range(FRAMES)))
    assert len(head + header) == table_at
    return head + header + table + bytes(FRAMES * FRAME_BYTES)


def old_file(version: int, level: int, wav_head: int) -> bytes:
    flags = 4 | 16
    head = struct.pack("<4sHHHHIIIII", b"MAC ", version, level, flags, 2, 44_100, wav_head, 0, FRAMES, IN_LAST)
    audio_at = len(head) + 8 + wav_head + 4 * FRAMES
    table = struct.pack(f"<{FRAMES}I", *(audio_at + number * FRAME_BYTES for number in range(FRAMES)))
    return head + bytes(4) + struct.pack("<I", FRAMES) + bytes(wav_head) + table + bytes(FRAMES * FRAME_BYTES)


@pytest.mark.parametrize(
    ("data", "per_frame"),
    [
        (new_file(), PER_FRAME),
        (old_file(3970, 2000, 44), 294_912),
        (old_file(3910, 2000, 44), 73_728),
        (old_file(3800, 4000, 0), 73_728),
        (old_file(3800, 2000, 0), 9_216),
    ],
)
def test_the_length_is_that_of_all_frames(data: bytes, per_frame: int) -> None:
    assert check_whole(io.BytesIO(data), len(data)).frames == (FRAMES - 1) * per_frame + IN_LAST


@pytest.mark.parametrize("data", [new_file(), old_file(3970, 2000, 44)])
@pytest.mark.parametrize("part", [0.02, 0.5])
def test_a_cut_file_is_truncated(data: bytes, part: float) -> None:
    audio = open_audio(io.BytesIO(data[: int(len(data) * part)]), int(len(data) * part))
    assert audio is not None
    with pytest.raises(TrackRejected) as caught:
        audio.check_whole()
    assert caught.value.reject.reason is RejectReason.TRUNCATED


def test_no_frames_are_corrupt() -> None:
    data = bytearray(new_file())
    data[52 + 12 : 52 + 16] = bytes(4)
    with pytest.raises(TrackRejected) as caught:
        check_whole(io.BytesIO(bytes(data)), len(data))
    assert caught.value.reject.reason is RejectReason.CORRUPT
