"""What the child process around the decoders costs: the same tracks with and without it, in turn, in one run.

    python benchmarks/sandbox.py [--seconds 240] [--rounds 12] [--formats wav,mp3] [--bundle default]

A round takes each file once here and once through the sandbox, first the one, then the other in every second round, and
gives each round another window. CPU seconds are those of all processes involved, as the kernel counts them. Prints one
JSON object: for each format and over all of them the milliseconds of decoding and features a track, and what the
sandbox adds to them in per cent: the median over the rounds, with its quartiles; "with_model" is the same with the
bundle's model on this CPU added to both sides.
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

from genre_batch.actors.threads import limit_threads
from genre_batch.catalog.track import Track
from genre_batch.decode.ranged_file import RangedFile
from genre_batch.demo.encode import Encoding
from genre_batch.features import sandbox_handler  # noqa: F401  its allocator settings for both sides
from genre_batch.features.extract import extract_segments
from genre_batch.features.front_end import FrontEnd
from genre_batch.features.sandboxed import SandboxedFrontEnd
from genre_batch.model.bundle import Bundle, load_bundle
from genre_batch.model.predictor import Predictor

Work = Callable[[Track, bytes], int]


@dataclass
class Costs:
    """Milliseconds a round took, for all its tracks together."""

    cpu_ms: list[float] = field(default_factory=list)
    wall_ms: list[float] = field(default_factory=list)

    def add(self, work: Work, item: Track, data: bytes) -> None:
        """Do the work and note what it took."""
        start_cpu_ms, start_ms = family_cpu_ms(), time.perf_counter() * 1000
        work(item, data)
        self.wall_ms.append(time.perf_counter() * 1000 - start_ms)
        self.cpu_ms.append(family_cpu_ms() - start_cpu_ms)


def family_cpu_ms() -> float:
    """CPU milliseconds of this process and of all below it that are alive, by clock_getcpuclockid(3)."""
    processes = psutil.Process().children(recursive=True)
    return time.process_time() * 1000 + sum(time.clock_gettime(~child.pid << 3 | 2) for child in processes) * 1000


def works(front_end: FrontEnd, sandboxed: SandboxedFrontEnd) -> tuple[Work, Work]:
    """The work on one track in this process, and in the child."""

    def here(item: Track, data: bytes) -> int:
        view = memoryview(data)
        source = io.BufferedReader(RangedFile(lambda start, length: view[start : start + length], len(data)), 1 << 16)
        return len(extract_segments(source, len(data), item.track_id, front_end).segments)

    def child(item: Track, data: bytes) -> int:
        view = memoryview(data)
        return len(sandboxed.extract(item, lambda start, length: view[start : start + length]).segments)

    return here, child


def measure(data: bytes, pair: tuple[Work, Work], rounds: int) -> tuple[Costs, Costs]:
    """The costs here and in the child, round by round."""
    costs = Costs(), Costs()
    for number in range(rounds + 1):
        item = Track(f"track {number}", "/track", "etag", len(data))
        order = (0, 1) if number % 2 else (1, 0)
        for side in order:
            (costs[side] if number else Costs()).add(pair[side], item, data)
    return costs


def summary(costs: tuple[Costs, Costs], model_ms: float) -> dict[str, float | list[float]]:
    """What is told of one format, or of all."""
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
    """Per cent more in the child, as lower quartile, median and upper quartile over the rounds."""
    return [round(float(value), 1) for value in np.percentile(100.0 * (child / here - 1.0), (25, 50, 75))]


def together(table: list[tuple[Costs, Costs]]) -> tuple[Costs, Costs]:
    """The sum of all formats, round by round."""
    return tuple(
        Costs(
            list(np.sum([pair[side].cpu_ms for pair in table], axis=0)),
            list(np.sum([pair[side].wall_ms for pair in table], axis=0)),
        )
        for side in (0, 1)
    )


def model_ms_a_track(bundle: Bundle, segments: int) -> float:
    """CPU milliseconds of the model for one track of so many segments, in batches of 64 and more."""
    predictor = Predictor(bundle, device="cpu", precision="fp32")
    tracks = -(-64 // segments)
    rows = np.zeros((tracks * segments, *bundle.manifest.front_end.segment_shape), bundle.manifest.front_end.dtype)
    return least_ms(3, lambda: predictor.logits(rows))[0] / tracks


def main() -> None:
    """Print what the module says."""
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
