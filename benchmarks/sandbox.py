"""The cost of the sandbox: the same tracks decoded with and without the child process, in turns.

    python benchmarks/sandbox.py [--seconds 240] [--rounds 12] [--formats wav,mp3] [--bundle default]

Each round takes each file once in this process and once in the sandbox, in alternating order, with a different window
in each round. CPU seconds are those of all processes involved. Prints one JSON object: for each format and for all
together, the milliseconds of decoding and features per track, and the cost that the sandbox adds in per cent (lower
quartile, median and upper quartile over the rounds). "with_model" includes the bundle's model on both sides.
"""

import os

os.environ |= {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "NUMBA")}

import argparse
import io
import json
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field

import numpy as np
import psutil
from floor import least_ms, track

from genre_batch.catalog.track import Track
from genre_batch.demo.encode import Encoding
from genre_batch.features import sandbox_handler  # noqa: F401  its allocator settings for both sides
from genre_batch.features.front_end import FrontEnd
from genre_batch.features.sandboxed import SandboxedFrontEnd
from genre_batch.features.track_segments import extract_segments
from genre_batch.model.bundle import Bundle, load_bundle
from genre_batch.model.predictor import Predictor
from genre_batch.stages.stage import limit_threads
from genre_batch.storage.ranged_file import RangedFile

Work = Callable[[Track, bytes], int]


@dataclass
class Costs:
    """Milliseconds of each round, for all its tracks together."""

    cpu_ms: list[float] = field(default_factory=list)
    wall_ms: list[float] = field(default_factory=list)

    def add(self, work: Work, item: Track, data: bytes) -> None:
        """Do the work, and record its cost."""
        start_cpu_ms, start_ms = family_cpu_ms(), time.perf_counter() * 1000
        work(item, data)
        self.wall_ms.append(time.perf_counter() * 1000 - start_ms)
        self.cpu_ms.append(family_cpu_ms() - start_cpu_ms)


def family_cpu_ms() -> float:
    """CPU milliseconds of this process and its living descendants, by clock_getcpuclockid(3)."""
    processes = psutil.Process().children(recursive=True)
    return time.process_time() * 1000 + sum(time.clock_gettime(~child.pid << 3 | 2) for child in processes) * 1000


def works(front_end: FrontEnd, sandboxed: SandboxedFrontEnd) -> tuple[Work, Work]:
    """Functions that process one track in this process, and in the child."""

    def here(item: Track, data: bytes) -> int:
        view = memoryview(data)
        source = io.BufferedReader(RangedFile(lambda start, length: view[start : start + length], len(data)), 1 << 16)
        return len(extract_segments(source, len(data), item.track_id, front_end).segments)

    def child(item: Track, data: bytes) -> int:
        view = memoryview(data)
        return len(sandboxed.extract(item, lambda start, length: view[start : start + length]).segments)

    return here, child


def measure(data: bytes, pair: tuple[Work, Work], rounds: int) -> tuple[Costs, Costs]:
    """The costs in this process and in the child, by round. An extra first round is a warm-up."""
    costs = Costs(), Costs()
    for number in range(rounds + 1):
        item = Track(f"track {number}", "/track", "etag", len(data))
        order = (0, 1) if number % 2 else (1, 0)
        for side in order:
            (costs[side] if number else Costs()).add(pair[side], item, data)
    return costs


def summary(costs: tuple[Costs, Costs], model_ms: float) -> dict[str, float | list[float]]:
    """The figures of one format, or of all."""
    here, child = (np.array(side.cpu_ms) for side in costs)
    here_wall, child_wall = (np.array(side.wall_ms) for side in costs)
    return {
        "here_cpu_ms": round(float(np.median(here)), 2),
        "sandbox_cpu_ms": round(float(np.median(child)), 2),
        "added_cpu_percent": added(here, child),
        "added_wall_percent": added(here_wall, child_wall),
        "added_cpu_percent_with_model": added(here + model_ms, child + model_ms),
    }


def added(here: np.ndarray, child: np.ndarray) -> list[float]:
    """The added cost of the child in per cent: lower quartile, median and upper quartile over the rounds."""
    return [round(float(value), 1) for value in np.percentile(100.0 * (child / here - 1.0), (25, 50, 75))]


def together(table: list[tuple[Costs, Costs]]) -> tuple[Costs, Costs]:
    """The costs of all formats together, by round."""
    return tuple(
        Costs(
            list(np.sum([pair[side].cpu_ms for pair in table], axis=0)),
            list(np.sum([pair[side].wall_ms for pair in table], axis=0)),
        )
        for side in (0, 1)
    )


def model_ms_a_track(bundle: Bundle, segments: int) -> float:
    """CPU milliseconds of the model per track of `segments` segments, in batches of at least 64."""
    predictor = Predictor(bundle, device="cpu", precision="fp32")
    tracks = -(-64 // segments)
    rows = np.zeros((tracks * segments, *bundle.manifest.front_end.segment_shape), bundle.manifest.front_end.dtype)
    return least_ms(3, lambda: predictor.logits(rows))[0] / tracks


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=240.0)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--formats", default=",".join(encoding.name.lower() for encoding in Encoding))
    parser.add_argument("--bundle", default="default")
    given = parser.parse_args()
    limit_threads()
    bundle = load_bundle(given.bundle)
    front_end = bundle.manifest.front_end
    table: dict[str, tuple[Costs, Costs]] = {}
    with closing(SandboxedFrontEnd(front_end, deadline_s=60.0)) as sandboxed:
        pair = works(front_end, sandboxed)
        for name in given.formats.split(","):
            data = track(Encoding[name.upper()], given.seconds)
            table[name] = measure(data, pair, given.rounds)
        segments = pair[0](Track("track", "/track", "etag", len(data)), data)
    model_ms = model_ms_a_track(bundle, segments)
    report = {name: summary(costs, model_ms) for name, costs in table.items()}
    report["all"] = summary(together(list(table.values())), model_ms * len(table))
    print(json.dumps({"rounds": given.rounds, "model_cpu_ms": round(model_ms, 2)} | report, indent=1))


if __name__ == "__main__":
    main()
