"""Drivers that start at the same time, or resume what a killed driver left: real processes, one Ray, real files."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import ray
from chaos.catalog import write_music, write_small_bundle
from table_checks import check_run, comparable, rows

from genre_batch.config import ScoreConfig, load
from genre_batch.pipeline import score
from genre_batch.storage.local import LocalStore
from genre_batch.verify.verification import verify
from genre_batch.verify.verify_config import VerifyConfig

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

TRACKS = 120
SETTINGS = ["shard_tracks=8", "batch_tracks=8", "predict.max_size=1"]
SHARDS = TRACKS // 8


@pytest.fixture(scope="module")
def world(local_ray: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with music, a bundle and the table of an uninterrupted run, and a Ray shared by all drivers."""
    folder = tmp_path_factory.mktemp("world")
    write_music(folder / "music", TRACKS)
    write_small_bundle(folder / "bundle")
    config = {"source": f"{folder}/music", "output": f"{folder}/uninterrupted", "bundle": f"{folder}/bundle"}
    score(load(ScoreConfig, None, SETTINGS, config))
    return folder


def driver(world: Path, music: Path, output: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "genre_batch", "score", str(music), str(output), "--json"]
    for setting in [*SETTINGS, f"bundle={world}/bundle"]:
        command += ["--set", setting]
    address = ray.get_runtime_context().gcs_address
    environment = os.environ | {"RAY_ADDRESS": address}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finished(process: "subprocess.Popen[str]") -> dict[str, object]:
    """The report of a driver, after checking that it succeeded."""
    stdout, stderr = process.communicate(timeout=200)
    assert process.returncode == 0, stderr
    report: dict[str, object] = json.loads(stdout)
    return report


def kill_half_way(world: Path, music: Path, output: Path) -> None:
    """Start a run, and kill its driver after it has committed a few shards."""
    process = driver(world, music, output)
    while len(markers(output)) < 2:
        assert process.poll() is None, process.communicate()
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert 2 <= len(markers(output)) < SHARDS
    assert not list(output.glob("_runs/*/manifest.json"))


def markers(output: Path) -> list[Path]:
    return sorted(output.glob("_runs/*/commits/*.json"))


def etags(folder: Path) -> dict[str, str]:
    return {stored.uri: stored.etag for stored in LocalStore().list(f"{folder}/")}


def copied(music: Path, folder: Path) -> Path:
    folder.mkdir()
    for file in music.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    return folder


def test_of_two_drivers_that_start_together_one_does_the_work(world: Path, tmp_path: Path) -> None:
    both = [driver(world, world / "music", tmp_path / "out") for _ in range(2)]
    ended = [(*process.communicate(timeout=200), process.returncode) for process in both]
    reports = [json.loads(stdout) for stdout, _, code in ended if code == 0]
    # a driver that came after the other had finished had nothing to do
    assert all(code == 0 or (code == 1 and "is in progress on" in stderr) for _, stderr, code in ended), ended
    assert max(report["done"] for report in reports) == sum(report["done"] for report in reports) == TRACKS
    runs = {report["run_id"] for report in reports} - {None}
    (run_id,) = runs
    assert [head.name for head in (tmp_path / "out" / "_runs").iterdir() if (head / "manifest.json").exists()] == [
        run_id
    ]
    assert json.loads((tmp_path / "out" / "_latest.json").read_text())["run_id"] == run_id
    check_run(tmp_path / "out", str(run_id), etags(world / "music"))
    for table in ("scores", "rejects"):
        assert comparable(tmp_path / "out", table) == comparable(world / "uninterrupted", table)
    assert verify(VerifyConfig(output=str(tmp_path / "out"))).damage == 0


def test_a_resumed_run_keeps_its_listing_although_the_source_has_changed(world: Path, tmp_path: Path) -> None:
    music, output = copied(world / "music", tmp_path / "music"), tmp_path / "out"
    kill_half_way(world, music, output)
    listed = etags(music)
    sound = (music / "0000.wav").read_bytes()
    last, one_before, new = music / f"{TRACKS - 1:04d}.mp3", music / f"{TRACKS - 2:04d}.flac", music / "a-new.wav"
    last.write_bytes(sound)
    one_before.unlink()
    new.write_bytes(sound)
    report = finished(driver(world, music, output))
    assert report["resumed"]
    assert report["listed"] == TRACKS
    check_run(output, str(report["run_id"]), listed)
    reasons = {Path(str(row["uri"])).name: row["reason"] for row in rows(output, "rejects")}
    assert (reasons[last.name], reasons[one_before.name]) == ("changed", "gone")
    assert new.name not in {Path(str(row["uri"])).name for row in rows(output, "scores")}


def damage_after_losing_a_file(output: Path, elsewhere: Path) -> tuple[list[str], str]:
    """The paths that verification reports for a copy of `output` without one committed file, and that file's path."""
    shutil.copytree(output, elsewhere)
    named: str = json.loads(markers(elsewhere)[0].read_text())["files"][0]["path"]
    (elsewhere / named).unlink()
    return [
        finding.path for finding in verify(VerifyConfig(output=str(elsewhere))).findings if finding.is_damage
    ], named


def test_a_half_deleted_ledger_is_reported_or_rebuilt_with_the_same_bytes(
    world: Path, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    kill_half_way(world, world / "music", tmp_path)
    found, missing = damage_after_losing_a_file(tmp_path, tmp_path_factory.mktemp("copy") / "out")
    assert found == [missing]
    before = {path: path.read_bytes() for path in tmp_path.glob("*/model=*/**/*.parquet")}
    known = {marker: marker.read_bytes() for marker in markers(tmp_path)}
    for marker in list(known)[::2]:
        marker.unlink()
    report = finished(driver(world, world / "music", tmp_path))
    assert report["resumed"]
    assert {path: path.read_bytes() for path in before} == before
    assert {marker: marker.read_bytes() for marker in known} == known
    check_run(tmp_path, str(report["run_id"]), etags(world / "music"))
    for table in ("scores", "rejects"):
        assert comparable(tmp_path, table) == comparable(world / "uninterrupted", table)
