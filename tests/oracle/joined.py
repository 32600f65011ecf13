"""Files that consist of several: chained Ogg, and what `cat` and editors make."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from oracle.bases import BASES
from oracle.case import Case
from oracle.encoders import encode
from oracle.own_bytes import id3v1, id3v2, with_serial
from oracle.song import BEEP, Piece

_HALVES = (Piece("song", 0.0, 20.0), Piece("song", 20.0, 40.0))
_LATE = {"duration_off_s": 0.12, "late_s": 0.2}
"""Each part has the delay of its encoder."""

_OGG = ("ogg", "opus", "ogg_flac")
_CAT = ("mp3", "mp3_vbr", "mp3_bare", "mp2", "aac", "ac3", "eac3", "flac", "flac_24", "wav", "amr")


def cases() -> Iterator[Case]:
    """All of them."""
    for first in _OGG:
        for second in _OGG:
            yield _case(f"{first} and {second}", (first, (BEEP,)), (second, SONG_PIECES))
            yield _case(f"{second} after the song as {first}", (first, SONG_PIECES), (second, (BEEP,)))
        yield _case(f"three of {first}", (first, (BEEP,)), (first, _HALVES[:1]), (first, _HALVES[1:]))
        yield _with_one_serial(first, (BEEP,), SONG_PIECES)
        yield _with_one_serial(first, SONG_PIECES, (BEEP,))
        yield _with_one_serial(first, _HALVES[:1], _HALVES[1:])
        yield _with_one_serial(first, (Piece("beep", 0.0, 12.0),), SONG_PIECES)
        yield _of_other_shape(first, 1)
        yield _of_other_shape(first, 6)
    for first in _CAT:
        yield _case(f"beep and song as {first}", (first, (BEEP,)), (first, SONG_PIECES))
        yield _case(f"song and beep as {first}", (first, SONG_PIECES), (first, (BEEP,)))
        yield _case(f"halves as {first}", (first, _HALVES[:1]), (first, _HALVES[1:]))
        if first != "amr":
            yield _of_other_shape(first, 1)
    for first in _CAT[:3]:
        for second in _CAT[:3]:
            yield _case(f"{first} then {second}", (first, (BEEP,)), (second, SONG_PIECES), between=id3v1() + id3v2(900))
            yield _case(f"{first} at once {second}", (first, _HALVES[:1]), (second, _HALVES[1:]))
    for name in ("mp3", "mp3_vbr", "mp3_bare", "mp2", "aac", "ac3", "eac3", "flac", "wav", "ogg"):
        yield _of_other_rate(name)


SONG_PIECES = (Piece("song"),)
_Part = tuple[str, tuple[Piece, ...]]


def _case(name: str, *parts: _Part, between: bytes = b"") -> Case:
    pieces = tuple(piece for _, sounds in parts for piece in sounds)
    least = min(BASES[base].correlation for base, _ in parts)
    return Case(f"joined: {name}", partial(_joined, parts, between), pieces, correlation=least - 0.01, **_LATE)


def _joined(parts: tuple[_Part, ...], between: bytes) -> bytes:
    return between.join(BASES[base].data(pieces) for base, pieces in parts)


def _with_one_serial(name: str, *parts: tuple[Piece, ...]) -> Case:
    case = _case(
        f"{name} of one serial, {parts[0][0].sound} of {parts[0][0].seconds:.0f} s",
        *((name, pieces) for pieces in parts),
    )
    return replace(case, data=lambda: b"".join(with_serial(BASES[name].data(pieces), 77) for pieces in parts))


def _of_other_shape(name: str, channels: int) -> Case:
    """The second half has another number of channels."""
    case = _case(f"stereo and {channels} channel of {name}", (name, _HALVES[:1]), (name, _HALVES[1:]))
    base = BASES[name]
    return replace(case, data=lambda: base.data(_HALVES[:1]) + base.data(_HALVES[1:], channels))


def _of_other_rate(name: str) -> Case:
    """The second half has another sample rate."""
    case = _case(f"two rates of {name}", (name, _HALVES[:1]), (name, _HALVES[1:]))
    encoder = BASES[name].encoder
    return replace(case, data=lambda: encode(encoder, 44_100, 2, _HALVES[:1]) + encode(encoder, 48_000, 2, _HALVES[1:]))
