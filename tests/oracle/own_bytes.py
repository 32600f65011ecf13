"""What no encoder writes: tags, forged lengths, other orders of pages, clusters and fragments."""

import random
import struct
import zlib
from collections.abc import Callable

from genre_batch.decode.ogg_pages import pages

_CRC_AT, _GRANULE_AT, _SERIAL_AT = 22, 6, 14


def noise(count: int, seed: int = 1) -> bytes:
    """Random bytes."""
    return random.Random(seed).randbytes(count)


def id3v2(body_bytes: int, *, plain_length: bool = False) -> bytes:
    """A tag with a picture. plain_length: with all eight bits of the bytes of its length, which is wrong."""
    bits = 8 if plain_length else 7
    length = bytes(body_bytes >> bits * place & (1 << bits) - 1 for place in (3, 2, 1, 0))
    return b"ID3\x03\x00\x00" + length + b"APIC" + noise(body_bytes - 4, 2).replace(b"\xff", b"\x7f")


def id3v2_with_footer(body_bytes: int) -> bytes:
    """A tag of version 2.4 whose header is repeated at its end."""
    tag = id3v2(body_bytes)
    ends = [name + b"\x04\x00\x10" + tag[6:10] for name in (b"ID3", b"3DI")]
    return ends[0] + tag[10:] + ends[1]


def id3v1() -> bytes:
    """The tag of 128 bytes at the end of a file."""
    return b"TAG" + b"title".ljust(125, b"\0")


def apev2(body_bytes: int) -> bytes:
    """A tag with header and footer."""
    ends = [struct.pack("<8sIIII8x", b"APETAGEX", 2000, body_bytes + 32, 1, flags) for flags in (0xA000_0000, 1 << 31)]
    return ends[0] + noise(body_bytes, 3) + ends[1]


def lyrics3() -> bytes:
    """A tag of Lyrics3 2.00, which an ID3v1 tag must follow."""
    body = b"LYRICSBEGININD0000200LYR00200" + b"la " * 66 + b"la"
    return body + f"{len(body):06d}".encode() + b"LYRICS200" + id3v1()


def with_bytes(data: bytes, at: int, field: bytes) -> bytes:
    """`data` with `field` in place of what is at `at`."""
    return data[:at] + field + data[at + len(field) :]


def chunk_at(data: bytes, name: bytes) -> int:
    """Where the chunk or box `name` begins with its name."""
    return data.index(name)


def without_first_frame(data: bytes) -> bytes:
    """MPEG audio without its first frame, which holds the tag."""
    return data[data.index(data[:2], 4) :]


def ogg_crc(page: bytes) -> int:
    """The checksum of a page in which that field is 0: that of zlib, bits in reverse and without inversions."""
    inverted = zlib.crc32(page.translate(_REVERSED), 0xFFFF_FFFF)
    return int.from_bytes((inverted ^ 0xFFFF_FFFF).to_bytes(4, "little").translate(_REVERSED), "big")


_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def changed_pages(data: bytes, change: Callable[[int, int], tuple[int, int]], kept: range | None = None) -> bytes:
    """An Ogg file with other granules and serials: `change(granule, serial)` of each page.

    kept: the numbers of the pages with sound that remain; all by default.
    """
    done, with_sound = [], 0
    for page in pages(data):
        has_sound = page.granule != 0
        with_sound += has_sound
        if kept is not None and has_sound and with_sound - 1 not in kept:
            continue
        granule, serial = change(page.granule, page.serial)
        raw = bytearray(data[page.start : page.end])
        struct.pack_into("<q", raw, _GRANULE_AT, granule)
        struct.pack_into("<I", raw, _SERIAL_AT, serial)
        struct.pack_into("<I", raw, _CRC_AT, 0)
        struct.pack_into("<I", raw, _CRC_AT, ogg_crc(bytes(raw)))
        done.append(bytes(raw))
    return b"".join(done)


def granules_later(data: bytes, frames: int) -> bytes:
    """An Ogg file as if cut out of a longer stream: all its pages with sound say a later time."""
    return changed_pages(data, lambda granule, serial: (granule + frames if granule > 0 else granule, serial))


def with_serial(data: bytes, serial: int) -> bytes:
    """An Ogg file of one stream with that serial number."""
    return changed_pages(data, lambda granule, _: (granule, serial))


def boxes(data: bytes) -> list[tuple[bytes, bytes]]:
    """The boxes of an MP4 file: name, and the whole box."""
    found, at = [], 0
    while at < len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        found.append((data[at + 4 : at + 8], data[at : at + length]))
        at += length
    return found


def fragments_from(data: bytes, first: int) -> bytes:
    """A fragmented MP4 file as somebody gets it who joins late: without the fragments before number `first`."""
    number, kept = -1, []
    for name, box in boxes(data):
        number += name == b"moof"
        if name not in (b"moof", b"mdat", b"mfra", b"sidx") or (number >= first and name in (b"moof", b"mdat")):
            kept.append(box)
    return b"".join(kept)


def index_first(data: bytes) -> bytes:
    """An MP4 file with its index in front of the samples, as for streaming."""
    found = boxes(data)
    moov = bytearray(next(box for name, box in found if name == b"moov"))
    at = moov.index(b"stco") + 8
    for entry in range(at + 4, at + 4 + 4 * int.from_bytes(moov[at : at + 4], "big"), 4):
        offset = int.from_bytes(moov[entry : entry + 4], "big") + len(moov)
        moov[entry : entry + 4] = offset.to_bytes(4, "big")
    rest = [box for name, box in found if name not in (b"moov", b"ftyp")]
    return found[0][1] + bytes(moov) + b"".join(rest)


def clusters_from(data: bytes, first: int) -> bytes:
    """A live Matroska file without the clusters before number `first`."""
    starts, at = [], data.find(b"\x1f\x43\xb6\x75")
    while at >= 0:
        starts.append(at)
        at = data.find(b"\x1f\x43\xb6\x75", at + 4)
    return data[: starts[0]] + data[starts[first] :]
