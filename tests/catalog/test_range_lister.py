"""What a process that lists ranges does with one of them."""

from pathlib import Path

import pytest

from genre_batch.catalog import range_lister
from genre_batch.catalog.lister_processes import RangeJob, RangeReply
from genre_batch.catalog.sorted_runs import TrackRuns


def replies(capsys: pytest.CaptureFixture[str], job: RangeJob) -> list[RangeReply]:
    range_lister._list(job, None)
    return [RangeReply.model_validate_json(line) for line in capsys.readouterr().out.splitlines()]


def test_the_tracks_of_a_range_are_written_and_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(range_lister, "_REPORT_EVERY_TRACKS", 1)
    for name in "abcd":
        (tmp_path / name).write_bytes(b"xyz")
    with TrackRuns() as runs:
        path = runs.new_path()
        after, until = f"{tmp_path}/a", f"{tmp_path}/c"
        job = RangeJob(number=3, prefix=f"{tmp_path}/", after=after, until=until, path=str(path))
        found = replies(capsys, job)
        runs.add_file(path)
        assert [track.uri for track in runs.merged()] == [f"{tmp_path}/b", f"{tmp_path}/c"]
    assert [(reply.tracks, reply.size_bytes, reply.done) for reply in found] == [(2, 6, False), (2, 6, True)]


def test_whatever_goes_wrong_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    job = RangeJob(number=3, prefix=f"{tmp_path}/", after="", until="\U0010ffff", path=str(tmp_path / "no" / "file"))
    (reply,) = replies(capsys, job)
    assert (reply.number, reply.done, reply.error) == (3, False, "Exception")
    assert "FileNotFoundError" in reply.message
