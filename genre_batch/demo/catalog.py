"""The sample catalog: music in eight styles and eight formats, and a few files that are damaged on purpose."""

from dataclasses import dataclass
from itertools import product

import numpy as np

from genre_batch.demo.damage import Damage, damage
from genre_batch.demo.encode import Encoding, encode
from genre_batch.demo.styles import STYLES
from genre_batch.demo.synthesis import synthesise

SILENCE = "silence"
MIN_DURATION_S = 40


@dataclass(frozen=True, slots=True)
class SampleTrack:
    """One object of the sample catalog; `style` is one of STYLES or SILENCE."""

    key: str
    style: str
    seed: int
    duration_s: float
    encoding: Encoding
    sample_rate: int = 44_100
    channels: int = 2
    damage: Damage | None = None


def sample_catalog() -> list[SampleTrack]:
    """All tracks, good ones first; always the same."""
    return good_tracks() + odd_tracks()


def good_tracks() -> list[SampleTrack]:
    """One track a style and format, of 40 to 200 s, in several sample rates, mono and stereo."""
    pairs = enumerate(product(STYLES, Encoding))
    return [_good(number, style, encoding) for number, (style, encoding) in pairs]


def odd_tracks() -> list[SampleTrack]:
    """Files such as every real catalog has some; all but the mislabelled one are rejected."""
    broken = [
        ("damaged/empty.mp3", Encoding.MP3, Damage.EMPTIED),
        ("damaged/half-uploaded.wav", Encoding.WAV, Damage.TRUNCATED),
        ("damaged/half-uploaded.flac", Encoding.FLAC, Damage.TRUNCATED),
        ("damaged/half-uploaded.mp3", Encoding.MP3, Damage.TRUNCATED),
        ("damaged/random-bytes.mp3", Encoding.MP3, Damage.OVERWRITTEN),
        ("damaged/playlist.mp3", Encoding.MP3, Damage.PLAYLIST),
    ]
    return [
        *(SampleTrack(key, "disco", 100, 40, encoding, 22_050, 1, kind) for key, encoding, kind in broken),
        SampleTrack("damaged/silent.flac", SILENCE, 0, 60, Encoding.FLAC),
        SampleTrack("damaged/half-a-second.wav", "disco", 101, 0.5, Encoding.WAV),
        SampleTrack("mislabelled/really-flac.mp3", "swing", 102, 45, Encoding.FLAC),
    ]


def render(track: SampleTrack) -> bytes:
    """The bytes of one track's file, ready to be uploaded."""
    if track.style == SILENCE:
        samples = np.zeros((round(track.duration_s * track.sample_rate), 2), np.float32)
    else:
        samples = synthesise(track.style, track.seed, track.duration_s, track.sample_rate)
    if track.channels == 1:
        samples = samples.mean(axis=1, keepdims=True, dtype=np.float32)
    content = encode(samples, track.sample_rate, track.encoding)
    return damage(content, track.damage) if track.damage else content


def _good(number: int, style: str, encoding: Encoding) -> SampleTrack:
    long = number % 13 == 6
    duration_s = 120 + 20 * (number % 5) if long else MIN_DURATION_S + 11 * number % 23
    high, low = (48_000, 24_000) if encoding is Encoding.OPUS else (44_100, 22_050)
    stereo = number % 3 != 1
    key = f"{style}/{style}-{number:02}.{encoding}"
    return SampleTrack(key, style, number, duration_s, encoding, high if stereo else low, 2 if stereo else 1)
