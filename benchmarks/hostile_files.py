"""The cost of files that crash or hang the decoder, measured on the same tracks with and without them.

    python benchmarks/hostile_files.py [--tracks 1000] [--seconds 240] [--crash 0.01] [--hang 0.005]

The crashes are real: a test handler kills its own process with SIGSEGV, or loops forever, if the file begins with a
certain prefix, and otherwise runs the front end with default settings. Prints one JSON object: CPU and wall seconds of
the clean and of the hostile tracks (in the order half clean, all hostile, half clean, so that a busy machine slows
both), the added cost in per cent, and the outcomes.
"""

import os

os.environ |= {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "NUMBA")}

import argparse
import json
import sys
import time
from collections import Counter
from pathlib import Path

from floor import track

from genre_batch.catalog.reject import TrackRejected
from genre_batch.demo.encode import Encoding
from genre_batch.features.front_end_wire import pack_request, unpack_segments
from genre_batch.features.front_ends.log_mel import LogMelFrontEnd
from genre_batch.sandbox.sandbox import Sandbox

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
FRONT_END = LogMelFrontEnd()
MARKS = {"crash": b"!CRASH", "hang": b"!HANG!"}


def outcome(box: Sandbox, number: int, data: bytes) -> str:
    """`scored`, or the reason of the reject."""
    try:
        answer = box.call(
            pack_request(f"track {number}", FRONT_END),
            lambda start, length: memoryview(data)[start : start + length],
            len(data),
        )
        unpack_segments(answer, FRONT_END)
    except TrackRejected as rejected:
        return rejected.reject.reason
    return "scored"


def tracks(files: list[bytes], count: int, rates: dict[str, float]) -> list[bytes]:
    """`count` tracks that cycle through all formats, with killers at even distances."""
    chosen = [files[number % len(files)] for number in range(count)]
    for offset, (name, rate) in enumerate(rates.items()):
        killers = round(rate * count)
        for killer in range(killers):
            place = int((killer + 0.3 * (offset + 1)) * count / killers)
            chosen[place] = MARKS[name] + chosen[place]
    return chosen


def passed(box: Sandbox, chosen: list[bytes], outcomes: Counter[str]) -> tuple[float, float]:
    """CPU seconds and wall seconds of these tracks; their outcomes are added to `outcomes`."""
    start_cpu_s, start_s = time.process_time() + box.cpu_s, time.perf_counter()
    for number, data in enumerate(chosen):
        outcomes[outcome(box, number, data)] += 1
    return time.process_time() + box.cpu_s - start_cpu_s, time.perf_counter() - start_s


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tracks", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=240.0)
    parser.add_argument("--crash", type=float, default=0.01)
    parser.add_argument("--hang", type=float, default=0.005)
    given = parser.parse_args()
    files = [track(encoding, given.seconds) for encoding in Encoding]
    clean = tracks(files, given.tracks, {})
    hostile = tracks(files, given.tracks, {"crash": given.crash, "hang": given.hang})
    outcomes: dict[str, Counter[str]] = {"clean": Counter(), "hostile": Counter()}
    spent = {"clean": [0.0, 0.0], "hostile": [0.0, 0.0]}
    half = given.tracks // 2
    with Sandbox("killing_handler:handle", deadline_s=60.0, stall_s=FRONT_END.stall_s) as box:
        passed(box, files, Counter())
        for name, part in (
            *(("clean", clean[:half]), ("hostile", hostile[:half])),
            *(("hostile", hostile[half:]), ("clean", clean[half:])),
        ):
            spent[name] = [a + b for a, b in zip(spent[name], passed(box, part, outcomes[name]), strict=True)]
    added = [round(100.0 * (b / a - 1.0), 1) for a, b in zip(spent["clean"], spent["hostile"], strict=True)]
    report = {name: dict(zip(("cpu_s", "wall_s"), seconds, strict=True)) for name, seconds in spent.items()}
    print(json.dumps(report | {"added_percent": dict(zip(("cpu", "wall"), added, strict=True)), "outcomes": outcomes}))


if __name__ == "__main__":
    main()
