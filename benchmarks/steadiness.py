"""How often copies of a song get one label, for one or more bundles.

    python benchmarks/steadiness.py SONGS [--bundles one-window,default] [--copies 8] [--cut 15]

SONGS is a folder of whole songs. Each is decoded once; its copies lack up to `cut` seconds at either end. Prints, for
each bundle, the mean share of the most frequent label among the copies of a song, the share of pairs that agree, and
the share of the most frequent label song by song.
"""

import os

os.environ |= {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "NUMBA")}

import argparse
import io
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile

from genre_batch.decode.decoder import decode_window
from genre_batch.decode.waveform import Samples
from genre_batch.decode.window import Window
from genre_batch.features.track_segments import extract_segments
from genre_batch.model.bundle import load_bundle
from genre_batch.model.open_predictor import open_predictor
from genre_batch.model.scores import pooled_answers

WHOLE = Window(length_s=1e5, min_offset_s=0, max_offset_s=0)


def copies(samples: Samples, rate: int, count: int, cut_s: float) -> Iterator[bytes]:
    """WAV files of `samples` without up to `cut_s` seconds at either end."""
    rng = np.random.default_rng(0)
    for start_s, end_s in rng.uniform(0.0, cut_s, (count, 2)):
        target = io.BytesIO()
        kept = samples[round(start_s * rate) : len(samples) - round(end_s * rate)]
        soundfile.write(target, kept, rate, format="WAV", subtype="PCM_16")
        yield target.getvalue()


def labels(song: Path, bundles: list[str], count: int, cut_s: float) -> list[list[int]]:
    """The label of each copy of `song`, for each of the bundles."""
    data = song.read_bytes()
    whole = decode_window(io.BytesIO(data), len(data), "", WHOLE)
    files = list(copies(whole.samples, whole.sample_rate, count, cut_s))
    found = []
    for bundle in map(load_bundle, bundles):
        manifest, predictor, mine = bundle.manifest, open_predictor(bundle, device="cpu"), []
        for number, file in enumerate(files):
            track = extract_segments(io.BytesIO(file), len(file), f"{song.name} {number}", manifest.front_end)
            rows, loudness = np.zeros(len(track.segments), np.int32), manifest.loudness(track.segments)
            logits = predictor.logits(track.segments)
            mine.append(int(pooled_answers(logits, loudness, rows, 1, manifest.calibration.temperature).argmax()))
        found.append(mine)
    return found


def main() -> None:
    """Print one line for each bundle."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("songs", type=Path)
    parser.add_argument("--bundles", default="one-window,default")
    parser.add_argument("--copies", type=int, default=8)
    parser.add_argument("--cut", type=float, default=15.0)
    given = parser.parse_args()
    bundles = given.bundles.split(",")
    every = [labels(song, bundles, given.copies, given.cut) for song in sorted(given.songs.iterdir())]
    for place, name in enumerate(bundles):
        counts = np.array([np.bincount(song[place], minlength=100) for song in every])
        top = counts.max(axis=1) / given.copies
        pairs = (counts * (counts - 1)).sum(axis=1) / (given.copies * (given.copies - 1))
        shares = " ".join(f"{share:.2f}" for share in top)
        sys.stdout.write(f"{name}: most frequent {top.mean():.3f}, pairs {pairs.mean():.3f}; {shares}\n")


if __name__ == "__main__":
    main()
