"""Small files of less usual formats whose headers promise far more than they have."""

import struct
from collections.abc import Callable

from audio_samples import chirp, encode

HUGE_32, HUGE_63 = 0xFFFF_FFF0, (1 << 63) - 16
_SECONDS, _RATE = 3.0, 48_000


def _with(encoding: str, at: int, field: bytes) -> bytes:
    data = encode(chirp(_SECONDS, _RATE), _RATE, encoding)
    return data[:at] + field + data[at + len(field) :]


def _after(encoding: str, name: bytes, offset: int, field: bytes) -> bytes:
    """The field that begins `offset` bytes after `name` ends."""
    return _with(encoding, encode(chirp(_SECONDS, _RATE), _RATE, encoding).index(name) + len(name) + offset, field)


def ape(frames: int, frame_samples: int, table_bytes: int) -> bytes:
    """Monkey's Audio whose frames are zeros."""
    head = struct.pack("<4sHHIIIIIII16x", b"MAC ", 3990, 0, 52, 24, table_bytes, 0, 1000, 0, 0)
    return (
        head + struct.pack("<HHIIIHHI", 2000, 0, frame_samples, 1000, frames, 16, 2, _RATE) + bytes(table_bytes + 1000)
    )


def dsf(channels: int, block_bytes: int, samples: int) -> bytes:
    """DSD whose samples are one constant."""
    data = b"\x69" * 100_000
    form = struct.pack("<4sQIIIIIIQII", b"fmt ", 52, 1, 0, 2, channels, 2_822_400, 1, samples, block_bytes, 0)
    head = struct.pack("<4sQQQ", b"DSD ", 28, 92 + len(data), 0)
    return head + form + struct.pack("<4sQ", b"data", 12 + len(data)) + data


def _caf_of_many_packets() -> bytes:
    data = encode(chirp(_SECONDS, _RATE), _RATE, "caf")
    at = data.index(b"data")
    table = struct.pack(">4sqqqii", b"pakt", 24 + 64, HUGE_63, HUGE_63, 0, 0) + b"\x01" * 64
    return data[:at] + table + data[at:]


def _aiff_like(size: int) -> bytes:
    return b"FRM8" + struct.pack(">Q", size) + b"DSD " + b"PROP" + struct.pack(">Q", HUGE_63) + b"SND " + bytes(1000)


FORGED: dict[str, Callable[[], bytes]] = {
    "wavpack_that_claims_all_samples": lambda: _with("wavpack", 12, struct.pack("<I", 0xFFFF_FFFE)),
    "wavpack_with_a_block_of_4_billion_samples": lambda: _with("wavpack", 20, struct.pack("<I", HUGE_32)),
    "wavpack_with_a_block_of_16_mib": lambda: _with("wavpack", 4, struct.pack("<I", (1 << 24) - 8)),
    "tta_that_claims_all_samples": lambda: _with("tta", 14, struct.pack("<I", HUGE_32)),
    "tta_with_frames_of_an_hour": lambda: _with("tta", 10, struct.pack("<II", 0x7FFF_FFFF, HUGE_32)),
    "tta_of_65535_channels": lambda: _with("tta", 6, b"\xff\xff"),
    "tta_with_frames_of_4_gib": lambda: _with("tta", 22, struct.pack("<I", HUGE_32)),
    "ape_of_a_million_frames": lambda: ape(1 << 20, 73_728, 4 << 20),
    "ape_of_4_billion_frames": lambda: ape(HUGE_32, 73_728, 64),
    "ape_with_frames_of_4_billion_samples": lambda: ape(2, HUGE_32, 8),
    "matroska_with_a_header_of_an_exabyte": lambda: _after("matroska", b"\x16\x54\xae\x6b", 0, b"\x01" + b"\xff" * 6),
    "matroska_with_private_data_of_256_mib": lambda: _after("matroska", b"\x63\xa2", 0, b"\x10\x00\x00\x00"),
    "matroska_with_a_cluster_of_an_exabyte": lambda: _after("matroska", b"\x1f\x43\xb6\x75", 0, b"\x01" + b"\xfe" * 7),
    "webm_of_255_channels": lambda: _after("webm", b"OpusHead", 1, b"\xff"),
    "caf_of_an_exabyte": lambda: _after("caf", b"data", 0, struct.pack(">Q", HUGE_63)),
    "caf_of_4_billion_channels": lambda: _after("caf", b"desc", 8 + 24, struct.pack(">I", HUGE_32)),
    "caf_of_many_packets": _caf_of_many_packets,
    "dsf_that_claims_all_samples": lambda: dsf(2, 4096, HUGE_63),
    "dsf_of_4_billion_channels": lambda: dsf(HUGE_32, 4096, 400_000),
    "dsf_with_blocks_of_4_gib": lambda: dsf(2, HUGE_32, 400_000),
    "dsdiff_of_an_exabyte": lambda: _aiff_like(HUGE_63),
    "musepack_of_a_million_frames": lambda: (b"MP+\x07" + struct.pack("<I", 1 << 20)).ljust(28, b"\0") + bytes(100_000),
    "musepack_of_4_billion_frames": lambda: (b"MP+\x07" + struct.pack("<I", HUGE_32)).ljust(28, b"\0") + bytes(1000),
    "ac3_of_false_starts": lambda: b"\x0b\x77" * (1 << 22),
    "adts_of_false_starts": lambda: b"\xff\xf1\x50\x80" * (1 << 21),
    "amr_of_empty_frames": lambda: b"#!AMR\n" + b"\x7c" * (1 << 21),
}
