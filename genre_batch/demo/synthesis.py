"""Cheap music from numpy: a four-bar loop of drums, bass, chords and melody, arranged into a track.

Only the loop is synthesised note by note; the arrangement repeats it with other gains and places in the stereo
image for each layer, so that three minutes cost little more than ten seconds.
"""

import numpy as np
import numpy.typing as npt

from genre_batch.demo.styles import STYLES, Style

Mono = npt.NDArray[np.float32]
Stereo = npt.NDArray[np.float32]

LAYERS = ("drums", "bass", "chords", "melody")
ENTRIES = (0.35, 0.0, 0.15, 0.55)
"""The share of the sections in which drums, bass, chords and melody are silent."""
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
    """Gains for each section, [sections, layers, 2 channels]; the last section has every layer."""
    plays = rng.random((sections, len(LAYERS))) >= np.asarray(ENTRIES)
    plays[-1] = True
    loudness = rng.uniform(0.7, 1.0, (sections, len(LAYERS)))
    pan = np.linspace(0.35, 0.65, len(LAYERS))[rng.permutation(len(LAYERS))]
    sides = np.stack([np.cos(pan * np.pi / 2), np.sin(pan * np.pi / 2)], axis=-1)
    gains: npt.NDArray[np.float32] = ((plays * loudness)[..., np.newaxis] * sides).astype(np.float32)
    return gains


def _loop(style: Style, rng: np.random.Generator, sample_rate: int) -> npt.NDArray[np.float32]:
    """The style's progression once, one bar a chord: [layers, n] float32."""
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
            _add(loop[3], start + at, _tone(pitch, style, sample_rate) * (0.9 if step == 0 else 0.6))
    weights = np.asarray([0.9, 0.8, 0.6, 0.5], np.float32)
    return np.stack([_to_peak(layer, weight) for layer, weight in zip(loop, weights, strict=True)])


def _play(layer: Mono, style: Style, pattern: str, pitches: list[int], start: int, bar: int, sample_rate: int) -> None:
    onsets = _onsets(pattern, style.swing, bar)
    if onsets:
        sound = np.tanh(style.drive * sum(_tone(pitch, style, sample_rate) for pitch in pitches))
        for _, at in onsets:
            _add(layer, start + at, sound)


def _play_drums(layer: Mono, style: Style, rng: np.random.Generator, start: int, bar: int, sample_rate: int) -> None:
    kick, snare, hat = _kick(sample_rate), _snare(rng, sample_rate), _hat(rng, sample_rate)
    for pattern, sound in ((style.kick, kick), (style.snare, snare), (style.hat, hat)):
        for _, at in _onsets(pattern, style.swing, bar):
            _add(layer, start + at, sound)


def _onsets(pattern: str, swing: float, bar: int) -> list[tuple[int, int]]:
    """(step, samples into the bar) of each "x"."""
    width = bar / len(pattern)
    return [(step, round((step + swing * (step % 2)) * width)) for step, mark in enumerate(pattern) if mark == "x"]


def _add(layer: Mono, at: int, sound: Mono) -> None:
    """Mix `sound` into `layer` from sample `at` on; what runs over the end is carried to the loop's beginning."""
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
    """`signal` scaled to the peak; silence stays silence."""
    highest = float(np.abs(signal).max())
    return (signal * np.float32(peak / highest)) if highest > 0 else signal
