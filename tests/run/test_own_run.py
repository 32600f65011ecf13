"""One run of a pass: it commits its own outcomes, and no part that it has already."""

from pathlib import Path

import pytest
from several_bundles import settings
from sink.shard_rows import reject, score

from genre_batch.catalog.listing import Listing
from genre_batch.catalog.reject import Reject, RejectReason, RejectStage
from genre_batch.catalog.track import Track
from genre_batch.run.jobs import scoring_job
from genre_batch.run.own_run import OwnRun
from genre_batch.run.planning import resume_or_plan
from genre_batch.sink.layout import listing_folder
from genre_batch.sink.schema import RejectedTrack
from genre_batch.storage.local import LocalStore

DONE = Reject(RejectReason.DONE_ELSEWHERE, RejectStage.READ, "done")


def run_over(folder: Path) -> tuple[OwnRun, list[Track]]:
    (folder / "in").mkdir(exist_ok=True)
    for name in "abcd":
        (folder / "in" / f"{name}.mp3").write_bytes(name.encode())
    config = settings(folder, ["cheap"], "shard_tracks=2")
    job = scoring_job(config)
    plan, resumed = resume_or_plan(config, job, LocalStore())
    tracks = list(Listing(LocalStore(), listing_folder(config.output, plan.run_id)))
    return OwnRun(job, plan, LocalStore(), resumed=resumed), tracks


def test_a_part_that_it_has_is_not_committed_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, tracks = run_over(tmp_path)
    first, second = run.take_up()
    assert "4 tracks in 2 shards" in capsys.readouterr().err
    run.commit(first, [score(track) for track in tracks[:2]], [])
    assert (run.kept, run.done, run.tracks_left()) == (0, 2, 2)
    again, _ = run_over(tmp_path)
    assert again.take_up() == [second]
    assert "resuming run" in capsys.readouterr().err
    again.commit(first, [], [reject(track) for track in tracks[:2]])
    again.commit(second, [score(tracks[2]), RejectedTrack(tracks[3], DONE, 1)], [])
    assert (again.kept, again.done, again.tracks_left()) == (2, 1, 0)
    assert [(record.counts.scored, record.counts.rejected) for record in again.records()] == [(2, 0), (1, 1)]


def test_a_track_that_another_run_has_done_is_a_reject_whatever_the_pass_says(tmp_path: Path) -> None:
    run, tracks = run_over(tmp_path)
    first, _ = run.take_up()
    assert run._elsewhere is not None
    run._elsewhere.settled = lambda tracks: {1: DONE}  # type: ignore[method-assign]
    assert run.settled(tracks[:2]) == {1: DONE}
    run.commit(first, [score(track) for track in tracks[:2]], [])
    (record,) = run.records()
    assert record.counts.rejected_by_reason == {RejectReason.DONE_ELSEWHERE: 1}
    assert run.done == 1
