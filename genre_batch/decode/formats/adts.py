"""AAC in ADTS (ISO 13818-7), a stream of frames without a container."""

from functools import partial
from typing import BinaryIO

from genre_batch.decode.audio_format import Checked, Format, Libav
from genre_batch.decode.frame_walk import CodedFrame, check_frames, find_frames
from genre_batch.decode.tags import before_plain_tags

_SYNC = b"\xff"
_RATES = (96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350)
_BLOCK_SAMPLES = 1024
_HEADER_BYTES = 7
_CONFIRMATIONS, _MANY_FRAMES = 3, 8
_SEARCHED_BYTES = 4096
_DECODERS = (Libav("aac", frozenset({"aac"})),)


def parse_frame(data: bytes, at: int) -> CodedFrame | None:
    """The ADTS frame at `at`. Its sample rate is that of the core: with spectral band replication, half of what is
    heard.
    """
    if len(data) < at + _HEADER_BYTES or data[at] != 0xFF or data[at + 1] & 0xF6 != 0xF0:
        return None
    rate = data[at + 2] >> 2 & 0xF
    frame_bytes = (data[at + 3] & 3) << 11 | data[at + 4] << 3 | data[at + 5] >> 5
    if rate >= len(_RATES) or frame_bytes <= _HEADER_BYTES:
        return None
    return CodedFrame(frame_bytes, _BLOCK_SAMPLES * ((data[at + 6] & 3) + 1), _RATES[rate])


def _find(data: bytes, confirmations: int, search_bytes: int) -> int | None:
    return find_frames(data, parse_frame, _SYNC, confirmations, search_bytes)


def check_whole(source: BinaryIO, size_bytes: int) -> Checked:
    """Counts the frames. Nothing says how many there should be, so a cut file counts as what remains."""
    return check_frames(source, size_bytes, parse_frame, _SYNC, _DECODERS)


FORMATS = (
    Format(
        "aac",
        sniff=partial(_find, confirmations=_CONFIRMATIONS, search_bytes=_SEARCHED_BYTES),
        decoders=_DECODERS,
        check_whole=check_whole,
        content_end=before_plain_tags,
        has_magic=False,
        search=lambda data: _find(data, _MANY_FRAMES, len(data)),
    ),
)
