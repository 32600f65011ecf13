"""A run whose actors are killed under it ends with the table of an unbroken run."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import audio_samples
import psutil
import pytest
from ray_workers import worker
from table_checks import comparable, rows
from two_stages import to_extract

from genre_batch.catalog.work_units import Batch, plan_parts
from genre_batch.config import JobConfig, ScoreConfig, load
from genre_batch.engine.cluster import Cluster
from genre_batch.engine.run_loop import RunLoop, suitable_lanes
from genre_batch.engine.usage import Usage
from genre_batch.engine.workload import Workload
from genre_batch.features.front_ends.descriptors import DescriptorFrontEnd
from genre_batch.pipeline import features_flow, score
from genre_batch.schedule.events import ActorLost, ActorReady, DeadlinePassed, Send

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

TRACKS = 80
DISTINCT = 8
PLACEMENTS = {"separate": ["ray::ExtractFeatures", "ray::PredictGenres"], "fused": ["ray::Fused"]}


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("music")
    sounds = [audio_samples.chirp(20, 44_100, seed=number) for number in range(DISTINCT)]
    contents = [audio_samples.encode(sound, 44_100, "wav") for sound in sounds]
    for number in range(TRACKS):
        (folder / f"{number:03d}.wav").write_bytes(contents[number % DISTINCT])
    return folder


def settings(source: Path, output: Path, placement: str) -> ScoreConfig:
    overrides = ["bundle=cheap", "shard_tracks=8", "batch_tracks=4", f"predict.placement={placement}"]
    return load(ScoreConfig, None, overrides, {"source": str(source), "output": str(output)})


class Killer(threading.Thread):
    """Kills one actor of each kind, as soon as something is committed and the actor is at work."""

    def __init__(self, output: Path, names: Sequence[str]) -> None:
        super().__init__(daemon=True)
        self._output, self._names = output, names
        self.killed: list[str] = []

    def run(self) -> None:
        while not list(self._output.glob("_runs/*/commits/*.json")):
            time.sleep(0.01)
        for name in self._names:
            os.kill(worker(name).pid, signal.SIGKILL)
            self.killed.append(name)


@pytest.fixture(scope="module")
def unbroken(local_ray: None, music: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("unbroken")
    assert score(settings(music, output, "separate")).scored == TRACKS
    return output


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_killed_actors_are_replaced_and_no_track_is_lost_or_doubled(
    placement: str, unbroken: Path, music: Path, tmp_path: Path
) -> None:
    killer = Killer(tmp_path, PLACEMENTS[placement])
    killer.start()
    report = score(settings(music, tmp_path, placement))
    assert killer.killed == PLACEMENTS[placement]
    assert (report.scored, report.rejected) == (TRACKS, 0)
    assert len(rows(tmp_path, "scores")) == TRACKS
    assert comparable(tmp_path, "scores") == comparable(unbroken, "scores")


@pytest.mark.parametrize("end", [ActorLost(3, True, "its node has died"), DeadlinePassed(3)])
def test_what_was_sent_to_an_actor_is_forgotten_with_it(end: ActorLost | DeadlinePassed) -> None:
    cluster = Cluster(2.0, 0.0, own=True)
    workload = Workload(plan_parts(20, 10), 20, 32, lambda start, stop: [], lambda *_: None, lambda *_: None)
    loop = RunLoop(features_flow(DescriptorFrontEnd(), JobConfig()), cluster, workload, Usage())
    kept = to_extract(8, 4, Batch(0, 5, 10))
    loop._sent |= {7: to_extract(7, 3, Batch(0, 0, 5)), 8: kept, 9: to_extract(9, 3, Batch(1, 10, 15))}
    loop._note(end, None)
    assert loop._sent == {8: kept}


def test_the_wait_for_actors_ends_once_every_stage_has_one(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[str] = []
    workload = Workload(
        plan_parts(20, 10), 20, 32, lambda start, stop: [], lambda *_: None, lambda *_: None, waits.append
    )
    loop = RunLoop(features_flow(DescriptorFrontEnd(), JobConfig()), Cluster(2.0, 0.0, own=True), workload, Usage())
    for ready in ([0, 0], [1, 0], [1, 1], [0, 1], [1, 1]):
        monkeypatch.setattr(loop._actors, "ready", ready.__getitem__)
        loop._note_start()
        assert waits == ([""] if ready == [1, 1] or waits else [])


@pytest.mark.parametrize(("given", "first", "later"), [(None, 32, 64), (16, 16, 16), (200, 200, 200)])
def test_batches_adapt_to_what_calls_take_unless_their_size_is_given(given: int | None, first: int, later: int) -> None:
    parts = plan_parts(10**6, 1000)
    workload = Workload(parts, 10**6, given, lambda start, stop: [], lambda *_: None, lambda *_: None)
    loop = RunLoop(features_flow(DescriptorFrontEnd(), JobConfig()), Cluster(2.0, 0.0, own=True), workload, Usage())
    loop._resize_batches()
    assert loop._batch_tracks == first
    loop._batch_size.note(32, 0.32)
    loop._resize_batches()
    sent = [c for c in loop._coordinator.handle(ActorReady(0, 0)) if isinstance(c, Send)]
    assert [each.batch.stop - each.batch.start for each in sent] == pytest.approx([later] * 2, abs=2)


def test_stdout_holds_one_object_whatever_ray_says_of_dead_workers(music: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "genre_batch", "score", str(music), str(tmp_path), "--json"]
    command += ["--set", "bundle=cheap", "--set", "shard_tracks=8", "--set", "batch_tracks=4"]
    driver = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not list(tmp_path.glob("_runs/*/commits/*.json")):
        assert driver.poll() is None
        time.sleep(0.01)
    os.kill(worker("ray::ExtractFeatures", psutil.Process(driver.pid)).pid, signal.SIGKILL)
    stdout, stderr = driver.communicate(timeout=120)
    assert driver.returncode == 0, stderr
    assert json.loads(stdout)["scored"] == TRACKS


def test_a_run_that_is_terminated_says_how_to_go_on(music: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "genre_batch", "score", "-q", str(music), str(tmp_path)]
    command += ["--set", "bundle=cheap", "--set", "shard_tracks=8"]
    driver = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not list(tmp_path.glob("_runs/*/commits/*.json")):
        assert driver.poll() is None
        time.sleep(0.01)
    driver.terminate()
    _, stderr = driver.communicate(timeout=300)
    assert driver.returncode == 130
    assert stderr.startswith("error: interrupted\nhint: start again")


@pytest.mark.parametrize(("extractors", "lanes"), [(1, 1), (95, 1), (96, 2), (110, 2), (1_000, 8)])
def test_only_a_large_cluster_works_on_several_places_of_the_listing(extractors: int, lanes: int) -> None:
    assert suitable_lanes(extractors) == lanes
