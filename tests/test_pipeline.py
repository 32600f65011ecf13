"""The scoring job on local Ray, from real audio files to a Parquet table."""

import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import audio_samples
import pytest
import ray
from table_checks import check_run, comparable, rows

from genre_batch.config import ScoreConfig, load
from genre_batch.engine.lean_ray import without_unused_services
from genre_batch.errors import PublicationRefused
from genre_batch.model import bundle as bundle_module
from genre_batch.model.canaries import project_clips
from genre_batch.pipeline import score
from genre_batch.publish.gate import GateConfig
from genre_batch.publish.publishing import PublishConfig, publish
from genre_batch.run.status import StatusConfig, status
from genre_batch.sink.canary_record import CanaryRecord
from genre_batch.storage.local import LocalStore

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

FORMATS = ["wav", "flac", "mp3", "ogg", "opus", "m4a", "alac", "aiff"]
QUICK = ("bundle=cheap", "extract.max_size=1")
"""For runs whose answers no other run has to repeat."""


@pytest.fixture(scope="module")
def local_ray() -> Iterator[None]:
    os.environ["RAY_ADDRESS"] = "local"
    with without_unused_services():
        ray.init(num_cpus=2, num_gpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    yield
    ray.shutdown()
    del os.environ["RAY_ADDRESS"]


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small catalog: two files of every format, and four files that cannot be scored."""
    folder = tmp_path_factory.mktemp("music")
    for number in range(2):
        samples = audio_samples.chirp(seconds=12 + 5 * number, sample_rate=48_000, channels=2, seed=number)
        for name in FORMATS:
            (folder / f"{name}-{number}.bin").write_bytes(audio_samples.encode(samples, 48_000, name))
    (folder / "empty.mp3").write_bytes(b"")
    (folder / "text.mp3").write_bytes(b"#EXTM3U\nhttp://127.0.0.1/secret\n" * 20)
    (folder / "cut.wav").write_bytes((folder / "wav-0.bin").read_bytes()[:100_000])
    (folder / "silent.flac").write_bytes(audio_samples.encode(samples * 0, 48_000, "flac"))
    return folder


def settings(source: Path | str, output: Path | str, *overrides: str) -> ScoreConfig:
    without_gpus = ["shard_tracks=5", "predict.num_gpus=0", *overrides]
    return load(ScoreConfig, None, without_gpus, {"source": str(source), "output": str(output)})


def etags(folder: Path) -> dict[str, str]:
    return {stored.uri: stored.etag for stored in LocalStore().list(f"{folder}/")}


@pytest.fixture(scope="module")
def table(local_ray: None, music: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output of one uninterrupted run over `music`."""
    output = tmp_path_factory.mktemp("table")
    report = score(settings(music, output))
    assert (report.listed, report.scored, report.rejected) == (20, 16, 4)
    return output


def test_every_track_has_one_row_and_every_file_is_in_the_manifest(table: Path, music: Path) -> None:
    latest = json.loads((table / "_latest.json").read_text())
    check_run(table, latest["run_id"], etags(music))


def test_each_reject_has_its_reason(table: Path) -> None:
    reasons = {Path(str(row["uri"])).name: row["reason"] for row in rows(table, "rejects")}
    assert reasons == {
        "empty.mp3": "empty",
        "text.mp3": "unsupported",
        "cut.wav": "truncated",
        "silent.flac": "silent",
    }


def test_the_report_is_stored_with_the_run(table: Path) -> None:
    (file,) = table.glob("_runs/*/report.json")
    report = json.loads(file.read_text())
    assert report["scored"] + report["rejected"] == report["listed"] == 20
    assert report["cpu_s_per_track"] > 0
    assert report["tracks_per_s"] > 0
    assert report["bytes_read"] > 0
    assert sum(report["genres"].values()) + report["abstained"] == report["scored"]


def test_the_canaries_of_the_bundle_are_scored_at_the_start_and_the_end(table: Path) -> None:
    (file,) = table.glob("_runs/*/canaries.json")
    record = CanaryRecord.model_validate_json(file.read_bytes())
    assert [check.moment for check in record.checks] == ["start", "end"]
    assert list(record.changes()) == []
    for check in record.checks:
        assert {answer.clip for answer in check.answers} == project_clips().keys()
        assert check.largest_change < 1e-3
    assert json.loads(next(table.glob("_runs/*/report.json")).read_text())["canary_changes"] == []


def test_a_second_run_scores_nothing_and_writes_nothing(table: Path, music: Path, local_ray: None) -> None:
    before = sorted(table.rglob("*"))
    report = score(settings(music, table))
    assert (report.run_id, report.listed, report.skipped, report.scored) == (None, 20, 20, 0)
    assert sorted(table.rglob("*")) == before


def test_only_changed_and_new_tracks_are_scored(music: Path, local_ray: None, tmp_path: Path) -> None:
    source, output = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    for name in ("wav-0.bin", "mp3-0.bin", "flac-0.bin"):
        (source / name).write_bytes((music / name).read_bytes())
    assert score(settings(source, output, *QUICK)).scored == 3
    (source / "wav-0.bin").write_bytes((music / "wav-1.bin").read_bytes())
    (source / "new.bin").write_bytes((music / "ogg-1.bin").read_bytes())
    report = score(settings(source, output, *QUICK))
    assert (report.listed, report.skipped, report.scored) == (4, 2, 2)


def test_scores_depend_neither_on_batches_nor_on_the_number_of_actors(
    table: Path, music: Path, local_ray: None, tmp_path: Path
) -> None:
    score(settings(music, tmp_path / "out", "batch_tracks=3", "extract.max_size=1", "shard_tracks=20"))
    assert comparable(tmp_path / "out", "scores") == comparable(table, "scores")


def test_predict_actors_reserve_the_gpus_of_the_cluster(music: Path, local_ray: None, tmp_path: Path) -> None:
    """Ray's GPUs are logical here: placement is real, but the network runs on this machine's CPU."""
    source = tmp_path / "in"
    source.mkdir()
    for number in range(12):
        (source / f"{number}.wav").write_bytes((music / "wav-0.bin").read_bytes())
    free_gpus, stop = [2.0], threading.Event()

    def watch() -> None:
        while not stop.wait(0.05):
            free_gpus.append(ray.available_resources().get("GPU", 0.0))

    watcher = threading.Thread(target=watch)
    watcher.start()
    report = score(settings(source, tmp_path / "out", "bundle=cheap", "predict.num_gpus=null", "predict.min_size=2"))
    stop.set()
    watcher.join()
    assert report.scored == 12
    assert min(free_gpus) == 0.0


def test_another_bundle_scores_the_catalog_again(table: Path, music: Path, local_ray: None, tmp_path: Path) -> None:
    shipped = Path(bundle_module.__file__).parent / "bundles" / "default"
    shutil.copytree(shipped, tmp_path / "bundle")
    manifest = tmp_path / "bundle" / bundle_module.MANIFEST_FILE
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"thresholds": {"disco": 1.0}}))
    output = tmp_path / "out"
    shutil.copytree(table, output)
    expect_something_else(tmp_path / "bundle")
    report = score(settings(music, output, f"bundle={tmp_path / 'bundle'}"))
    assert (report.skipped, report.scored, report.rejected) == (0, 16, 4)
    assert len(list((output / "scores").glob("model=*"))) == 2
    assert report.abstained == sum(row["abstained"] for row in rows(output, "scores"))
    assert report.canary_changes is not None
    assert len(report.canary_changes) == 2
    refused = publish(PublishConfig(output=str(output), model=report.model_id, rules=GateConfig(min_coverage=0.0)))
    assert [each.rule for each in refused.rulings if not each.passed] == ["canaries"]
    with pytest.raises(PublicationRefused, match=r"did not answer as its bundle does: at its end, canary pulse\.mp3"):
        refused.require()
    (newest, *_) = status(StatusConfig(output=str(output))).runs
    assert any("pulse.mp3" in note for note in newest.notes())


def expect_something_else(bundle: Path) -> None:
    """As if the bundle had been made where other libraries gave other answers."""
    loaded = bundle_module.load_bundle("default")
    name, target = bundle_module.CANARIES_FILE, io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(loaded.files[name])) as old, zipfile.ZipFile(target, "w") as new:
        for member in old.namelist():
            data = old.read(member)
            if member == "canaries.json":
                index = json.loads(data)
                index["clips"]["pulse.mp3"] = {"metal": 1.0}
                data = json.dumps(index).encode()
            new.writestr(member, data)
    (bundle / name).write_bytes(target.getvalue())
    manifest = bundle / bundle_module.MANIFEST_FILE
    tree = json.loads(manifest.read_text())
    tree["files"][name] = hashlib.sha256(target.getvalue()).hexdigest()
    manifest.write_text(json.dumps(tree))


def test_a_killed_run_resumes_to_the_table_of_an_uninterrupted_one(table: Path, music: Path, tmp_path: Path) -> None:
    """The driver is killed once the first shard is committed, when parts of other shards may already be staged."""
    command = [sys.executable, "-m", "genre_batch", "score", str(music), str(tmp_path)]
    command += ["--set", "shard_tracks=6", "--set", "part_tracks=2", "--set", "batch_tracks=2"]
    environment = os.environ | {"RAY_ADDRESS": "local"}
    driver = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    deadline_s = time.monotonic() + 120
    while not list(tmp_path.glob("_runs/*/commits/*.json")) and time.monotonic() < deadline_s:
        assert driver.poll() is None, driver.stderr.read().decode() if driver.stderr else ""
        time.sleep(0.01)
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    committed = len(list(tmp_path.glob("_runs/*/commits/*.json")))
    assert 1 <= committed < 4
    assert not list(tmp_path.glob("_runs/*/manifest.json"))
    done = subprocess.run([*command, "--json"], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["resumed"]
    assert report["scored"] + report["rejected"] == report["listed"] == 20
    for name in ("scores", "rejects"):
        assert comparable(tmp_path, name) == comparable(table, name)
    check_run(tmp_path, report["run_id"], etags(music))
