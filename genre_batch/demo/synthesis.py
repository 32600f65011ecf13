"""Synthesises music in several styles, each described by patterns, tempo, harmony and sound."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

MAJOR = (0, 4, 7)
MINOR = (0, 3, 7)
SEVENTH = (0, 4, 7, 10)
MINOR_SEVENTH = (0, 3, 7, 10)
FIFTH = (0, 7, 12)


@dataclass(frozen=True, slots=True)
class Style:
    """A style made of one-bar patterns over a repeating chord progression.

    A pattern has one character per step, all steps of equal length: "x" plays, "." rests. bpm: range of tempos.
    progression: (semitones above the key, chord). rolloff: the amplitude of harmonic k is k ** -rolloff. decay_s: decay
    time of a note. drive: 1 is clean, more distorts. swing: delay of every second step, as a fraction of a step.
    """

    bpm: tuple[int, int]
    beats: int
    progression: tuple[tuple[int, tuple[int, ...]], ...]
    kick: str
    snare: str
    hat: str
    bass: str
    chords: str
    melody: str
    rolloff: float = 1.5
    decay_s: float = 0.4
    drive: float = 1.0
    swing: float = 0.0
    hiss: float = 0.002


STYLES: dict[str, Style] = {
    "drone": Style(
        bpm=(56, 68), beats=4, progression=((0, MAJOR), (9, MINOR), (5, MAJOR), (7, MAJOR)),
        kick="....", snare="....", hat="....", bass="x...", chords="x...", melody="..x.",
        rolloff=2.2, decay_s=3.0, hiss=0.006,
    ),
    "shuffle": Style(
        bpm=(72, 96), beats=4, progression=((0, SEVENTH), (5, SEVENTH), (0, SEVENTH), (7, SEVENTH)),
        kick="x.....x.....", snare="...x.....x..", hat="x.xx.xx.xx.x", bass="x..x..x..x..", chords="x.....x.....",
        melody="x.x..x...x.x", decay_s=0.5, drive=2.0,
    ),
    "pulse": Style(
        bpm=(112, 124), beats=4, progression=((9, MINOR_SEVENTH), (2, MINOR_SEVENTH), (7, SEVENTH), (0, MAJOR)),
        kick="x...x...x...x...", snare="....x.......x...", hat="..x...x...x...x.", bass="x.x.x.x.x.x.x.x.",
        chords="..x..x....x..x..", melody="x..x..x.....x...", rolloff=1.2, decay_s=0.18,
    ),
    "grind": Style(
        bpm=(150, 180), beats=4, progression=((0, FIFTH), (0, FIFTH), (1, FIFTH), (3, FIFTH)),
        kick="xxxxxxxxxxxxxxxx", snare="....x.......x...", hat="x...x...x...x...", bass="x.xxx.xxx.xxx.xx",
        chords="x.xxx.xxx.xxx.xx", melody="x...x...x.x.x...", rolloff=0.8, decay_s=0.25, drive=9.0,
    ),
    "offbeat": Style(
        bpm=(68, 80), beats=4, progression=((0, MINOR), (5, MINOR), (0, MINOR), (7, MINOR)),
        kick="........x.......", snare="........x.......", hat="x.x.x.x.x.x.x.x.", bass="x..x..x.....x.x.",
        chords="....x.......x...", melody="x.....x.x.......", rolloff=1.8, decay_s=0.12,
    ),
    "bounce": Style(
        bpm=(140, 190), beats=4, progression=((2, MINOR_SEVENTH), (7, SEVENTH), (0, MAJOR), (9, MINOR_SEVENTH)),
        kick="x...x...", snare="..x...x.", hat="x.xxx.xx", bass="x.x.x.x.", chords="...x..x.", melody="x.xx.x.x",
        rolloff=1.6, decay_s=0.3, swing=0.33,
    ),
    "machine": Style(
        bpm=(126, 138), beats=4, progression=((0, MINOR), (0, MINOR), (8, MAJOR), (10, MAJOR)),
        kick="x...x...x...x...", snare="............x..x", hat="..x...x...x...xx", bass="..xx..xx..xx..xx",
        chords="x.....x.....x...", melody="................", rolloff=1.0, decay_s=0.1, drive=3.0,
    ),
    "triple": Style(
        bpm=(84, 100), beats=3, progression=((0, MAJOR), (7, SEVENTH), (5, MAJOR), (0, MAJOR)),
        kick="......", snare="......", hat="......", bass="x.....", chords="..x.x.", melody="x.x.xx",
        rolloff=2.0, decay_s=0.9,
    ),
}  # fmt: skip


Mono = npt.NDArray[np.float32]
Stereo = npt.NDArray[np.float32]

LAYERS = ("drums", "bass", "chords", "melody")
ENTRIES = (0.35, 0.0, 0.15, 0.55)
"""The fraction of sections in which drums, bass, chords and melody are silent."""
PENTATONIC = (0, 2, 4, 7, 9, 12)
HARMONICS = 10


def synthesise(style: str, seed: int, duration_s: float, sample_rate: int) -> Stereo:
    """A track in one of the STYLES: [n, 2] float32 with a peak of 0.8, the same for the same arguments.

    `seed` decides tempo, key, melody and arrangement. Raises KeyError for a style that does not exist.
    """
    settings = STYLES[style]
    rng = np.random.default_rng([seed, list(STYLES).index(style)])
    loop = _loop(settings, rng, sample_rate)
    n = round(duration_s * sample_rate)
    sections = -(-n // loop.shape[1])
    gains = _arrangement(rng, sections)
    track = np.concatenate([loop.T @ gain for gain in gains])[:n]
    hiss = rng.standard_normal(loop.shape[1] - 1, dtype=np.float32) * np.float32(settings.hiss)
    track += np.resize(hiss, n)[:, np.newaxis]
    return _to_peak(np.tanh(track, out=track), 0.8)


def _arrangement(rng: np.random.Generator, sections: int) -> npt.NDArray[np.float32]:
    """Gains [sections, layers, 2 channels]; all layers play in the last section."""
    plays = rng.random((sections, len(LAYERS))) >= np.asarray(ENTRIES)
    plays[-1] = True
    loudness = rng.uniform(0.7, 1.0, (sections, len(LAYERS)))
    pan = np.linspace(0.35, 0.65, len(LAYERS))[rng.permutation(len(LAYERS))]
    sides = np.stack([np.cos(pan * np.pi / 2), np.sin(pan * np.pi / 2)], axis=-1)
    gains: npt.NDArray[np.float32] = ((plays * loudness)[..., np.newaxis] * sides).astype(np.float32)
    return gains


def _loop(style: Style, rng: np.random.Generator, sample_rate: int) -> npt.NDArray[np.float32]:
    """The progression of the style, played once with one bar per chord: [layers, n] float32."""
    bar = round(style.beats * 60 / rng.integers(*style.bpm) * sample_rate)
    loop = np.zeros((len(LAYERS), bar * len(style.progression)), np.float32)
    key = int(rng.integers(40, 52))
    for index, (root, chord) in enumerate(style.progression):
        start = index * bar
        _play_drums(loop[0], style, rng, start, bar, sample_rate)
        _play(loop[1], style, style.bass, [key + root - 12], start, bar, sample_rate)
        _play(loop[2], style, style.chords, [key + root + 12 + note for note in chord], start, bar, sample_rate)
        for step, at in _onsets(style.melody, style.swing, bar):
            pitch = key + 24 + int(rng.choice(PENTATONIC))
            _mix(loop[3], start + at, _tone(pitch, style, sample_rate) * (0.9 if step == 0 else 0.6))
    weights = np.asarray([0.9, 0.8, 0.6, 0.5], np.float32)
    return np.stack([_to_peak(layer, weight) for layer, weight in zip(loop, weights, strict=True)])


def _play(layer: Mono, style: Style, pattern: str, pitches: list[int], start: int, bar: int, sample_rate: int) -> None:
    onsets = _onsets(pattern, style.swing, bar)
    if onsets:
        sound = np.tanh(style.drive * sum(_tone(pitch, style, sample_rate) for pitch in pitches))
        for _, at in onsets:
            _mix(layer, start + at, sound)


def _play_drums(layer: Mono, style: Style, rng: np.random.Generator, start: int, bar: int, sample_rate: int) -> None:
    kick, snare, hat = _kick(sample_rate), _snare(rng, sample_rate), _hat(rng, sample_rate)
    for pattern, sound in ((style.kick, kick), (style.snare, snare), (style.hat, hat)):
        for _, at in _onsets(pattern, style.swing, bar):
            _mix(layer, start + at, sound)


def _onsets(pattern: str, swing: float, bar: int) -> list[tuple[int, int]]:
    """(step, offset into the bar in samples) of each "x"."""
    width = bar / len(pattern)
    return [(step, round((step + swing * (step % 2)) * width)) for step, mark in enumerate(pattern) if mark == "x"]


def _mix(layer: Mono, at: int, sound: Mono) -> None:
    """Mix `sound` into `layer` from sample `at` on; the part beyond the end wraps around to the start of the loop."""
    head = min(len(sound), len(layer) - at)
    layer[at : at + head] += sound[:head]
    tail = sound[head : head + at]
    layer[: len(tail)] += tail


def _tone(pitch: int, style: Style, sample_rate: int) -> Mono:
    """A decaying note with harmonics below half the sample rate; `pitch` is a MIDI note number."""
    frequency = 440.0 * 2 ** ((pitch - 69) / 12)
    time = np.arange(round(min(4 * style.decay_s, 4.0) * sample_rate), dtype=np.float32) / sample_rate
    orders = [k for k in range(1, HARMONICS + 1) if k * frequency < sample_rate / 2]
    wave = sum(np.sin(np.float32(2 * np.pi * frequency * k) * time) * np.float32(k**-style.rolloff) for k in orders)
    envelope = np.minimum(time * 200, 1) * np.exp(-time / np.float32(style.decay_s))
    return np.asarray(wave * envelope, np.float32)


def _kick(sample_rate: int) -> Mono:
    time = np.arange(round(0.25 * sample_rate), dtype=np.float32) / sample_rate
    phase = 2 * np.pi * (45 * time + 6 * (1 - np.exp(-time * 30)))
    return np.asarray(np.sin(phase) * np.exp(-time * 14), np.float32)


def _snare(rng: np.random.Generator, sample_rate: int) -> Mono:
    time = np.arange(round(0.18 * sample_rate), dtype=np.float32) / sample_rate
    noise = rng.standard_normal(len(time), dtype=np.float32)
    return np.asarray((0.5 * noise + 0.6 * np.sin(2 * np.pi * 185 * time)) * np.exp(-time * 22), np.float32)


def _hat(rng: np.random.Generator, sample_rate: int) -> Mono:
    time = np.arange(round(0.06 * sample_rate), dtype=np.float32) / sample_rate
    noise = np.diff(rng.standard_normal(len(time) + 1, dtype=np.float32))
    return np.asarray(0.25 * noise * np.exp(-time * 70), np.float32)


def _to_peak(signal: npt.NDArray[np.float32], peak: float) -> npt.NDArray[np.float32]:
    """`signal` scaled to the peak; silence stays silent."""
    highest = float(np.abs(signal).max())
    return (signal * np.float32(peak / highest)) if highest > 0 else signal
