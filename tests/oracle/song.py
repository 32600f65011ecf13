"""One song of 40 s with a tone that rises throughout, so that no moments sound alike, and what is joined to it."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
import soxr

from genre_batch.demo.synthesis import synthesise

Sound = npt.NDArray[np.float32]

MASTER_RATE = 48_000
SONG_S = 40.0
BEEP_S = 3.0
LAYOUTS = {1: "mono", 2: "stereo", 3: "3.0", 4: "quad", 5: "5.0", 6: "5.1", 8: "7.1"}
_LFE = 3
"""The channel of 5.1 and 7.1 that only carries the lowest tones; it is silent here."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a file: `song`, `beep` or `silence`, from second `start` up to `end` of it."""

    sound: str
    start: float = 0.0
    end: float = SONG_S

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.end - self.start


SONG = (Piece("song"),)
BEEP = Piece("beep", 0.0, BEEP_S)


@cache
def _master() -> Sound:
    """The song, stereo [n, 2]."""
    music = synthesise("triple", 2, SONG_S, MASTER_RATE)
    time_s = np.arange(len(music)) / MASTER_RATE
    tone = 0.2 * np.sin(2 * np.pi * (150 * time_s + 20 * time_s**2))
    return (0.6 * music + np.stack([tone, 0.7 * tone], axis=1)).astype(np.float32)


@cache
def _whole(sound: str, rate: int) -> Sound:
    if sound == "song":
        return _master() if rate == MASTER_RATE else soxr.resample(_master(), MASTER_RATE, rate).astype(np.float32)
    if sound == "beep":
        tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(round(SONG_S * rate)) / rate)
        return np.repeat(tone[:, None], 2, axis=1).astype(np.float32)
    return np.zeros((round(4 * SONG_S * rate), 2), np.float32)


def render(pieces: tuple[Piece, ...], rate: int) -> Sound:
    """The pieces one after another, stereo [n, 2]."""
    return np.concatenate(
        [_whole(piece.sound, rate)[round(piece.start * rate) : round(piece.end * rate)] for piece in pieces]
    )


@cache
def rendered_mono(pieces: tuple[Piece, ...]) -> Sound:
    """The pieces as one channel [n] at MASTER_RATE."""
    return render(pieces, MASTER_RATE).mean(axis=1)


def in_channels(stereo: Sound, channels: int) -> Sound:
    """`stereo` [n, 2] in more channels or one, [n, channels]; the mean of all is that of the two, but for its level."""
    if channels == 1:
        return stereo.mean(axis=1, keepdims=True)
    planes = [stereo[:, number % 2] for number in range(channels)]
    if channels > 2 and channels % 2:
        planes[-1] = stereo.mean(axis=1)
    if channels in (6, 8):
        planes[_LFE] = np.zeros(len(stereo), np.float32)
        planes[2] = stereo[:, 1]
    if channels == 6:
        planes[4], planes[5] = stereo[:, 0], stereo.mean(axis=1)
        planes[2] = stereo.mean(axis=1)
    return np.stack(planes, axis=1)
