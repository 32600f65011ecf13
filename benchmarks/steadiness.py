"""How often copies of a song get one label, for one or more bundles.

    python benchmarks/steadiness.py [SONGS] [--made 3] [--bundles one-window,default] [--cut 15] [--least 60]

SONGS is a folder of whole songs, or of long excerpts; those of less than `least` seconds are left out. `made` adds so
many synthesised songs of three minutes of each style. Each is decoded once; its copies lack up to `cut` seconds at
either end. Prints a Markdown table: for each bundle, the mean share of the most frequent label among the copies of a
song, the share of pairs that agree, and in how many songs all copies agree. Intervals are 95 %, by resampling songs.
"""

import os

os.environ |= {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "NUMBA")}

import argparse
import io
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from genre_batch.decode.decoder import decode_window
from genre_batch.decode.waveform import Samples
from genre_batch.decode.window import Window
from genre_batch.demo.synthesis import STYLES, synthesise
from genre_batch.evaluation.intervals import mean_interval
from genre_batch.features.track_segments import extract_segments
from genre_batch.model.bundle import load_bundle
from genre_batch.model.open_predictor import open_predictor
from genre_batch.model.scores import pooled_answers

Doubles = npt.NDArray[np.float64]

MADE_S, MADE_RATE = 180.0, 22_050
NOT_AUDIO = {".csv", ".md", ".txt"}
WHOLE = Window(length_s=1e5, min_offset_s=0, max_offset_s=0)


def copies(samples: Samples, rate: int, count: int, cut_s: float) -> Iterator[bytes]:
    """WAV files of `samples` without up to `cut_s` seconds at either end."""
    rng = np.random.default_rng(0)
    for start_s, end_s in rng.uniform(0.0, cut_s, (count, 2)):
        target = io.BytesIO()
        kept = samples[round(start_s * rate) : len(samples) - round(end_s * rate)]
        soundfile.write(target, kept, rate, format="WAV", subtype="PCM_16")
        yield target.getvalue()


def songs_in(folder: Path, least_s: float) -> Iterator[tuple[Samples, int]]:
    """The samples and the sample rate of each song below `folder`."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix not in NOT_AUDIO:
            data = path.read_bytes()
            whole = decode_window(io.BytesIO(data), len(data), "", WHOLE)
            if len(whole.samples) >= least_s * whole.sample_rate:
                yield whole.samples, whole.sample_rate


def songs_made(count: int) -> Iterator[tuple[Samples, int]]:
    """Synthesised songs of three minutes, `count` of each style."""
    for style in STYLES:
        for seed in range(count):
            yield synthesise(style, seed, MADE_S, MADE_RATE), MADE_RATE


def labels(samples: Samples, rate: int, bundles: list[str], count: int, cut_s: float) -> list[list[int]]:
    """The label of each copy of a song, for each of the bundles."""
    files = list(copies(samples, rate, count, cut_s))
    found = []
    for bundle in map(load_bundle, bundles):
        manifest, predictor, mine = bundle.manifest, open_predictor(bundle, device="cpu"), []
        for number, file in enumerate(files):
            track = extract_segments(io.BytesIO(file), len(file), f"copy {number}", manifest.front_end)
            rows, loudness = np.zeros(len(track.segments), np.int32), manifest.loudness(track.segments)
            logits = predictor.logits(track.segments)
            mine.append(int(pooled_answers(logits, loudness, rows, 1, manifest.calibration.temperature).argmax()))
        found.append(mine)
    return found


def main() -> None:
    """Print one line for each bundle."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("songs", type=Path, nargs="?")
    parser.add_argument("--made", type=int, default=0)
    parser.add_argument("--bundles", default="one-window,default")
    parser.add_argument("--copies", type=int, default=8)
    parser.add_argument("--cut", type=float, default=15.0)
    parser.add_argument("--least", type=float, default=60.0)
    given = parser.parse_args()
    bundles = given.bundles.split(",")
    songs = chain(songs_in(given.songs, given.least) if given.songs else (), songs_made(given.made))
    every = [labels(*song, bundles, given.copies, given.cut) for song in songs]
    sys.stdout.write(f"| bundle | songs | most frequent label | pairs | all {given.copies} agree |\n{'|---' * 5}|\n")
    for place, name in enumerate(bundles):
        counts = np.array([np.bincount(song[place], minlength=100) for song in every])
        top = counts.max(axis=1) / given.copies
        pairs = (counts * (counts - 1)).sum(axis=1) / (given.copies * (given.copies - 1))
        cells = [shown(values) for values in (top, pairs)]
        sys.stdout.write(f"| `{name}` | {len(top)} | {' | '.join(cells)} | {(top == 1).sum()} |\n")


def shown(values: Doubles) -> str:
    """The mean of `values`, one a song, with its interval."""
    found = mean_interval(values, [str(number) for number in range(len(values))])
    return f"{found.mean:.3f} ({found.text(lambda value: f'{value:.3f}').removeprefix('95 %: ')})"


if __name__ == "__main__":
    main()
