"""The training speed of a recipe: samples per second of the training loop and, on a GPU, its utilisation.

    python benchmarks/train.py [--recipe configs/train/short_cnn.yaml] [--tracks 400] [--epochs 10] [--set a.b=value]

The data is noise in the recipe's shape, 30 s per track, since the cost does not depend on the content. The first epoch
is a warm-up and does not count. Needs neither Ray nor audio. Prints one JSON object.
"""

import argparse
import json
import shutil
import subprocess
import threading
import time
from pathlib import Path
from typing import Self

import numpy as np
import torch

from genre_batch.config import load
from genre_batch.features.front_end import FrontEnd
from genre_batch.features.front_end_base import FramesFrontEnd
from genre_batch.training.feature_cache import Pieces
from genre_batch.training.fit import Optimisation
from genre_batch.training.recipe import Recipe, fit_model
from genre_batch.training.train_config import TrainConfig

DEFAULT = Path(__file__).parents[1] / "configs" / "train" / "short_cnn.yaml"
GENRES = 10
LENGTH_S = 30.0
SAMPLE_EVERY_S = 0.2
QUERY = ("nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits", "--id=0")


class Utilisation:
    """Samples the GPU's utilisation in percent, in a thread, within a `with` block."""

    def __init__(self) -> None:
        self.percent: list[float] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> Self:
        if torch.cuda.is_available() and shutil.which(QUERY[0]):
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._thread.ident is not None:
            self._thread.join()

    @property
    def mean_percent(self) -> float | None:
        """The mean over the samples; None without any, as on a CPU."""
        return round(float(np.mean(self.percent)), 1) if self.percent else None

    def _sample(self) -> None:
        while not self._over.wait(SAMPLE_EVERY_S):
            printed = subprocess.run(QUERY, capture_output=True, text=True, check=True).stdout
            self.percent.append(float(printed.splitlines()[0]))


def noise(front_end: FrontEnd, tracks: int) -> list[Pieces]:
    """The pieces of `tracks` tracks of 30 s."""
    rng = np.random.default_rng(0)
    rows, columns = front_end.segment_shape
    shape = (front_end.max_segments, rows, columns)
    if isinstance(front_end, FramesFrontEnd):
        shape = (1, rows, round(LENGTH_S * front_end.sample_rate / front_end.hop_length))
    return [rng.normal(size=shape).astype(front_end.dtype) for _ in range(tracks)]


def measure(config: TrainConfig, tracks: int, epochs: int) -> dict[str, object]:
    """The figures of a fit of `epochs` epochs after a warm-up epoch."""
    optimisation = (config.optimisation or Optimisation()).model_copy(update={"epochs": epochs + 1})
    recipe = Recipe(
        config.architecture, config.front_end, optimisation, [str(genre) for genre in range(GENRES)], config.standardise
    )
    ends_s: list[float] = []
    with Utilisation() as utilisation:
        model = fit_model(
            recipe,
            noise(config.front_end, tracks),
            np.arange(tracks) % GENRES,
            seed=0,
            progress=lambda *_: ends_s.append(time.monotonic()),
        )
    segments = min(optimisation.segments_per_track, config.front_end.max_segments)
    spent_s, cuda = ends_s[-1] - ends_s[0], torch.cuda.is_available()
    return {
        "recipe": config.name,
        "device": torch.cuda.get_device_name(0) if cuda else "cpu",
        "precision": "bf16" if cuda else "fp32",
        "threads": torch.get_num_threads(),
        "parameters": model.parameters,
        "batch_size": optimisation.batch_size,
        "segment": list(config.front_end.segment_shape),
        "samples_per_s": round(tracks * segments * epochs / spent_s, 1),
        "epoch_s": round(spent_s / epochs, 3),
        "gpu_utilisation_percent": utilisation.mean_percent,
        "gpu_memory_bytes": torch.cuda.max_memory_allocated() if cuda else None,
    }


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", default=str(DEFAULT))
    parser.add_argument("--tracks", type=int, default=400)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--set", action="append", default=[], dest="overrides", metavar="A.B=VALUE")
    arguments = parser.parse_args()
    config = load(TrainConfig, arguments.recipe, arguments.overrides, {"source": "noise", "output": "nowhere"})
    print(json.dumps(measure(config, arguments.tracks, arguments.epochs)))


if __name__ == "__main__":
    main()
