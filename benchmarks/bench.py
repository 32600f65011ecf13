"""The main figures of the job and its stages, with their targets and baselines.

    python benchmarks/bench.py [--only peers,log_mel] [--json]

Runs short versions of the other benchmarks one after another, and prints a Markdown table or JSON. Figures are mostly
ratios within one run, so that they are comparable between machines. Exits with code 1 if a benchmark failed, but not if
a target was missed.
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
    """One row. value: extracts it from the benchmark's JSON. at_least: the aim is a minimum, else a maximum."""

    name: str
    against: str
    value: Callable[[Json], float]
    aim: float
    at_least: bool = True


@dataclass(frozen=True)
class Bench:
    """A benchmark, the arguments of its short version, and the figures to extract."""

    script: str
    arguments: tuple[str, ...]
    figures: tuple[Figure, ...]


def at(*path: str) -> Callable[[Json], float]:
    """A function that looks up the value at `path`."""

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
            Figure("floor / its CPU, without start-up", "sum of its stages", at("cpu_ratio_marginal"), 0.85),
        ),
    ),
    Bench(
        "peers.py",
        ("--tracks", "12"),
        (
            Figure("tracks/s of the job", "Ray Data, librosa, torch", at("over_ray_data_whole"), 15.0),
            Figure("tracks/s of the job", "the same, decoding only the window", at("over_ray_data_window"), 6.0),
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
        "start.py",
        (),
        (
            Figure("seconds of --help", "", at("seconds", "help"), 0.3, at_least=False),
            Figure("seconds of 60 tracks in all", "", at("seconds", "first night"), 12.0, at_least=False),
            Figure("seconds of a night without work", "", at("seconds", "night without work"), 3.0, at_least=False),
        ),
    ),
    Bench(
        "log_mel.py",
        (),
        (
            Figure("log-mel, 1024/256", "librosa", at("synthesised grind", "1024/256", "ratio"), 0.3, at_least=False),
            Figure("log-mel, 2048/512", "librosa", at("synthesised grind", "2048/512", "ratio"), 0.3, at_least=False),
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
        (Figure("tracks/s with 50 ms per request", "without", at("ratio"), 0.9),),
    ),
    Bench(
        "listing.py",
        ("--tracks", "1000000"),
        (
            Figure("keys listed per second", "endpoint on the same cores", at("keys_a_s"), 50_000.0),
            Figure("peak MB of the driver, 1 million keys", "", at("driver_peak_mb"), 500.0, at_least=False),
        ),
    ),
    Bench("shard_commit.py", (), (Figure("MB of a table file in a large catalog", "", at("file_mb"), 32.0),)),
)


def rows(names: set[str]) -> Iterator[tuple[Figure, float | None]]:
    """Each figure with its value, as soon as its benchmark has finished; None if the benchmark failed."""
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
    """A row of the JSON output."""
    met = None if value is None else value >= figure.aim if figure.at_least else value <= figure.aim
    aim = f"{'at least' if figure.at_least else 'at most'} {figure.aim:g}"
    return {"figure": figure.name, "against": figure.against, "measured": value, "aim": aim, "met": met}


def markdown(table: list[dict[str, str | float | bool | None]]) -> str:
    """The rows as a Markdown table."""
    lines = ["| figure | against | measured | aim | met |", "|---|---|---|---|---|"]
    for row in table:
        measured = row["measured"]
        value = "failed" if measured is None else f"{measured:,.3g}" if float(measured) < 1000 else f"{measured:,.0f}"
        met = {True: "yes", False: "no", None: ""}[row["met"]]  # type: ignore[index]
        lines.append(f"| {row['figure']} | {row['against']} | {value} | {row['aim']} | {met} |")
    return "\n".join(lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    found = [as_dict(*row) for row in rows(set(filter(None, given.only.split(","))))]
    print(json.dumps(found, indent=1) if given.json else markdown(found))
    sys.exit(any(row["measured"] is None for row in found))
