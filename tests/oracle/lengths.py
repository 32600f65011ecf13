"""Lengths that are missing, wrong or count from somewhere else."""

import struct
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

from oracle.bases import BASES
from oracle.case import Case
from oracle.own_bytes import chunk_at, clusters_from, fragments_from, granules_later, index_first, with_bytes
from oracle.song import SONG, Piece

from genre_batch.decode.flac_frames import frame_span

_PLACEHOLDERS = (0, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 0x7FFF_F000, 0xFFFF_FFDB, 0x7FFF_FFDA)


def cases() -> Iterator[Case]:
    """All of them."""
    yield from _placeholders()
    yield from _other_lengths()
    yield from _late_starts()


def _placeholders() -> Iterator[Case]:
    for length in _PLACEHOLDERS:
        for name, order in (("wav", "<"), ("wav_float", "<"), ("wav_ulaw", "<"), ("wav_adpcm", "<"), ("rifx", ">")):
            yield _case(f"{name} of length {length:#x}", name, partial(_riff, order=order, length=length))
        yield _case(f"aiff of length {length:#x}", "aiff", partial(_aiff, length=length))
        yield _case(f"au of length {length:#x}", "au", lambda data, n=length: with_bytes(data, 8, struct.pack(">I", n)))
    for length in (0, 0x7FFF_FFFF_FFFF_FFFF, 0xFFFF_FFFF_FFFF_FFFF, 0x8000_0000):
        yield _case(f"rf64 of length {length:#x}", "rf64", partial(_ds64, length=length))
        yield _case(f"bw64 of length {length:#x}", "rf64", partial(_ds64, length=length, magic=b"BW64"))
        yield _case(f"w64 of length {length:#x}", "w64", partial(_w64, length=length))
    for length in (0xFFFF_FFFF_FFFF_FFFF, 0x7FFF_FFFF_FFFF_FFFF):
        yield _case(f"caf of length {length:#x}", "caf", partial(_caf, length=length))
    yield _case("bw64", "rf64", lambda data: b"BW64" + data[4:])
    for name in ("flac", "flac_24"):
        yield _case(f"{name} without a length", name, _without_total)
        yield _case(f"{name} without any statistics", name, lambda data: with_bytes(_without_total(data), 12, bytes(6)))


def _other_lengths() -> Iterator[Case]:
    yield _case("m4a with its index first", "m4a", index_first)
    yield _case("alac with its index first", "alac", index_first)
    for priming in (0, 2112):
        yield replace(_case(f"m4a whose edit begins at {priming}", "m4a", partial(_edit, begin=priming)), late_s=0.1)
    no_edit = _case("m4a without an edit list", "m4a", lambda data: data.replace(b"edts", b"free"))
    yield replace(no_edit, duration_off_s=0.1)
    for name in ("webm", "matroska", "webm_live", "matroska_live"):
        yield _case(f"{name} with clusters of unknown length", name, _open_clusters)
    for name, where in (("m4a", b"mvhd"), ("m4a", b"tkhd"), ("fragments", b"mvhd")):
        yield _case(f"{name} with a length of 0 in {where.decode()}", name, partial(_mp4_duration, box=where))
    tag = {"frames are double": (0, 2.0), "frames are half": (0, 0.5), "bytes are double": (1, 2.0)}
    for words, (field, factor) in {**tag, "bytes are half": (1, 0.5), "frames are 0": (0, 0.0)}.items():
        for name in ("mp3",) if field == 0 and factor else ("mp3", "mp3_vbr"):
            yield _case(f"{name} whose {words} in the tag", name, partial(_xing, field=field, factor=factor))
    yield _case("mp3 with VBRI in place of Xing", "mp3_vbr", with_vbri)


def _late_starts() -> Iterator[Case]:
    for name in ("ogg", "opus", "ogg_flac"):
        for seconds in (0.5, 20.0, 4000.0):
            frames = round(seconds * BASES[name].rate)
            yield _case(f"{name} from {seconds} s on", name, partial(granules_later, frames=frames))
    late = {"fragments": fragments_from, "matroska_live": clusters_from, "webm_live": clusters_from}
    for name, cut in late.items():
        for first in (1, 3):
            yield replace(
                _case(f"{name} joined at part {first}", name, partial(cut, first=first)), **_joined_late(first)
            )
    for name in ("mp3", "mp3_bare", "mp3_vbr", "aac", "ac3", "eac3", "flac"):
        yield _from_the_middle(name)
    yield _case("wma with a later preroll", "wma", lambda data: data)


def _joined_late(first: int) -> dict[str, object]:
    return {"pieces": (Piece("song", float(first), 40.0),), "duration_off_s": 0.15, "late_s": 0.2}


def _from_the_middle(name: str) -> Case:
    """The bytes from a quarter on, as a recording that begins in the middle of a frame."""
    return Case(
        f"{name} from a quarter on",
        lambda: _quarter(name),
        (Piece("song", 10.0, 40.0),),
        duration_off_s=0.3,
        late_s=0.3,
    )


def _quarter(name: str) -> bytes:
    data = BASES[name].data()
    if name != "flac":
        return data[len(data) // 4 :]
    audio, at = data.index(b"\xff\xf8"), len(data) // 4
    while frame_span(data[at : at + 16], data[audio : audio + 16]) is None:
        at = data.index(b"\xff\xf8", at + 1)
    return data[:audio] + data[at:]


def _case(name: str, base: str, change: Callable[[bytes], bytes]) -> Case:
    least = BASES[base].correlation
    loose = {"duration_off_s": 0.12, "late_s": 0.3} if "mp3" in base or "adpcm" in base else {}
    return Case(name, lambda: change(BASES[base].data()), SONG, correlation=least, **loose)


def _riff(data: bytes, order: str, length: int) -> bytes:
    at = chunk_at(data, b"data") + 4
    return with_bytes(with_bytes(data, at, struct.pack(f"{order}I", length)), 4, struct.pack(f"{order}I", length))


def _aiff(data: bytes, length: int) -> bytes:
    sized = with_bytes(
        with_bytes(data, chunk_at(data, b"SSND") + 4, struct.pack(">I", length)), 4, struct.pack(">I", length)
    )
    return with_bytes(sized, chunk_at(data, b"COMM") + 10, struct.pack(">I", length // 4))


def _ds64(data: bytes, length: int, magic: bytes = b"RF64") -> bytes:
    return magic + with_bytes(data, chunk_at(data, b"ds64") + 8, struct.pack("<QQ", length, length))[4:]


def _w64(data: bytes, length: int) -> bytes:
    return with_bytes(data, chunk_at(data, b"data\xf3") + 16, struct.pack("<Q", length))


def _caf(data: bytes, length: int) -> bytes:
    return with_bytes(data, chunk_at(data, b"data") + 4, struct.pack(">Q", length))


def _without_total(data: bytes) -> bytes:
    return with_bytes(with_bytes(data, 21, bytes([data[21] & 0xF0])), 22, bytes(4))


def _mp4_duration(data: bytes, box: bytes) -> bytes:
    return with_bytes(data, chunk_at(data, box) + {b"mvhd": 20, b"tkhd": 24}[box], bytes(4))


def _edit(data: bytes, begin: int) -> bytes:
    return with_bytes(data, chunk_at(data, b"elst") + 16, struct.pack(">i", begin))


def _open_clusters(data: bytes) -> bytes:
    at = data.find(b"\x1f\x43\xb6\x75") + 4
    while at >= 4:
        width = 9 - data[at].bit_length()
        data = with_bytes(data, at, ((1 << 7 * width + 1) - 1).to_bytes(width, "big"))
        at = data.find(b"\x1f\x43\xb6\x75", at) + 4
    return data


def _xing(data: bytes, field: int, factor: float) -> bytes:
    at = next(data.index(name) for name in (b"Xing", b"Info") if name in data[:4096]) + 8 + 4 * field
    return with_bytes(data, at, round(int.from_bytes(data[at : at + 4], "big") * factor).to_bytes(4, "big"))


def with_vbri(data: bytes) -> bytes:
    """The first frame with the tag of Fraunhofer's encoder, without a table."""
    at = next(data.index(name) for name in (b"Xing", b"Info") if name in data[:4096])
    frames, length = (int.from_bytes(data[at + place : at + place + 4], "big") for place in (8, 12))
    cleared = with_bytes(data, at, bytes(156))
    return with_bytes(cleared, 36, struct.pack(">4sHHHIIHHHH", b"VBRI", 1, 0, 75, length, frames, 0, 1, 2, 1))
