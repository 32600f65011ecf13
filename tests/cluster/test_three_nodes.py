"""A submitted job on a head without CPUs and workers, of which one is warned as spot machines are, and one killed."""

import json
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Literal
from urllib.request import urlopen

import audio_samples
import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families
from submitted_jobs import ROOT, Head, actors_on, head_node, kill_node, submit_command, worker_node
from table_checks import rows

from genre_batch.verify.verification import verify
from genre_batch.verify.verify_config import VerifyConfig

pytestmark = [pytest.mark.faults, pytest.mark.timeout(590)]

TRACKS = 300
DISTINCT = 8
ACTORS = {"ray::ExtractFeatures", "ray::PredictGenres", "ray::Fused"}


@pytest.fixture
def head() -> Iterator[Head]:
    # a short path, because Ray's sockets lie below it
    with (
        tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as folder,
        head_node(Path(folder), cpus=0) as node,
    ):
        yield node


def settings(source: Path, output: Path, *more: str) -> list[str]:
    found = [f"source={source}", f"output={output}", "shard_tracks=10", "batch_tracks=2", *more]
    return [word for setting in found for word in ("--set", setting)]


def run_value(head: Head, name: str) -> float:
    """The sum of a metric of the run, as Prometheus reads it from the node of the driver."""
    with urlopen(head.metrics, timeout=30) as page:
        families = text_string_to_metric_families(page.read().decode())
    return sum(sample.value for family in families for sample in family.samples if sample.name == f"ray_{name}")


def test_a_job_survives_a_warned_node_and_a_killed_one(head: Head, tmp_path: Path) -> None:
    music, output = tmp_path / "in", tmp_path / "out"
    music.mkdir()
    sounds = [audio_samples.chirp(30, 44_100, seed=number) for number in range(DISTINCT)]
    encoded = [audio_samples.encode(sound, 44_100, "mp3") for sound in sounds]
    for number in range(TRACKS):
        (music / f"{number:03d}.mp3").write_bytes(encoded[number % DISTINCT])
    arguments = ["python", str(ROOT / "jobs" / "score.py"), *settings(music, output), "--json"]
    on_head: set[str] = set()
    most_exported = 0.0

    def committed(shards: int) -> bool:
        on_head.update(ACTORS & actors_on(head.process))
        return len(list(output.glob("_runs/*/commits/*.json"))) >= shards

    with ExitStack() as nodes:
        workers = [nodes.enter_context(worker_node(head, cpus=2)) for _ in range(3)]
        command = submit_command(head, *arguments)
        with subprocess.Popen(command, cwd=ROOT, env=head.environment, stdout=subprocess.PIPE, text=True) as job:
            warned = wait_for(lambda: committed(2) and with_actors(workers), job)
            warned.terminate()
            workers.remove(warned)
            kill_node(wait_for(lambda: committed(6) and with_actors(workers), job))
            while job.poll() is None:
                committed(0)
                most_exported = max(most_exported, run_value(head, "genre_batch_tracks_total"))
                time.sleep(0.2)
            printed = job.communicate()[0]
    assert job.returncode == 0, printed
    report = next(json.loads(line) for line in printed.splitlines() if line.startswith("{"))
    assert (report["listed"], report["scored"], report["rejected"]) == (TRACKS, TRACKS, 0)
    assert len({row["track_id"] for row in rows(output, "scores")}) == len(rows(output, "scores")) == TRACKS
    assert not verify(VerifyConfig(output=str(output))).damage
    assert not on_head
    assert 0 < most_exported <= TRACKS


def test_the_exit_code_of_the_job_is_that_of_the_command(head: Head, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "notes.mp3").write_text("no music")
    with worker_node(head, cpus=2):
        job = ["python", str(ROOT / "jobs" / "score.py"), *settings(tmp_path / "in", tmp_path / "out")]
        done = subprocess.run(
            submit_command(head, *job), env=head.environment, capture_output=True, text=True, check=False
        )
    assert done.returncode == 1
    assert "exit code 3" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def with_actors(nodes: list[psutil.Process]) -> psutil.Process | None:
    """The first node that runs an actor of the job."""
    return next((node for node in nodes if ACTORS & actors_on(node)), None)


def wait_for(
    found: Callable[[], psutil.Process | Literal[False] | None], job: "subprocess.Popen[str]"
) -> psutil.Process:
    """Wait until `found` finds a node, and return it. Fails if the job ends before."""
    while not (node := found()):
        assert job.poll() is None, job.communicate()[0]
        time.sleep(0.2)
    return node
