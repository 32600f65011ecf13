"""`ray job submit` to a cluster started by `ray start --head`, with token authentication on."""

import json
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import audio_samples
import pytest
from submitted_jobs import Head, head_node, job_verb, submit
from table_checks import rows

from genre_batch.interrupts import SENTENCE
from genre_batch.run.status import StatusConfig, status
from genre_batch.verify.verification import verify
from genre_batch.verify.verify_config import VerifyConfig

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

TRACKS = 240
CHEAP = ["--set", "bundle=cheap"]


@pytest.fixture(scope="module")
def head() -> Iterator[Head]:
    # a short path, because Ray's sockets lie below it
    with (
        tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as folder,
        head_node(Path(folder), cpus=2) as node,
    ):
        yield node


def test_a_submitted_job_scores_a_folder(head: Head, tmp_path: Path) -> None:
    sound = audio_samples.chirp(8, 44_100)
    (tmp_path / "in").mkdir()
    for encoding in ("flac", "mp3"):
        (tmp_path / "in" / f"track.{encoding}").write_bytes(audio_samples.encode(sound, 44_100, encoding))
    settings = [f"source={tmp_path / 'in'}", f"output={tmp_path / 'out'}"]
    arguments = [word for setting in settings for word in ("--set", setting)]
    done = submit(head, "python", "jobs/score.py", "--config", "configs/score/nightly.yaml", *arguments, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    report = next(json.loads(line) for line in done.stdout.splitlines() if line.startswith("{"))
    assert (report["listed"], report["scored"]) == (2, 2)
    assert len(rows(tmp_path / "out", "scores")) == 2


def test_a_job_that_cannot_start_fails_with_the_reason(head: Head, tmp_path: Path) -> None:
    done = submit(head, "python", "jobs/score.py", "--set", f"source={tmp_path / 'absent'}", "--set", "output=/tmp/x")
    assert done.returncode != 0
    assert "absent" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """More than a job scores in the seconds that `ray job stop` takes."""
    folder = tmp_path_factory.mktemp("music")
    contents = [audio_samples.encode(audio_samples.chirp(20, 44_100, seed=n), 44_100, "mp3") for n in range(6)]
    for number in range(TRACKS):
        (folder / f"{number:03d}.mp3").write_bytes(contents[number % len(contents)])
    return folder


def stop_at(head: Head, music: Path, output: Path, moment: Callable[[], bool], name: str) -> str:
    """Submit a job, stop it at this moment, and return all that it wrote; its output must be sound."""
    job = ["python", "jobs/score.py", str(music), str(output), *CHEAP, "--set", "shard_tracks=4"]
    job += ["--set", "batch_tracks=2", "--set", "extract.max_size=1"]
    asked = job_verb(head, "submit", "--no-wait", "--submission-id", name, "--working-dir", ".", "--", *job)
    assert asked.returncode == 0, asked.stderr
    for _ in range(3000):
        if moment():
            break
        time.sleep(0.1)
    stopped = job_verb(head, "stop", name)
    said = job_verb(head, "logs", name).stdout
    if "was stopped" not in stopped.stdout + stopped.stderr:
        pytest.fail(f"the job was not stopped: {stopped.stdout}{stopped.stderr}{said}")
    assert not any(trace in said for trace in ("Traceback", "***", "Stack", "core dumped", "Fatal")), said
    assert not [path for path in output.rglob("*") if path.suffix not in {".json", ".parquet", ".yaml", ".lock", ""}]
    return said


def check_resumed(head: Head, music: Path, output: Path) -> None:
    done = submit(head, "python", "jobs/score.py", str(music), str(output), *CHEAP)
    assert done.returncode == 0, done.stdout + done.stderr
    assert sorted(Path(str(row["uri"])).name for row in rows(output, "scores")) == [
        f"{n:03d}.mp3" for n in range(TRACKS)
    ]
    assert verify(VerifyConfig(output=str(output))).damage == 0


def test_a_job_that_is_stopped_says_so_and_goes_on_when_it_is_submitted_again(
    head: Head, music: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    said = stop_at(head, music, output, lambda: any(output.glob("_runs/*/commits/*.json")), "one-moment")
    assert SENTENCE.splitlines()[0] in said
    committed = len(list(output.glob("_runs/*/commits/*.json")))
    assert 0 < committed < TRACKS // 4
    assert status(StatusConfig(output=str(output))).runs[0].state == "stopped"
    check_resumed(head, music, output)
