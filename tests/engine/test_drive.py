"""A run whose actors are killed under it ends with the table of an unbroken run."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import audio_samples
import psutil
import pytest
import ray
from ray_workers import worker
from table_checks import comparable, rows

from genre_batch.catalog.shards import Batch, plan_shards
from genre_batch.config import JobConfig, ScoreConfig, load
from genre_batch.engine.cluster import Cluster
from genre_batch.engine.drive import Drive, Work
from genre_batch.engine.usage import Usage
from genre_batch.pipeline import score
from genre_batch.schedule.events import ActorLost, DeadlinePassed

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

TRACKS = 80


@pytest.fixture(scope="module")
def local_ray() -> Iterator[None]:
    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    yield
    ray.shutdown()


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("music")
    for number in range(TRACKS):
        sound = audio_samples.chirp(20, 44_100, seed=number)
        (folder / f"{number:03d}.wav").write_bytes(audio_samples.encode(sound, 44_100, "wav"))
    return folder


def settings(source: Path, output: Path) -> ScoreConfig:
    overrides = ["shard_tracks=8", "batch_tracks=4"]
    return load(ScoreConfig, None, overrides, {"source": str(source), "output": str(output)})


class Killer(threading.Thread):
    """Kills one actor of each kind, as soon as something is committed and the actor is at work."""

    def __init__(self, output: Path) -> None:
        super().__init__(daemon=True)
        self._output = output
        self.killed: list[str] = []

    def run(self) -> None:
        while not list(self._output.glob("_runs/*/commits/*.json")):
            time.sleep(0.01)
        for name in ("ray::ExtractFeatures", "ray::PredictGenres"):
            os.kill(worker(name).pid, signal.SIGKILL)
            self.killed.append(name)


def test_killed_actors_are_replaced_and_no_track_is_lost_or_doubled(
    local_ray: None, music: Path, tmp_path: Path
) -> None:
    unbroken = score(settings(music, tmp_path / "unbroken"))
    assert unbroken.scored == TRACKS
    killer = Killer(tmp_path / "broken")
    killer.start()
    report = score(settings(music, tmp_path / "broken"))
    assert killer.killed == ["ray::ExtractFeatures", "ray::PredictGenres"]
    assert (report.scored, report.rejected) == (TRACKS, 0)
    assert len(rows(tmp_path / "broken", "scores")) == TRACKS
    assert comparable(tmp_path / "broken", "scores") == comparable(tmp_path / "unbroken", "scores")


@pytest.mark.parametrize("end", [ActorLost(3, True, "its node has died"), DeadlinePassed(3)])
def test_what_was_sent_to_an_actor_is_forgotten_with_it(end: ActorLost | DeadlinePassed) -> None:
    work = Work(plan_shards(20, 10), 20, lambda start, stop: [], lambda *_: None, lambda *_: None)
    drive = Drive({}, JobConfig(), Cluster(2.0, 0.0, own=True), work, Usage())
    drive._sent |= {7: (3, Batch(0, 0, 5)), 8: (4, Batch(0, 5, 10)), 9: (3, Batch(1, 10, 15))}
    drive._note(end, None)
    assert drive._sent == {8: (4, Batch(0, 5, 10))}


def test_stdout_holds_one_object_whatever_ray_says_of_dead_workers(music: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "genre_batch.cli", "score", str(music), str(tmp_path), "--json"]
    command += ["--set", "shard_tracks=8", "--set", "batch_tracks=4"]
    driver = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not list(tmp_path.glob("_runs/*/commits/*.json")):
        assert driver.poll() is None
        time.sleep(0.01)
    os.kill(worker("ray::ExtractFeatures", psutil.Process(driver.pid)).pid, signal.SIGKILL)
    stdout, stderr = driver.communicate(timeout=120)
    assert driver.returncode == 0, stderr
    assert json.loads(stdout)["scored"] == TRACKS


def test_a_run_that_is_terminated_says_how_to_go_on(music: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "genre_batch.cli", "score", str(music), str(tmp_path), "--set", "shard_tracks=8"]
    driver = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not list(tmp_path.glob("_runs/*/commits/*.json")):
        assert driver.poll() is None
        time.sleep(0.01)
    driver.terminate()
    _, stderr = driver.communicate(timeout=60)
    assert driver.returncode == 130
    assert stderr.startswith("error: interrupted\nhint: start again")
