"""What a second bundle costs in the same pass: one bundle alone, the other alone, and both, in turns.

    python benchmarks/bundles.py [--rounds 8] [--tracks 16] [--pairs cheap,cheap default,default:head default,cheap]

Prints one JSON object: for each pair the CPU seconds per track to read, decode, extract and predict, child processes
included, without Ray and without start-up; and what both together take, over the first alone and over the sum of both.
Each is the median of the rounds. A pair of the same name is that bundle and a copy of it with other thresholds: another
model with the same front end. `default:head` is a copy of `default` with another head on the same trunk. All workers
are in this process and take turns, so that a machine that slows down slows down all of them.
"""

import argparse
import json
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from pipeline import catalog
from safetensors.numpy import load, save

from genre_batch.catalog.track import Track
from genre_batch.config import ScoreConfig
from genre_batch.demo.encode import Encoding
from genre_batch.engine.cluster import Cluster
from genre_batch.model import bundle as bundle_module
from genre_batch.model.bundle import CANARIES_FILE, MANIFEST_FILE, WEIGHTS_FILE, Bundle, load_bundle
from genre_batch.model.classifier import FileName
from genre_batch.model.golden import make_golden
from genre_batch.model.predictor import Predictor
from genre_batch.model.write_bundle import write_bundle
from genre_batch.pipeline import score_flow
from genre_batch.stages.several import together
from genre_batch.storage.local import LocalStore

HERE = Cluster(2.0, 0.0, own=True)
WAYS = ("first", "second", "both")


class Workers:
    """The workers of the stages for some bundles, in this process."""

    def __init__(self, bundles: Sequence[str]) -> None:
        settings = [ScoreConfig(source="/in", output="/out", bundle=bundle) for bundle in bundles]
        stages = together([score_flow(each, HERE) for each in settings]).stages
        self._extract, self._predict = (stage.worker(*stage.arguments) for stage in stages)
        self._extract.ready()

    def cpu_s(self, tracks: Sequence[Track]) -> float:
        """CPU seconds per track for one batch."""
        blocks, extracted = self._extract.run(list(tracks))
        predicted: Any = self._predict.run(blocks)
        return float(extracted.cpu_s + predicted.cpu_s) / len(tracks)


def pair_of(first: str, second: str, folder: Path) -> tuple[str, str]:
    """The two bundles; the second one is a copy if they are the same, or it is to have another head."""
    if second == f"{first}:head":
        return first, another_head(first, folder / f"{first}-head")
    if first != second:
        return first, second
    copy = folder / f"{first}-copy"
    shutil.copytree(Path(bundle_module.__file__).parent / "bundles" / first, copy)
    manifest = json.loads((copy / MANIFEST_FILE).read_text())
    (copy / MANIFEST_FILE).write_text(json.dumps(manifest | {"thresholds": {"jazz": 0.9}}))
    return first, str(copy)


def another_head(name: str, folder: Path) -> str:
    """A copy of a bundle with a trunk, in which the last genre's weights are those of the first one, and vice versa."""
    bundle = load_bundle(name)
    state = load(bundle.files[WEIGHTS_FILE])
    heads = {name: np.ascontiguousarray(values[::-1]) for name, values in state.items() if name.startswith("head.")}
    weights: dict[FileName, bytes] = {WEIGHTS_FILE: save(state | heads)}
    draft = Bundle(name, bundle.manifest, weights)
    golden = make_golden(draft, Predictor(draft, device="cpu"))
    return write_bundle(folder, bundle.manifest, weights, golden, bundle.files[CANARIES_FILE]).uri


def compare(bundles: tuple[str, str], tracks: Sequence[Track], rounds: int) -> dict[str, float]:
    """The figures of one pair."""
    workers = {way: Workers(chosen) for way, chosen in zip(WAYS, (bundles[:1], bundles[1:], bundles), strict=True)}
    found: dict[str, list[float]] = {way: [] for way in WAYS}
    for number in range(rounds + 1):
        for way in WAYS[:: 1 if number % 2 else -1]:
            cpu_s = workers[way].cpu_s(tracks)
            if number:  # the first one also pays for tables that are made once
                found[way].append(cpu_s)
    turns = list(zip(*(found[way] for way in WAYS), strict=True))
    over_first = [both / first for first, _, both in turns]
    return {
        **{way: round(median(values), 4) for way, values in found.items()},
        "over_first": round(median(over_first), 3),
        "least": round(min(over_first), 3),
        "most": round(max(over_first), 3),
        "over_sum": round(median(both / (first + second) for first, second, both in turns), 3),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--tracks", type=int, default=16)
    parser.add_argument("--pairs", nargs="+", default=["cheap,cheap", "default,default:head", "default,cheap"])
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        catalog(Path(folder) / "in", given.tracks, Encoding.MP3)
        listed = [Track(each.uri, each.uri, each.etag, each.size_bytes) for each in LocalStore().list(f"{folder}/in/")]
        pairs = {pair: pair_of(*pair.split(","), Path(folder)) for pair in given.pairs}
        figures = {name: compare(bundles, listed, given.rounds) for name, bundles in pairs.items()}
    print(json.dumps(figures, indent=1))
