"""A run whose actors are killed under it ends with the table of an unbroken run."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import audio_samples
import pytest
import ray
from ray_workers import worker
from table_checks import comparable, rows

from genre_batch.config import ScoreConfig, load
from genre_batch.pipeline import score

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
