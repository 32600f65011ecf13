"""Runs that stop early, on local Ray: the reason given, what is kept, and that the next start resumes them."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import audio_samples
import numpy as np
import pytest
from ray_workers import worker
from s3_server import S3Server
from table_checks import check_run, rows

from genre_batch.config import ScoreConfig, load
from genre_batch.errors import TooManyRejects, UsageError, UserError
from genre_batch.model import bundle
from genre_batch.pipeline import score
from genre_batch.storage.local import LocalStore
from genre_batch.terminal import print_outcome
from genre_batch.verify.verification import verify
from genre_batch.verify.verify_config import VerifyConfig

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

BAD = 1_100


def settings(source: Path, output: Path, *overrides: str) -> ScoreConfig:
    overrides = ("bundle=cheap", "shard_tracks=64", *overrides)
    return load(ScoreConfig, None, overrides, {"source": str(source), "output": str(output)})


def sound(seconds: int = 2) -> bytes:
    return audio_samples.encode(audio_samples.chirp(seconds, 44_100), 44_100, "wav")


def committed(output: Path) -> dict[str, bytes]:
    return {str(file): file.read_bytes() for file in output.glob("_runs/*/commits/*.json")}


def wait_until_gone(title: str) -> None:
    deadline_s = time.monotonic() + 300
    while time.monotonic() < deadline_s:
        try:
            worker(title)
        except LookupError:
            return
        time.sleep(0.05)
    raise AssertionError(f"{title} is still running")


def test_too_many_rejects_stop_a_run_which_resumes_once_they_are_allowed(local_ray: None, tmp_path: Path) -> None:
    source, output = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    for number in range(BAD):
        (source / f"{number:04d}.mp3").write_text(f"#EXTM3U {number}")
    (source / "song.wav").write_bytes(sound())
    with pytest.raises(TooManyRejects, match="unsupported") as stopped:
        score(settings(source, output))
    before = committed(output)
    assert 1 <= len(before) < (BAD + 1) / 64
    assert not list(output.glob("_runs/*/manifest.json"))
    for title in ("ray::ExtractFeatures", "ray::PredictGenres"):
        wait_until_gone(title)
    report = score(settings(source, output, "max_reject_rate=1.0"))
    assert (report.resumed, report.scored, report.rejected) == (True, 1, BAD)
    assert report.kept >= 64 * len(before)
    assert report.kept + report.done == BAD + 1
    assert report.run_id is not None
    assert report.run_id in stopped.value.hint
    assert before.items() <= committed(output).items()
    check_run(output, report.run_id, {each.uri: each.etag for each in LocalStore().list(f"{source}/")})


def test_a_failed_night_stays_failed_until_something_changes(
    local_ray: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, output = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    (source / "good.wav").write_bytes(sound())
    (source / "bad.mp3").write_text("#EXTM3U")
    for words in ("failed: 1 of 2 tracks rejected", "failed, and nothing has changed since: 1 of 2 tracks rejected"):
        with pytest.raises(TooManyRejects, match=words) as failed:
            print_outcome(score(settings(source, output)), json=False)
        (run_id,) = (folder.name for folder in output.glob("_runs/2*"))
        assert f"run {run_id} failed" in str(failed.value)
    assert not (output / "_latest.json").exists()
    assert verify(VerifyConfig(output=str(output))).findings == ()
    (source / "new.wav").write_bytes(sound(3))
    report = score(settings(source, output))
    assert (report.skipped, report.scored, report.failure) == (2, 1, None)
    assert json.loads((output / "_latest.json").read_text())["run_id"] == report.run_id
    assert score(settings(source, output)).failure is None


def test_a_bundle_that_fails_in_the_actors_leaves_nothing_behind(local_ray: None, tmp_path: Path) -> None:
    """Its golden answers are those of another model, so only an actor that loads it can tell."""
    source, output, broken = tmp_path / "in", tmp_path / "out", tmp_path / "bundle"
    source.mkdir()
    (source / "good.wav").write_bytes(sound())
    shutil.copytree(Path(bundle.__file__).parent / "bundles" / "default", broken)
    golden = dict(np.load(broken / bundle.GOLDEN_FILE))
    golden["probabilities"] = golden["probabilities"][:, ::-1]
    np.savez_compressed(broken / bundle.GOLDEN_FILE, **golden)
    manifest = json.loads((broken / bundle.MANIFEST_FILE).read_text())
    manifest["files"][bundle.GOLDEN_FILE] = bundle.sha256_hex((broken / bundle.GOLDEN_FILE).read_bytes())
    (broken / bundle.MANIFEST_FILE).write_text(json.dumps(manifest | {"thresholds": {"disco": 1.0}}))
    with pytest.raises(UserError, match=r"the predict actors do not start: .* golden answers"):
        score(settings(source, output, f"bundle={broken}"))
    assert not output.exists()
    report = score(settings(source, output))
    assert (report.resumed, report.scored, report.kept, report.done) == (False, 1, 0, 1)


@pytest.mark.parametrize("ask", ["extract.min_size=99", "extract.num_cpus=3", "predict.num_gpus=1"])
def test_resources_that_this_machine_lacks_are_reported_before_planning(
    local_ray: None, tmp_path: Path, ask: str
) -> None:
    # the source does not exist: listing it would fail with another error
    with pytest.raises(UsageError, match="this machine offers 2 CPUs and 0 GPUs"):
        score(settings(tmp_path / "absent", tmp_path / "out", ask))
    assert not (tmp_path / "out").exists()


def test_a_reason_in_retry_is_retried_until_the_track_has_a_score(local_ray: None, tmp_path: Path) -> None:
    """Changing a file but not its size and time keeps its version, as if a new decoder could read the same bytes."""
    source, output = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    (source / "good.wav").write_bytes(sound())
    late = source / "late.wav"
    late.write_bytes(bytes(len(sound())))
    times = late.stat()
    assert score(settings(source, output, "max_reject_rate=1.0")).rejects_by_reason == {"unsupported": 1}
    late.write_bytes(sound())
    os.utime(late, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert score(settings(source, output)).run_id is None
    assert score(settings(source, output, "retry=[silent]")).run_id is None
    report = score(settings(source, output, "retry=[silent, unsupported]"))
    assert (report.skipped, report.scored, report.rejected) == (1, 1, 0)
    assert score(settings(source, output, "retry=[unsupported]")).run_id is None
    assert [len(rows(output, table)) for table in ("scores", "rejects")] == [2, 1]
    assert verify(VerifyConfig(output=str(output))).findings == ()


@pytest.mark.radosgw
def test_denied_access_stops_a_run_that_can_be_resumed(radosgw_server: S3Server, tmp_path: Path) -> None:
    bucket, tracks = radosgw_server.new_bucket(), 24
    for number in range(tracks):
        radosgw_server.client.put_object(Bucket=bucket, Key=f"music/{number:02d}.wav", Body=sound(1 + number % 2))
    objects = {"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    policy = {"Version": "2012-10-17", "Statement": [objects]}
    radosgw_server.client.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
    command = [sys.executable, "-m", "genre_batch", "score", f"s3://{bucket}/music", str(tmp_path), "--json"]
    environment = os.environ | radosgw_server.env() | {"RAY_ADDRESS": "local"}
    denied = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert denied.returncode == 1, denied.stderr
    assert "error: stopped: no permission to read 20 consecutive tracks" in denied.stderr
    assert f"s3:GetObject on arn:aws:s3:::{bucket}/*" in denied.stderr
    assert denied.stdout == ""
    assert not committed(tmp_path)
    plan = subprocess.run([*command, "--plan"], env=environment, capture_output=True, text=True, check=True)
    assert json.loads(plan.stdout)["resumes"] in denied.stderr
