"""The minimum cost of a track: each stage on one core, for each format.

    python benchmarks/floor.py [--seconds 240] [--repeats 5] [--bundle default]

Prints one JSON object with the CPU milliseconds of each stage (the least of the repeats), without Ray, storage or child
processes.
"""

import os

os.environ |= {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "NUMBA")}

import argparse
import io
import json
import time
from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

import numpy as np
import torch

from genre_batch.decode.decoder import decode_window
from genre_batch.decode.waveform import resample
from genre_batch.demo.encode import Encoding, encode
from genre_batch.demo.synthesis import synthesise
from genre_batch.model.bundle import Bundle, load_bundle
from genre_batch.model.predictor import Predictor

SAMPLE_RATE = 44_100
STAGES = ("decode", "resample", "features", "model")
Result = TypeVar("Result")


@lru_cache(maxsize=16)
def track(encoding: Encoding, duration_s: float, seed: int = 1) -> bytes:
    """An encoded, synthesised stereo track; Opus at 48 kHz, the others at 44.1 kHz."""
    sample_rate = 48_000 if encoding is Encoding.OPUS else SAMPLE_RATE
    return encode(synthesise("grind", seed, duration_s, sample_rate), sample_rate, encoding)


def stage_costs_ms(data: bytes, bundle: Bundle, repeats: int) -> dict[str, float]:
    """CPU milliseconds of each stage for one track."""
    front_end = bundle.manifest.front_end
    predictor = Predictor(bundle, device="cpu", precision="fp32")
    decode_ms, waveform = least_ms(
        repeats, lambda: decode_window(io.BytesIO(data), len(data), "track", front_end.window)
    )
    resample_ms, samples = least_ms(
        repeats, lambda: resample(waveform.samples, waveform.sample_rate, front_end.sample_rate)
    )
    features_ms, segments = least_ms(repeats, lambda: front_end.segments(samples))
    tracks = -(-64 // len(segments))
    full = np.concatenate([segments] * tracks)
    model_ms, _ = least_ms(repeats, lambda: predictor.logits(full))
    return dict(zip(STAGES, (decode_ms, resample_ms, features_ms, model_ms / tracks), strict=True))


def least_ms(repeats: int, stage: Callable[[], Result]) -> tuple[float, Result]:
    """The least CPU time of `repeats` calls after a warm-up call, and the result of the last one."""
    result = stage()
    times_s = []
    for _ in range(repeats):
        start_s = time.process_time()
        result = stage()
        times_s.append(time.process_time() - start_s)
    return min(times_s) * 1000, result


def floor(duration_s: float, repeats: int, bundle_uri: str, encodings: list[Encoding]) -> dict[str, dict[str, float]]:
    """Stage costs and their sum for each encoding."""
    torch.set_num_threads(1)
    bundle = load_bundle(bundle_uri)
    table = {}
    for encoding in encodings:
        costs = stage_costs_ms(track(encoding, duration_s), bundle, repeats)
        table[encoding.name.lower()] = {
            name: round(ms, 2) for name, ms in (costs | {"sum": sum(costs.values())}).items()
        }
    return table


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=240.0)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--bundle", default="default")
    given = parser.parse_args()
    print(json.dumps({"cpu_ms_a_track": floor(given.seconds, given.repeats, given.bundle, list(Encoding))}, indent=1))
