"""Channels that cancel, or of which some are silent; constants that make no sound; silence."""

from collections.abc import Iterator
from functools import partial

import numpy as np
from oracle.bases import BASES
from oracle.case import Case
from oracle.encoders import encode_sound
from oracle.song import SONG, Sound, render

_NAMES = ("wav", "flac", "mp3", "ogg", "opus", "m4a", "ac3", "aac", "wma", "webm")
_LOSSLESS = ("wav", "flac", "wavpack", "matroska", "tta")


def _mono(rate: int) -> Sound:
    return render(SONG, rate).mean(axis=1)


def _two(rate: int, left: float, right: float) -> Sound:
    mono = _mono(rate)
    return np.stack([left * mono, right * mono], axis=1)


def _six(rate: int) -> Sound:
    """Front and back channels that cancel."""
    mono = _mono(rate)
    return np.stack([mono, -mono, 0 * mono, 0 * mono, mono, -mono], axis=1)


def _offset(rate: int, left: float, right: float) -> Sound:
    return (0.5 * render(SONG, rate) + np.array([left, right])).astype(np.float32)


def _constant(rate: int, left: float, right: float) -> Sound:
    return np.broadcast_to(np.array([left, right], np.float32), (20 * rate, 2)).copy()


_SOUNDS = {
    "inverted": partial(_two, left=1.0, right=-1.0),
    "inverted and softer": partial(_two, left=1.0, right=-0.95),
    "left only": partial(_two, left=1.0, right=0.0),
    "right only": partial(_two, left=0.0, right=1.0),
    "equal": partial(_two, left=0.7, right=0.7),
}
_OFFSETS = {
    "an offset": partial(_offset, left=0.2, right=0.2),
    "opposite offsets": partial(_offset, left=0.3, right=-0.3),
    "an offset on the left": partial(_offset, left=0.4, right=0.0),
}
_SILENT = {
    "silence": partial(_constant, left=0.0, right=0.0),
    "a constant": partial(_constant, left=0.1, right=0.1),
    "opposite constants": partial(_constant, left=0.1, right=-0.1),
    "a constant on the right": partial(_constant, left=0.0, right=-0.4),
}


def cases() -> Iterator[Case]:
    """All of them."""
    for name in (*_NAMES, *_LOSSLESS[2:]):
        for what, sound in _SOUNDS.items():
            loose = {"duration_off_s": 0.12, "late_s": 0.12}
            yield Case(f"{what} as {name}", partial(_encoded, name, sound), correlation=0.98, **loose)
    for name in _LOSSLESS:
        yield Case(f"six channels that cancel as {name}", partial(_encoded, name, _six))
        for what, sound in _OFFSETS.items():
            yield Case(f"{what} as {name}", partial(_encoded, name, sound), correlation=0.0)
        for what, sound in _SILENT.items():
            yield Case(f"{what} as {name}", partial(_encoded, name, sound), outcome=frozenset({"silent"}))


def _encoded(name: str, sound: partial[Sound]) -> bytes:
    base = BASES[name]
    return encode_sound(base.encoder, base.rate, sound(base.rate))
