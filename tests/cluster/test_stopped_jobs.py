"""`ray job stop` at many moments of a submitted run: one cluster serves all of them."""

import logging
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import audio_samples
import psutil
import pytest
from ray.job_submission import JobStatus, JobSubmissionClient
from submitted_jobs import ROOT, head_node
from table_checks import rows

from genre_batch.interrupts import SENTENCE
from genre_batch.verify.verification import verify
from genre_batch.verify.verify_config import VerifyConfig

pytestmark = [pytest.mark.soak, pytest.mark.timeout(1_500)]

_LOG = logging.getLogger(__name__)
MOMENTS = 40
LAST_S = 30.0
TRIED = int(os.environ.get("GENRE_BATCH_STOP_MOMENTS", "12"))
"""How many of the moments are tried: all of them take some 12 minutes."""
LIMIT_S = 10.0
TRACKS = 400
MARK = "GENRE_BATCH_STOPPED_JOB"
"""A variable that all processes of a job have, also those that actors start."""
NOT_STARTED = "not yet started"
"""How long Ray takes to start the process of a job, before it can stop it, is none of our business."""
TRACES = ("Traceback", "***", "Stack", "core dumped", "Fatal")


@dataclass(frozen=True)
class Stop:
    """What happened: where the run was, how long the job took to end, and its last process to go."""

    stage: str
    took_s: float
    cleared_s: float


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """More than a job scores before the last moment."""
    folder = tmp_path_factory.mktemp("music")
    contents = [audio_samples.encode(audio_samples.chirp(20, 44_100, seed=n), 44_100, "mp3") for n in range(6)]
    for number in range(TRACKS):
        (folder / f"{number:03d}.mp3").write_bytes(contents[number % len(contents)])
    return folder


@pytest.fixture(scope="module")
def jobs() -> Iterator[JobSubmissionClient]:
    """The job server of a new cluster."""
    # a short path, because Ray's sockets lie below it
    with (
        tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as folder,
        head_node(Path(folder), cpus=2) as head,
    ):
        token = head.environment["RAY_AUTH_TOKEN"]
        yield JobSubmissionClient(head.address, headers={"Authorization": f"Bearer {token}"})


def moment_s(step: int) -> float:
    """When to stop, after the submission. Most moments are early, where Ray, the plan and the actors start."""
    return LAST_S * (step / (MOMENTS - 1)) ** 2


def submit(jobs: JobSubmissionClient, name: str, music: Path, output: Path, *more: str) -> None:
    settings = [word for setting in ("shard_tracks=8", *more) for word in ("--set", setting)]
    job = " ".join(["python", "jobs/score.py", str(music), str(output), *settings])
    jobs.submit_job(
        entrypoint=job, submission_id=name, runtime_env={"working_dir": str(ROOT), "env_vars": {MARK: name}}
    )


def processes(name: str) -> list[psutil.Process]:
    """The processes of a job, with its actors and their children, wherever they hang in the tree."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get(MARK) == name:
                found.append(process)
    return found


def stage(name: str, output: Path) -> str:
    """How far the run of a job is."""
    if any(output.glob("_runs/*/commits/*.json")):
        return "a shard is committed"
    if any(output.glob("_runs/*/plan.json")):
        return "it is planned"
    for process in processes(name):
        with suppress(psutil.Error):
            # Python has replaced the shell, and the command is in the child that handles signals
            if process.name().startswith("python") and "jobs/score.py" in process.cmdline() and process.children():
                return "it has started"
    return NOT_STARTED


def ended(jobs: JobSubmissionClient, name: str, limit_s: float) -> JobStatus:
    """The status of the job when it has ended, or after this time."""
    deadline_s = time.monotonic() + limit_s
    while not (status := jobs.get_job_status(name)).is_terminal() and time.monotonic() < deadline_s:
        time.sleep(0.1)
    return status


def stop(jobs: JobSubmissionClient, output: Path, name: str) -> Stop:
    """Stop a job that is pending or runs, and check what it leaves."""
    before, stopped_s = stage(name, output), time.monotonic()
    jobs.stop_job(name)
    status = ended(jobs, name, 10 * LIMIT_S)
    took_s = time.monotonic() - stopped_s
    while (left := processes(name)) and time.monotonic() < stopped_s + 10 * LIMIT_S:
        time.sleep(0.2)
    happened = Stop(before, took_s, time.monotonic() - stopped_s)
    said = jobs.get_job_logs(name)
    _LOG.info("%s %s", name, happened)
    assert status == JobStatus.STOPPED, (happened, said)
    assert not left, (happened, [process.cmdline() for process in left])
    assert not any(trace in said for trace in TRACES), (happened, said)
    if before != NOT_STARTED:
        assert said.count(SENTENCE) == said.count("interrupted") == 1, (happened, said)
        assert took_s < LIMIT_S, (happened, said)
    check_whole(output)
    return happened


def check_whole(output: Path) -> None:
    """Nothing in the output is half written."""
    assert not [path for path in output.rglob("*") if path.suffix not in {".json", ".parquet", ".yaml", ".lock", ""}]
    if any(output.glob("_runs/*/plan.json")):
        assert verify(VerifyConfig(output=str(output))).damage == 0


def check_resumed(jobs: JobSubmissionClient, music: Path, output: Path, name: str) -> None:
    """The same command again finishes the table."""
    submit(jobs, name, music, output)
    assert ended(jobs, name, 600) == JobStatus.SUCCEEDED, jobs.get_job_logs(name)
    assert sorted(Path(str(row["uri"])).name for row in rows(output, "scores")) == [
        f"{n:03d}.mp3" for n in range(TRACKS)
    ]
    check_whole(output)


def test_a_job_that_is_stopped_at_any_moment_says_so_and_goes_on_later(
    jobs: JobSubmissionClient, music: Path, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    steps = [round(number * (MOMENTS - 1) / (TRIED - 1)) for number in range(TRIED)]
    resumed = {steps[TRIED // 3], steps[-1]}
    stages = set()
    for step in steps:
        name, output = f"moment-{step}", tmp_path / str(step)
        with subtests.test(seconds=round(moment_s(step), 1)):
            submit(jobs, name, music, output, "batch_tracks=2", "extract.max_size=1")
            time.sleep(moment_s(step))
            if jobs.get_job_status(name) == JobStatus.SUCCEEDED:
                assert step > MOMENTS // 2  # a quick machine: later moments would come too late as well
                break
            stages.add(stop(jobs, output, name).stage)
            if step in resumed:
                check_resumed(jobs, music, output, f"again-{step}")
    assert {NOT_STARTED, "it has started"} <= stages
