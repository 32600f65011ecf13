"""The sample catalog: synthesised tracks in every format, and files damaged as those in real catalogs are."""

import multiprocessing
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from itertools import product

import numpy as np
from threadpoolctl import threadpool_limits

from genre_batch.demo.encode import Encoding, encode
from genre_batch.demo.synthesis import STYLES, synthesise


class Damage(StrEnum):
    """A kind of damage to the bytes of a good file."""

    EMPTIED = "emptied"
    TRUNCATED = "truncated"
    OVERWRITTEN = "overwritten"
    PLAYLIST = "playlist"


def damage(content: bytes, kind: Damage) -> bytes:
    """`content` after the damage; random bytes are the same for the same length."""
    match kind:
        case Damage.EMPTIED:
            return b""
        case Damage.TRUNCATED:
            return content[: len(content) * 2 // 5]
        case Damage.OVERWRITTEN:
            return np.random.default_rng(len(content)).bytes(len(content))
        case Damage.PLAYLIST:
            return b"#EXTM3U\n#EXTINF:180,Not audio at all\n../elsewhere/track.mp3\n"


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
    """One track per style and format, 40 to 200 s long, at several sample rates, mono and stereo."""
    pairs = enumerate(product(STYLES, Encoding))
    return [_good(number, style, encoding) for number, (style, encoding) in pairs]


def new_tracks() -> list[SampleTrack]:
    """What comes in after the first night: an MP3 of every other style."""
    return [SampleTrack(f"{style}/{style}-new.mp3", style, 200, 45, Encoding.MP3) for style in [*STYLES][::2]]


def odd_tracks() -> list[SampleTrack]:
    """Files of the kind that every real catalog has; all except the mislabelled one are rejected."""
    broken = [
        ("damaged/empty.mp3", Encoding.MP3, Damage.EMPTIED),
        ("damaged/half-uploaded.wav", Encoding.WAV, Damage.TRUNCATED),
        ("damaged/half-uploaded.flac", Encoding.FLAC, Damage.TRUNCATED),
        ("damaged/half-uploaded.mp3", Encoding.MP3, Damage.TRUNCATED),
        ("damaged/random-bytes.mp3", Encoding.MP3, Damage.OVERWRITTEN),
        ("damaged/playlist.mp3", Encoding.MP3, Damage.PLAYLIST),
    ]
    return [
        *(SampleTrack(key, "pulse", 100, 40, encoding, 22_050, 1, kind) for key, encoding, kind in broken),
        SampleTrack("damaged/silent.flac", SILENCE, 0, 60, Encoding.FLAC),
        SampleTrack("damaged/half-a-second.wav", "pulse", 101, 0.5, Encoding.WAV),
        SampleTrack("mislabelled/really-flac.mp3", "bounce", 102, 45, Encoding.FLAC),
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


MAX_PROCESSES = 8


def rendered(tracks: Sequence[SampleTrack]) -> Iterator[tuple[SampleTrack, bytes]]:
    """Each track with the bytes of its file, in the given order."""
    processes = min(MAX_PROCESSES, os.cpu_count() or 1)
    # spawned, not forked, because the caller may have threads; one thread each, or numpy's would compete for the cores
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), threadpool_limits, (1,)) as pool:
        yield from zip(tracks, pool.map(render, tracks), strict=True)
