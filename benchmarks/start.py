"""Where the seconds go from `genre-batch` to the prompt: help, a first night of a few tracks, and a night without work.

    python benchmarks/start.py [--tracks 60]

The first night scores synthetic 4-minute MP3 files on a Ray of its own. Its phases are measured in the driver, whose
functions are wrapped; they follow each other, so their sum is the wall time. Each command runs with
PYTHONDONTWRITEBYTECODE=1, as in many images.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipeline import catalog

from genre_batch.demo.encode import Encoding

AIMS_S = {"help": 0.3, "first night": 12.0, "night without work": 3.0}
_COMMAND = [sys.executable, "-m", "genre_batch"]


def timed(arguments: list[str]) -> float:
    """Wall seconds of one command of the program."""
    environment = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    started_s = time.monotonic()
    subprocess.run(arguments, env=environment | {"PYTHONDONTWRITEBYTECODE": "1"}, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - started_s


def phases_of(source: str, output: str, file: Path) -> None:
    """Score in this process, and write the seconds of each phase to `file`. Times nothing before Python's own start."""
    spent_s: dict[str, float] = {}
    since_s = [time.monotonic()]

    def lap(phase: str) -> None:
        now_s = time.monotonic()
        spent_s[phase] = spent_s.get(phase, 0.0) + now_s - since_s[0]
        since_s[0] = now_s

    def measured(owner: Any, name: str, before: str, phase: str) -> None:
        inner: Callable[..., object] = getattr(owner, name)

        def outer(*args: object, **kwargs: object) -> object:
            lap(before)
            try:
                return inner(*args, **kwargs)
            finally:
                lap(phase)

        setattr(owner, name, outer)

    from genre_batch import pipeline
    from genre_batch.config import ScoreConfig, load
    from genre_batch.engine import cluster
    from genre_batch.engine.first_actors import FirstActors
    from genre_batch.engine.run_loop import RunLoop

    lap("import")
    measured(cluster, "_connect", "check, list", "start Ray")
    measured(FirstActors, "start", "check, list", "start the first actors")
    measured(RunLoop, "run", "plan", "score")
    measured(pipeline, "write_manifest", "stop Ray", "manifest")
    pipeline.score(load(ScoreConfig, None, (), {"source": source, "output": output}))
    lap("manifest")
    file.write_text(json.dumps(spent_s))


def measure(tracks: int) -> dict[str, object]:
    """The seconds of each command, and those of the phases of a first night."""
    with tempfile.TemporaryDirectory() as folder:
        source, output, phases = (Path(folder) / name for name in ("music", "out", "phases.json"))
        catalog(source, tracks, Encoding.MP3)
        timed([*_COMMAND, "--help"])
        seconds = {"help": timed([*_COMMAND, "--help"])}
        seconds["first night"] = timed([*_COMMAND, "score", str(source), str(output), "-q"])
        seconds["night without work"] = timed([*_COMMAND, "score", str(source), str(output), "-q"])
        timed([sys.executable, __file__, "--phases", str(source), str(Path(folder) / "again"), str(phases)])
        return {
            "tracks": tracks,
            "seconds": {name: round(value, 2) for name, value in seconds.items()},
            "aims": AIMS_S,
            "phases_s": {name: round(value, 2) for name, value in json.loads(phases.read_text()).items()},
        }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tracks", type=int, default=60)
    parser.add_argument("--phases", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.phases:
        phases_of(given.phases[0], given.phases[1], Path(given.phases[2]))
    else:
        print(json.dumps(measure(given.tracks), indent=1))
