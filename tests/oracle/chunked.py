"""RIFF and IFF files with other chunks in other places than their encoders write, and with wider headers."""

import struct
from collections.abc import Callable, Iterator
from functools import partial

from oracle.bases import BASES
from oracle.case import Case
from oracle.encoders import Soundfile, encode
from oracle.own_bytes import chunk_at, id3v2, with_bytes

_PCM, _FLOAT = 1, 3
_GUID_END = bytes.fromhex("000000001000800000aa00389b71")


def cases() -> Iterator[Case]:
    """All of them."""
    front = {
        "an odd chunk": _chunk(b"bext", 603),
        "an odd chunk without padding": _chunk(b"bext", 603, padded=False),
        "two odd chunks without padding": _chunk(b"bext", 603, padded=False) + _chunk(b"LIST", 41, padded=False),
        "200 chunks": _chunk(b"JUNK", 40) * 200,
        "a picture": b"id3 " + struct.pack("<I", 300_010) + id3v2(300_000),
        "a wrong count": b"fact" + struct.pack("<II", 4, 123),
    }
    for what, chunks in front.items():
        yield _case(f"{what} in front of wav", "wav", lambda data, new=chunks: data[:12] + new + data[12:])
    behind = {
        "a list": _chunk(b"LIST", 509),
        "a list without padding": _chunk(b"LIST", 509, padded=False),
        "other samples": _chunk(b"data", 1000),
        "longer samples": _chunk(b"data", 20_000_000),
    }
    for what, chunks in behind.items():
        yield _case(f"{what} behind wav", "wav", lambda data, new=chunks: data + new)
    yield _case("a list behind odd samples of wav without padding", "wav", _odd_samples)
    yield _case("wav of a short RIFF length", "wav", lambda data: with_bytes(data, 4, struct.pack("<I", 36)))
    for factor in (0, 0.5, 3):
        yield _case(f"wav of {factor} times the bytes a second", "wav", partial(_byte_rate, factor=factor))
    yield _case("a tag behind aiff", "aiff", lambda data: data + b"ID3 " + struct.pack(">I", 2010) + id3v2(2000))
    for subtype in ("PCM_16", "PCM_24", "PCM_32"):
        yield Case(f"aiff with little-endian {subtype}", partial(encode, Soundfile("AIFF", subtype, endian="LITTLE")))
    yield from _extensible()


def _extensible() -> Iterator[Case]:
    """WAVE_FORMAT_EXTENSIBLE with fewer valid bits than stored, and with speakers that do not fit."""
    for subtype, kind, valid_bits, speakers in (
        *(("PCM_32", _PCM, valid_bits, 3) for valid_bits in (24, 20, 0, 33)),
        *(("PCM_32", _PCM, 32, speakers) for speakers in (0, 63)),
        *(("PCM_24", _PCM, 20, 3), ("FLOAT", _FLOAT, 32, 3), ("DOUBLE", _FLOAT, 64, 3)),
    ):
        name = f"extensible {subtype} of {valid_bits} bits for speakers {speakers:#x}"
        yield Case(name, partial(_with_extension, subtype, kind, valid_bits, speakers))


def _with_extension(subtype: str, kind: int, valid_bits: int, speakers: int) -> bytes:
    data = encode(Soundfile("WAV", subtype))
    at = chunk_at(data, b"fmt ")
    end = at + 8 + int.from_bytes(data[at + 4 : at + 8], "little")
    extension = struct.pack("<HHIH", 22, valid_bits, speakers, kind) + _GUID_END
    layout = struct.pack("<H", 0xFFFE) + data[at + 10 : at + 24] + extension
    return data[:at] + b"fmt " + struct.pack("<I", len(layout)) + layout + data[end:]


def _case(name: str, base: str, change: Callable[[bytes], bytes]) -> Case:
    return Case(name, lambda: change(BASES[base].data()))


def _chunk(name: bytes, length: int, *, padded: bool = True) -> bytes:
    return name + struct.pack("<I", length) + bytes(length + (length % 2 if padded else 0))


def _odd_samples(data: bytes) -> bytes:
    at = chunk_at(data, b"data")
    return with_bytes(data[:-1], at + 4, struct.pack("<I", len(data) - at - 9)) + _chunk(b"LIST", 44)


def _byte_rate(data: bytes, factor: float) -> bytes:
    at = chunk_at(data, b"fmt ") + 16
    return with_bytes(data, at, struct.pack("<I", round(factor * int.from_bytes(data[at : at + 4], "little"))))
