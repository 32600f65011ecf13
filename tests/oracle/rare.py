"""What players cope with and encoders hardly ever write: odd tags, tracks, tables and starts.

Also two formats without an encoder that can be installed with pip: `tests/golden/song.ape` and `song.mpc` have the
first 12 s of the song, at 8 kHz (24 dB softer) and 32 kHz. Debian's packages libjmac-java (`java -jar jmac.jar c2
song.wav song.ape`) and musepack-tools (`mpcenc --quality 2 song.wav song.mpc`) made them.
"""

import base64
import io
import struct
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path

import av
import numpy as np
from oracle.bases import BASES
from oracle.case import Case
from oracle.encoders import encode_sound
from oracle.lengths import with_vbri
from oracle.own_bytes import (
    changed_pages,
    chunk_at,
    fragments_from,
    id3v1,
    id3v2,
    index_first,
    noise,
    with_bytes,
)
from oracle.song import BEEP, SONG, Piece, Sound, render

_LATE = {"duration_off_s": 0.15, "late_s": 0.3}
_CONTAINERS = {"m4a": "ipod", "webm": "webm"}
_HALVES = (Piece("song", 0.0, 20.0), Piece("song", 20.0, 40.0))


_GOLDEN = Path(__file__).parents[1] / "golden"


def cases() -> Iterator[Case]:
    """All of them."""
    for name in ("song.ape", "song.mpc"):
        yield Case(name, (_GOLDEN / name).read_bytes, (Piece("song", 0.0, 12.0),))
        yield Case(f"half of {name}", partial(_half_of, name), outcome=_CUT)
    yield from _tags()
    yield from _indexes()
    yield from _starts()
    yield from _samples()
    yield from _phases()


def _tags() -> Iterator[Case]:
    flags = {"unsynchronised": 0x80, "with an extended header": 0x40, "experimental": 0x20}
    for name in ("mp3", "mp3_bare", "aac", "flac"):
        for what, flag in flags.items():
            tag = with_bytes(id3v2(3_000), 5, bytes([flag]))
            yield _case(f"an ID3v2 tag, {what}, in front of {name}", name, lambda data, tag=tag: tag + data)
        yield _case(f"Lyrics3 of version 1 behind {name}", name, lambda data: data + _lyrics3_v1())
        yield _case(f"an ID3v1 tag in front of {name}", name, lambda data: id3v2(500) + bytes(2048) + data)
    for name in ("mp3", "mp3_vbr"):
        parts = ((BEEP,), *((half,) for half in _HALVES))
        yield Case(
            f"three of {name} with VBRI",
            lambda name=name, parts=parts: b"".join(with_vbri(BASES[name].data(pieces)) for pieces in parts),
            (BEEP, *_HALVES),
            correlation=0.9,  # each part has the delay of its encoder, which VBRI does not declare
            **_LATE,
        )
    for name in ("ogg", "opus", "m4a", "webm", "ogg_flac"):
        yield _case(f"{name} with a picture", name, partial(_with_picture, container=_CONTAINERS.get(name, "ogg")))
    for name in ("flac", "flac_24"):
        yield _case(f"noise in front of {name}", name, lambda data: noise(5_000, 6) + data)
        yield _case(f"{name} of a third of its length", name, partial(_total_times, factor=1 / 3))
    for count in (3_000, 3_000_000):
        yield _case(f"flac with a picture of {count} bytes", "flac", partial(_flac_picture, count=count))


def _indexes() -> Iterator[Case]:
    for name in ("m4a", "alac"):
        yield _case(f"{name} with an edit up to the end", name, lambda data: _edit_of(data, 0))
        yield _case(f"{name} of 64-bit samples", name, _large_mdat)
        yield _case(f"{name} with samples up to the end", name, lambda data: _endless_mdat(index_first(data)))
        yield _case(
            f"{name} with a free box of 3 MB", name, lambda data: data + struct.pack(">I4s", 3_000_000, b"free")
        )
    yield replace(_case("fragments with an edit up to the end", "fragments", _edited_fragments), late_s=0.1)
    for first in (1, 3):
        yield Case(
            f"fragments with an edit up to the end, joined at part {first}",
            lambda first=first: fragments_from(_edited_fragments(BASES["fragments"].data()), first),
            (Piece("song", float(first), 40.0),),
            **_LATE,
        )
    yield Case("m4a whose first track is silent", _two_tracks, late_s=0.1)
    for count in (300, 5_000):
        yield _case(f"{count} chunks in front of wav", "wav", lambda data, n=count: data[:12] + _chunks(n) + data[12:])
        yield _case(
            f"{count} chunks in front of aiff", "aiff", lambda data, n=count: data[:12] + _chunks(n) + data[12:]
        )
    yield Case("20,000 chunks in front of wav", lambda: _far_samples(20_000), outcome=frozenset({"corrupt"}))


def _starts() -> Iterator[Case]:
    for name in ("ogg", "opus", "ogg_flac"):
        for left_out in (1, 9):
            yield Case(
                f"{name} without its first {left_out} pages",
                partial(_without_pages, name, left_out),
                (Piece("song"),),
                correlation=0.0,
                duration_s=40.0,
                duration_off_s=15.0,
            )
    yield replace(_case("wma as broadcast", "wma", _broadcast), duration_off_s=0.05 + 2 * 2048 / 44_100)


def _samples() -> Iterator[Case]:
    for name, order, frame in (("wav_ulaw", "<", 2), ("wav", "<", 4), ("rifx", ">", 4)):
        for extra in range(1, frame):
            for stream in (False, True):
                what = f"{name} with {extra} bytes of a frame{' as a stream' if stream else ''}"
                yield _case(what, name, partial(_part_of_a_frame, order=order, extra=extra, stream=stream))
    yield Case("AppleDouble", lambda: bytes.fromhex("00051607000200004d6163204f532058") + noise(4_000), outcome=_NONE)
    for factor in (0.5, 0.99):
        yield replace(
            _case(f"rf64 with {factor} of its length", "rf64", partial(_ds64_times, factor=factor)),
            pieces=(Piece("song", 0.0, 40.0 * factor),),
        )
    yield Case("rf64 with twice its length", lambda: _ds64_times(BASES["rf64"].data(), 2.0), outcome=_CUT)


_NONE, _CUT = frozenset({"unsupported"}), frozenset({"truncated"})


def _phases() -> Iterator[Case]:
    loose = {"duration_off_s": 0.12, "late_s": 0.12}
    sounds = {
        "nearly inverted": partial(_inverted, gain=0.995, delay=0),
        "inverted and late": partial(_inverted, gain=1.0, delay=1),
        "inverted with a softer echo": partial(_inverted, gain=0.98, delay=0, echo=0.05),
    }
    for what, sound in sounds.items():
        for name in ("wav", "mp3", "m4a", "ogg", "opus"):
            least = 0.9 if "late" in what else 0.97
            yield Case(f"{what} as {name}", partial(_sound_as, name, sound), correlation=least, **loose)
    for offset in (0.5, -0.9):
        yield Case(
            f"soft music on {offset}", partial(_sound_as, "wav_float", partial(_soft, offset=offset)), correlation=0
        )


def _half_of(name: str) -> bytes:
    data = (_GOLDEN / name).read_bytes()
    return data[: len(data) // 2]


def _case(name: str, base: str, change: Callable[[bytes], bytes]) -> Case:
    loose = {"duration_off_s": 0.12, "late_s": 0.3} if "mp3" in base or base == "aac" else {"late_s": 0.07}
    return Case(name, lambda: change(BASES[base].data()), SONG, correlation=BASES[base].correlation, **loose)


def _lyrics3_v1() -> bytes:
    return b"LYRICSBEGIN" + b"[00:02]la la\r\n" * 200 + b"LYRICSEND" + id3v1()


def _with_picture(data: bytes, container: str) -> bytes:
    """The same packets in a new file whose tags take 300 KB."""
    target = io.BytesIO()
    picture = base64.b64encode(noise(225_000)).decode()
    with av.open(io.BytesIO(data), "r") as source, av.open(target, "w", format=container) as file:
        stream = file.add_stream_from_template(source.streams.audio[0])
        where = stream.metadata if container == "ogg" else file.metadata
        where["METADATA_BLOCK_PICTURE" if container == "ogg" else "comment"] = picture
        for packet in source.demux(source.streams.audio[0]):
            if packet.dts is not None:
                packet.stream = stream
                file.mux(packet)
    return target.getvalue()


def _flac_picture(data: bytes, count: int) -> bytes:
    return data[:42] + bytes([6]) + count.to_bytes(3, "big") + noise(count) + data[42:]


def _total_times(data: bytes, factor: float) -> bytes:
    """The stream info with another number of samples, which takes the last 36 bits of its bytes 10 to 18."""
    total = round((int.from_bytes(data[18:26], "big") & (1 << 36) - 1) * factor)
    return with_bytes(data, 22, total.to_bytes(4, "big"))


def _edit_of(data: bytes, length: int) -> bytes:
    return with_bytes(data, chunk_at(data, b"elst") + 12, struct.pack(">I", length))


def _edited_fragments(data: bytes) -> bytes:
    """With an edit of length 0 that leaves out the delay of the encoder."""
    edit = struct.pack(">I4sI4sIIIiI", 36, b"edts", 28, b"elst", 0, 1, 0, 1024, 1 << 16)
    at = chunk_at(data, b"mdia") - 4
    for name in (b"moov", b"trak"):
        place = chunk_at(data, name) - 4
        data = with_bytes(data, place, struct.pack(">I", int.from_bytes(data[place : place + 4], "big") + len(edit)))
    return data[:at] + edit + data[at:]


def _large_mdat(data: bytes) -> bytes:
    """The box of samples with a length of 64 bits, in the place of the box `free` in front of it."""
    at = chunk_at(data, b"mdat") - 4
    assert data[at - 4 : at] == b"free"
    length = int.from_bytes(data[at : at + 4], "big")
    return data[: at - 8] + struct.pack(">I4sQ", 1, b"mdat", length + 8) + data[at + 8 :]


def _endless_mdat(data: bytes) -> bytes:
    return with_bytes(data, chunk_at(data, b"mdat") - 4, bytes(4))


def _two_tracks() -> bytes:
    target = io.BytesIO()
    with av.open(target, "w", format="ipod") as file:
        streams = [file.add_stream("aac", rate=44_100, layout="stereo") for _ in range(2)]
        for stream, sound in zip(streams, (0 * render(SONG, 44_100), render(SONG, 44_100)), strict=True):
            stream.bit_rate = 128_000
            for start in range(0, len(sound), 1024):
                block = np.ascontiguousarray(sound[start : start + 1024].T)
                frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="stereo")
                frame.sample_rate, frame.pts, frame.time_base = 44_100, start, Fraction(1, 44_100)
                file.mux(stream.encode(frame))
            file.mux(stream.encode(None))
    return target.getvalue()


def _chunks(count: int) -> bytes:
    return (b"JUNK" + struct.pack("<I", 0)) * count


def _far_samples(count: int) -> bytes:
    data = BASES["wav"].data()
    return data[:12] + _chunks(count) + data[12:]


def _without_pages(name: str, count: int) -> bytes:
    return changed_pages(BASES[name].data(), lambda granule, serial: (granule, serial), range(count, 1 << 30))


def _broadcast(data: bytes) -> bytes:
    """ASF with the flag of a live stream, which has neither a size nor a duration."""
    at = data.index(bytes.fromhex("A1DCAB8C47A9CF118EE400C00C205365"))
    data = with_bytes(data, at + 40, bytes(8))
    data = with_bytes(data, at + 56, bytes(24))
    return with_bytes(data, at + 88, struct.pack("<I", int.from_bytes(data[at + 88 : at + 92], "little") | 1))


def _part_of_a_frame(data: bytes, order: str, extra: int, stream: bool) -> bytes:
    at = chunk_at(data, b"data") + 4
    length = 0 if stream else len(data) - at - 4 + extra
    return with_bytes(data, at, struct.pack(f"{order}I", length)) + noise(extra)


def _ds64_times(data: bytes, factor: float) -> bytes:
    at = chunk_at(data, b"ds64") + 16
    length = round(factor * int.from_bytes(data[at : at + 8], "little")) // 4 * 4
    return with_bytes(data, at, struct.pack("<Q", length))


def _inverted(rate: int, gain: float, delay: int, echo: float = 0.0) -> Sound:
    mono = render(SONG, rate).mean(axis=1)
    right = -gain * np.roll(mono, delay) + echo * np.roll(mono, rate // 100)
    return np.stack([mono, right], axis=1).astype(np.float32)


def _soft(rate: int, offset: float) -> Sound:
    return (1e-3 * render(SONG, rate) + offset).astype(np.float32)


def _sound_as(name: str, sound: Callable[[int], Sound]) -> bytes:
    base = BASES[name]
    return encode_sound(base.encoder, base.rate, sound(base.rate))
