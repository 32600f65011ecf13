"""Processes that list ranges find the same tracks, and their errors are those of the store."""

import os
import threading
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import pytest

from genre_batch.catalog import prefix
from genre_batch.catalog.lister_processes import ListerEnded, ListerProcess, RangeJob, RangeReply
from genre_batch.catalog.prefix import add_prefix
from genre_batch.catalog.sorted_runs import TrackRuns
from genre_batch.errors import UserError
from genre_batch.storage.s3 import S3Store
from genre_batch.storage.store import NoCredentials, ObjectGone, ObjectPage


def job(folder: Path, listed: str, number: int = 0) -> RangeJob:
    return RangeJob(number=number, prefix=listed, after="", until="\U0010ffff", path=str(folder / f"{number}.arrow"))


class Slow(S3Store):
    """Does not list everything before processes have started."""

    def pages(self, prefix: str, *, after: str = "") -> Iterator[ObjectPage]:
        time.sleep(0.2)
        yield from super().pages(prefix, after=after)


@pytest.mark.parametrize("dead", [0, 1, 2])
def test_a_large_prefix_is_listed_by_processes_as_by_threads(
    bucket: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], dead: int
) -> None:
    names = [f"{number:02d}/{track} é" for number in range(5) for track in range(2)]
    for name in names:
        S3Store().write(f"s3://{bucket}/music/{name}", b"x")
    for name, value in {"_SMALL": 2, "_MANY": 0, "_THREADS": 1, "_LEVELS": 1, "_REPORT_EVERY_S": 0.05}.items():
        monkeypatch.setattr(prefix, name, value)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    made: list[ListerProcess] = []
    progress: list[tuple[int, int]] = []

    def make() -> ListerProcess:
        made.append(ListerProcess())
        if len(made) <= dead:
            made[-1]._process.kill()
        return made[-1]

    with TrackRuns() as runs:
        add_prefix(runs, Slow(), f"s3://{bucket}/music/", lambda *so_far: progress.append(so_far), make)
        tracks = list(runs.merged())
    assert [track.uri for track in tracks] == [f"s3://{bucket}/music/{name}" for name in sorted(names)]
    assert (len(made), progress[-1]) == (2, (10, 10))
    assert all(each._process.returncode is not None for each in made)
    assert capsys.readouterr().err.count("its ranges are listed without it") == dead


def test_threads_list_everything_if_no_process_can_start(
    bucket: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(6):
        S3Store().write(f"s3://{bucket}/music/{number}/x", b"x")
    for name, value in {"_SMALL": 2, "_MANY": 0, "_THREADS": 1, "_LEVELS": 1, "_REPORT_EVERY_S": 0.05}.items():
        monkeypatch.setattr(prefix, name, value)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})

    def make() -> ListerProcess:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    with TrackRuns() as runs:
        add_prefix(runs, Slow(), f"s3://{bucket}/music/", lambda *_: None, make)
        assert len(list(runs.merged())) == 6
    assert capsys.readouterr().err.count("Resource temporarily unavailable") == 1


def test_an_answer_that_is_none_ends_the_use_of_a_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.delenv("PYTHONSAFEPATH", raising=False)
    (tmp_path / "sitecustomize.py").write_text("print('hello')\n")
    process = ListerProcess()
    with pytest.raises(ListerEnded, match="does not answer as one"):
        process.work(deque([job(tmp_path, f"{tmp_path}/")]), lambda _: None, threading.Event())
    process.close()


def test_an_error_of_the_store_is_raised_here(moto_s3: object, tmp_path: Path) -> None:
    process = ListerProcess()
    with pytest.raises(ObjectGone, match="no-such-bucket"):
        process.work(deque([job(tmp_path, "s3://no-such-bucket/")]), lambda _: None, threading.Event())
    process.close()


def test_a_process_that_dies_leaves_what_it_had_begun(tmp_path: Path) -> None:
    process = ListerProcess()
    process._process.kill()
    process._process.wait()
    left = deque(job(tmp_path, str(tmp_path), number) for number in range(9))
    with pytest.raises(ListerEnded, match="exit status -9") as ended:
        process.work(left, lambda _: None, threading.Event())
    assert [each.number for each in (*ended.value.pending, *left)] == list(range(9))
    process.close()


def test_several_ranges_are_done_by_one_process_whatever_its_encoding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "latin-1")
    (tmp_path / "mü☃").mkdir()
    (tmp_path / "mü☃" / "a.wav").write_bytes(b"abc")
    process, replies = ListerProcess(), list[RangeReply]()
    left = deque(job(tmp_path, f"{tmp_path}/mü☃/", number) for number in range(9))
    process.work(left, replies.append, threading.Event())
    process.close()
    assert sorted(reply.number for reply in replies) == list(range(9))
    assert {(reply.tracks, reply.size_bytes, reply.done) for reply in replies} == {(1, 3, True)}


@pytest.mark.parametrize(
    ("error", "raised"), [("NoCredentials", NoCredentials), ("UserError", UserError), ("Exception", UserError)]
)
def test_errors_keep_their_message_and_hint(error: str, raised: type[Exception]) -> None:
    with pytest.raises(raised, match="no way") as found:
        RangeReply(number=0, error=error, message="no way", hint="another").require()
    assert found.value.hint == "another"  # type: ignore[attr-defined]
