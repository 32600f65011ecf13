"""AC-3 and E-AC-3 (ETSI TS 102 366), streams of frames without a container."""

from functools import partial
from typing import BinaryIO

from genre_batch.decode.audio_format import Checked, Format, Libav
from genre_batch.decode.frame_walk import CodedFrame, check_frames, find_frames
from genre_batch.decode.tags import before_plain_tags

_SYNC = b"\x0b\x77"
_RATES = (48_000, 44_100, 32_000)
_KBPS = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640)
_BLOCK_SAMPLES = 256
_BLOCKS = (1, 2, 3, 6)
_LAST_AC3, _LAST_EAC3 = 10, 16
"""The highest bit stream identifications of the two."""
_DEPENDENT = 1
_CONFIRMATIONS, _MANY_FRAMES = 2, 6
_SEARCHED_BYTES = 4096


def parse_frame(data: bytes, at: int) -> CodedFrame | None:
    """The frame at `at`. One that adds channels to the frame before it has no samples of its own."""
    if len(data) < at + 8 or data[at : at + 2] != _SYNC:
        return None
    identification = data[at + 5] >> 3
    if identification <= _LAST_AC3:
        return _parse_ac3(data[at + 4], max(0, identification - 8))
    return _parse_eac3(data[at + 2 : at + 5]) if identification <= _LAST_EAC3 else None


def _parse_ac3(field: int, halvings: int) -> CodedFrame | None:
    rate, size = field >> 6, field & 0x3F
    if rate == 3 or size >= 2 * len(_KBPS):
        return None
    words = _KBPS[size >> 1] * 1000 * 6 * _BLOCK_SAMPLES // (16 * _RATES[rate])
    return CodedFrame(2 * (words + (size & 1 if rate == 1 else 0)), 6 * _BLOCK_SAMPLES, _RATES[rate] >> halvings)


def _parse_eac3(fields: bytes) -> CodedFrame | None:
    kind, substream = fields[0] >> 6, fields[0] >> 3 & 7
    frame_bytes = 2 * (((fields[0] & 7) << 8 | fields[1]) + 1)
    rate, blocks = fields[2] >> 6, _BLOCKS[fields[2] >> 4 & 3]
    if rate == 3:
        half = fields[2] >> 4 & 3
        if half == 3:
            return None
        sample_rate, blocks = _RATES[half] // 2, 6
    else:
        sample_rate = _RATES[rate]
    if kind == 3 or frame_bytes < 8:
        return None
    return CodedFrame(frame_bytes, 0 if kind == _DEPENDENT or substream else blocks * _BLOCK_SAMPLES, sample_rate)


def _find(data: bytes, confirmations: int, search_bytes: int, *, enhanced: bool) -> int | None:
    at = find_frames(data, parse_frame, _SYNC, confirmations, search_bytes)
    return at if at is not None and (data[at + 5] >> 3 > _LAST_AC3) == enhanced else None


def _format(name: str, codec: str, *, enhanced: bool) -> Format:
    decoders = (Libav(name, frozenset({codec})),)

    def check_whole(source: BinaryIO, size_bytes: int) -> Checked:
        """Counts the frames. Nothing says how many there should be, so a cut file counts as what remains."""
        return check_frames(source, size_bytes, parse_frame, _SYNC, decoders)

    return Format(
        name,
        sniff=partial(_find, confirmations=_CONFIRMATIONS, search_bytes=_SEARCHED_BYTES, enhanced=enhanced),
        decoders=decoders,
        check_whole=check_whole,
        content_end=before_plain_tags,
        has_magic=False,
        search=lambda data: _find(data, _MANY_FRAMES, len(data), enhanced=enhanced),
    )


FORMATS = (_format("ac3", "ac3", enhanced=False), _format("eac3", "eac3", enhanced=True))
