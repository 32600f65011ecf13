"""What a model costs on a CPU: `python -m genre_batch.model.cost BUNDLE` prints it as JSON.

In a process of its own, because it loads the libraries of the model, and some of them take all cores unless
`OMP_NUM_THREADS` is 1 when they are loaded.
"""

import json
import sys
import time
from collections.abc import Callable

import numpy as np

from genre_batch.model.bundle import Bundle, load_bundle
from genre_batch.model.golden import read_golden
from genre_batch.model.open_predictor import open_predictor

_TRACKS = 4
_REPEATS = 3


def cpu_s_per_track(bundle: Bundle) -> float:
    """CPU seconds that the model takes for a track of full length, on one core: the least of three measurements."""
    predictor = open_predictor(bundle, device="cpu")
    golden, per_track = read_golden(bundle).segments, bundle.manifest.front_end.max_segments
    segments = np.resize(golden, (_TRACKS * per_track, *golden.shape[1:]))
    predictor.logits(segments)
    return min(_timed(lambda: predictor.logits(segments)) for _ in range(_REPEATS)) / _TRACKS


def _timed(work: Callable[[], object]) -> float:
    start_s = time.process_time()
    work()
    return time.process_time() - start_s


if __name__ == "__main__":
    json.dump({"cpu_s_per_track": cpu_s_per_track(load_bundle(sys.argv[1]))}, sys.stdout)
