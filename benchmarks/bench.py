"""The figures of the job and of its stages, beside their aims and what they are measured against.

    python benchmarks/bench.py [--only peers,log_mel] [--json]

Runs the other benchmarks one after the other, small, and prints one table in Markdown, or JSON. A figure is a ratio or
a rate of one run, so that other machines can compare it. Exit code 1 where a benchmark failed; a missed aim is none.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
Json = dict[str, "Json"] | list["Json"] | float | str


@dataclass(frozen=True)
class Figure:
    """One row. value: finds it in what the benchmark printed. at_least: which side of the aim is the good one."""

    name: str
    against: str
    value: Callable[[Json], float]
    aim: float
    at_least: bool = True


@dataclass(frozen=True)
class Bench:
    """A benchmark, how it is called to be short, and what is taken from it."""

    script: str
    arguments: tuple[str, ...]
    figures: tuple[Figure, ...]


def at(*path: str) -> Callable[[Json], float]:
    """Finds a value by its keys."""

    def find(found: Json) -> float:
        for key in path:
            assert isinstance(found, dict)
            found = found[key]
        assert isinstance(found, float | int)
        return float(found)

    return find


def _formats(key: str, aim: float, against: str) -> tuple[Figure, ...]:
    names = ("wav", "aiff", "flac", "mp3_cbr", "vorbis", "aac_index_first")
    return tuple(Figure(f"{key}, {name}", against, at(name, key), aim, at_least=False) for name in names)


BENCHES = (
    Bench(
        "pipeline.py",
        ("--tracks", "400"),
        (
            Figure("floor / core-seconds of the job", "sum of its stages", at("throughput_ratio"), 0.85),
            Figure("floor / its CPU, but for the start", "sum of its stages", at("cpu_ratio_marginal"), 0.85),
        ),
    ),
    Bench(
        "peers.py",
        ("--tracks", "12"),
        (
            Figure("tracks/s of the job", "Ray Data, librosa, torch", at("over_ray_data_whole"), 15.0),
            Figure("tracks/s of the job", "the same, window alone decoded", at("over_ray_data_window"), 6.0),
            Figure("tracks/s of the job", "two processes, librosa, torch", at("over_process_pool"), 2.0),
        ),
    ),
    Bench(
        "scaling.py",
        ("--tracks", "120"),
        (
            Figure("two extract actors", "one", at("speed_up"), 1.8),
            Figure("seconds to the first commit", "after Ray's start", at("first_commit_s"), 10.0, at_least=False),
        ),
    ),
    Bench(
        "log_mel.py",
        (),
        (
            Figure("log-mel, 1024/256", "librosa", at("synthesised metal", "1024/256", "ratio"), 0.3, at_least=False),
            Figure("log-mel, 2048/512", "librosa", at("synthesised metal", "2048/512", "ratio"), 0.3, at_least=False),
        ),
    ),
    Bench("window_decode.py", ("--repeats", "3"), _formats("ratio", 0.5, "librosa.load; AAC: PyAV")),
    Bench("bytes_read.py", (), _formats("share_read", 0.25, "the object's size")),
    Bench(
        "cnn.py",
        ("--recipe", "mel_cnn", "short_cnn", "--repeats", "3"),
        tuple(
            Figure(f"{recipe}, {runtime}", "eager torch", at(recipe, runtime, "ratio_to_eager"), 0.35, at_least=False)
            for recipe in ("mel_cnn", "short_cnn")
            for runtime in ("torch", "onnx")
        ),
    ),
    Bench(
        "s3_latency.py",
        ("--tracks", "40", "--pairs", "1"),
        (Figure("tracks/s with 50 ms a request", "without", at("ratio"), 0.9),),
    ),
    Bench(
        "listing.py",
        ("--tracks", "1000000"),
        (
            Figure("keys listed a second", "endpoint on the same cores", at("keys_a_s"), 50_000.0),
            Figure("MB of the driver, a million keys", "", at("driver_peak_mb"), 500.0, at_least=False),
        ),
    ),
    Bench("shard_commit.py", (), (Figure("MB of a file of the table, at scale", "", at("file_mb"), 32.0),)),
)


def rows(names: set[str]) -> Iterator[tuple[Figure, float | None]]:
    """Each figure, as its benchmark is done; None where that failed."""
    for bench in BENCHES:
        if names and bench.script.removesuffix(".py") not in names:
            continue
        sys.stderr.write(f"{bench.script}\n")
        command = [sys.executable, str(HERE / bench.script), *bench.arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.stderr.write(done.stderr[-2000:])
        for figure in bench.figures:
            yield figure, figure.value(json.loads(done.stdout)) if done.returncode == 0 else None


def as_dict(figure: Figure, value: float | None) -> dict[str, str | float | bool | None]:
    """A row of the JSON answer."""
    met = None if value is None else value >= figure.aim if figure.at_least else value <= figure.aim
    aim = f"{'at least' if figure.at_least else 'at most'} {figure.aim:g}"
    return {"figure": figure.name, "against": figure.against, "measured": value, "aim": aim, "met": met}


def markdown(table: list[dict[str, str | float | bool | None]]) -> str:
    """The rows as a table."""
    lines = ["| figure | against | measured | aim | met |", "|---|---|---|---|---|"]
    for row in table:
        measured = row["measured"]
        told = "failed" if measured is None else f"{measured:,.3g}" if float(measured) < 1000 else f"{measured:,.0f}"
        met = {True: "yes", False: "no", None: ""}[row["met"]]  # type: ignore[index]
        lines.append(f"| {row['figure']} | {row['against']} | {told} | {row['aim']} | {met} |")
    return "\n".join(lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    found = [as_dict(*row) for row in rows(set(filter(None, given.only.split(","))))]
    print(json.dumps(found, indent=1) if given.json else markdown(found))
    sys.exit(any(row["measured"] is None for row in found))
