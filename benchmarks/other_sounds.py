"""What the `in_scope` of a bundle says about sounds that are not music of its genres.

    python benchmarks/other_sounds.py [--bundle default] [FOLDER ...]

Noise, tones, beeps and hum are made here, 30 s each, eight of a kind; each FOLDER adds its audio files, such as speech.
Prints a Markdown table, one line a kind: the lowest, middle and highest `in_scope`, the share of files on which
`min_in_scope` would abstain, the highest confidence, and the labels that they get without it.
"""

import os

os.environ |= {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "NUMBA")}

import argparse
import io
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from genre_batch.catalog.reject import TrackRejected
from genre_batch.features.track_segments import extract_segments
from genre_batch.model.bundle import Bundle, load_bundle
from genre_batch.model.golden import GivesLogits
from genre_batch.model.open_predictor import open_predictor
from genre_batch.model.scores import pooled_answers
from genre_batch.model.segment_answers import ask

RATE = 22_050
LENGTH_S = 30.0
EACH = 8
LEAST = (0.01, 0.02, 0.05, 0.1)
_TIMES_S = np.arange(int(LENGTH_S * RATE)) / RATE

Sound = npt.NDArray[np.float64]


def coloured(rng: np.random.Generator, slope: float) -> Sound:
    """Noise whose power falls with the frequency to the power of `slope`: 0 is white, 1 pink, 2 brown."""
    spectrum = np.fft.rfft(rng.normal(size=len(_TIMES_S)))
    spectrum[1:] /= np.fft.rfftfreq(len(_TIMES_S), 1 / RATE)[1:] ** (slope / 2)
    spectrum[0] = 0.0
    return np.fft.irfft(spectrum, len(_TIMES_S))


def tone(rng: np.random.Generator) -> Sound:
    """One sine."""
    return np.sin(2 * np.pi * np.exp(rng.uniform(np.log(60.0), np.log(6000.0))) * _TIMES_S)


def beeps(rng: np.random.Generator) -> Sound:
    """A sine of some hundred hertz that is switched on and off a few times a second."""
    return np.sin(2 * np.pi * rng.uniform(300, 3000) * _TIMES_S) * (_TIMES_S * rng.uniform(1, 5) % 1 < 0.4)


def dialled(rng: np.random.Generator) -> Sound:
    """Keys of a telephone, five a second."""
    keys = rng.integers(0, [4, 3], (int(LENGTH_S * 5), 2))[(_TIMES_S * 5).astype(int)]
    low, high = np.array([697, 770, 852, 941])[keys[:, 0]], np.array([1209, 1336, 1477])[keys[:, 1]]
    heard = _TIMES_S * 5 % 1 < 0.5
    return (np.sin(2 * np.pi * low * _TIMES_S) + np.sin(2 * np.pi * high * _TIMES_S)) * heard


def hum(rng: np.random.Generator) -> Sound:
    """The mains and its harmonics, with a little noise."""
    parts = [rng.uniform(0.2, 1) / number * np.sin(2 * np.pi * 50 * number * _TIMES_S) for number in range(1, 12)]
    return np.sum(parts, axis=0) + rng.normal(0.0, 0.02, len(_TIMES_S))


def sweep(rng: np.random.Generator) -> Sound:
    """A siren: a sine that goes up and down."""
    hertz = 900 + 600 * np.sin(2 * np.pi * rng.uniform(0.1, 1.5) * _TIMES_S)
    return np.sin(2 * np.pi * np.cumsum(hertz) / RATE)


def clicks(rng: np.random.Generator) -> Sound:
    """A metronome."""
    phase_s = _TIMES_S % (60 / rng.uniform(60, 180))
    return np.exp(-phase_s * 300) * np.sin(2 * np.pi * 1500 * phase_s)


def surf(rng: np.random.Generator) -> Sound:
    """Pink noise that swells and fades."""
    return coloured(rng, 1.0) * (1.1 + np.sin(2 * np.pi * rng.uniform(0.08, 0.3) * _TIMES_S))


MADE: dict[str, Callable[[np.random.Generator], Sound]] = {
    "white noise": lambda rng: coloured(rng, 0.0),
    "pink noise": lambda rng: coloured(rng, 1.0),
    "brown noise": lambda rng: coloured(rng, 2.0),
    "noise that swells and fades": surf,
    "one sine": tone,
    "beeps": beeps,
    "keys of a telephone": dialled,
    "mains hum": hum,
    "siren": sweep,
    "metronome": clicks,
}


def made(kind: str) -> Iterator[bytes]:
    """WAV files of a kind."""
    for seed in range(EACH):
        sound, target = MADE[kind](np.random.default_rng(seed)), io.BytesIO()
        soundfile.write(target, 0.3 * sound / np.abs(sound).max(), RATE, format="WAV", subtype="PCM_16")
        yield target.getvalue()


def found(folder: Path) -> Iterator[bytes]:
    """The files of a folder."""
    for path in sorted(folder.resolve().rglob("*")):
        if path.is_file():
            yield path.read_bytes()


def line(kind: str, files: Iterator[bytes], bundle: Bundle, predictor: GivesLogits) -> str:
    """The line of the table about some files; those that are not audio are left out."""
    manifest, scopes, best = bundle.manifest, list[float](), list[tuple[str, float]]()
    assert manifest.scope is not None
    for data in files:
        try:
            track = extract_segments(io.BytesIO(data), len(data), kind, manifest.front_end)
        except TrackRejected:
            continue
        rows, answers = np.zeros(len(track.segments), np.int32), ask(predictor, track.segments)
        assert answers.distances is not None
        scopes += manifest.scope.of_tracks(answers.logits, answers.distances, rows, 1).tolist()
        loudness, temperature = manifest.loudness(track.segments), manifest.calibration.temperature
        (probabilities,) = pooled_answers(answers.logits, loudness, rows, 1, temperature)
        best.append((manifest.taxonomy.genres[int(probabilities.argmax())], float(probabilities.max())))
    given = np.array(scopes)
    labels = ", ".join(f"{genre} {count}" for genre, count in Counter(genre for genre, _ in best).most_common(3))
    spread = ", ".join(f"{np.quantile(given, share):.3f}" for share in (0.0, 0.5, 1.0))
    abstained = " | ".join(f"{(given < least).mean():.2f}" for least in LEAST)
    return f"| {kind} | {len(given)} | {spread} | {abstained} | {max(share for _, share in best):.2f} | {labels} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--bundle", default="default")
    given = parser.parse_args()
    bundle = load_bundle(given.bundle)
    predictor = open_predictor(bundle, device="cpu")
    least = " | ".join(f"below {each:g}" for each in LEAST)
    sys.stdout.write(f"| sound | files | lowest, middle, highest | {least} | confidence | labels |\n{'|---' * 9}|\n")
    for kind in MADE:
        sys.stdout.write(line(kind, made(kind), bundle, predictor) + "\n")
    for folder in given.folders:
        sys.stdout.write(line(folder.name, found(folder), bundle, predictor) + "\n")


if __name__ == "__main__":
    main()
