from collections.abc import Callable, Collection
from pathlib import Path

import pytest
from sink.shard_rows import RUN_ID, cut, make_plan, make_track, make_tracks, reject, score

from genre_batch.catalog.reject import TRANSIENT, RejectReason
from genre_batch.catalog.track import Track
from genre_batch.catalog.track_table import in_batches, one_by_one
from genre_batch.errors import DamageFound
from genre_batch.history.anti_join import new_rows
from genre_batch.history.past_outcomes import done_runs, retryable_reasons
from genre_batch.sink import layout
from genre_batch.sink.finish import finish
from genre_batch.sink.layout import repair_hint
from genre_batch.sink.ledger import Ledger
from genre_batch.sink.plan import RunPlan, write_plan
from genre_batch.sink.schema import RejectedTrack, ScoredTrack
from genre_batch.storage.local import LocalStore
from genre_batch.storage.store import Store

Table = tuple[Store, str]


def commit(
    table: Table, plan: RunPlan, tracks: list[Track], outcome: Callable[[Track], ScoredTrack | RejectedTrack] = score
) -> None:
    write_plan(*table, plan)
    for shard, part in enumerate(cut(tracks, plan.shard_tracks)):
        rows = [outcome(track) for track in part]
        scored = [row for row in rows if isinstance(row, ScoredTrack)]
        Ledger(*table, plan).commit(shard, scored, [row for row in rows if isinstance(row, RejectedTrack)])


def done(table: Table, retry: Collection[RejectReason] = ()) -> list[tuple[str, str]]:
    """The versions of tracks in the table that are not tried again, sorted by track."""
    with done_runs(*table, "mel-cnn-1", "f" * 64) as runs:
        known = {(row["track_id"], row["etag"]) for run in runs.values() for batch in run for row in batch.to_pylist()}
    left = set[tuple[str, str]]()
    for etag in {etag for _, etag in known}:
        tracks = [Track(track_id, track_id, etag, 1) for track_id, other in sorted(known) if other == etag]
        with done_runs(*table, "mel-cnn-1", "f" * 64) as runs:
            rows = one_by_one(new_rows(in_batches(tracks), runs, retryable_reasons(retry)))
            left |= {(track.track_id, track.etag) for track in rows}
    return sorted(known - left)


def test_an_empty_output_has_no_history(table: Table) -> None:
    assert done(table) == []


def test_runs_are_merged_in_order_finished_or_not(table: Table) -> None:
    finished = make_plan(5, run_id="20261120T000000Z-000000")
    commit(table, finished, make_tracks(10)[::2])
    finish(*table, finished, Ledger(*table, finished).records())
    commit(table, make_plan(5), make_tracks(10)[1::2])
    assert done(table) == [(track.track_id, track.etag) for track in make_tracks(10)]


@pytest.mark.parametrize(
    ("outcomes", "is_done"),
    [
        ([("v1", None), ("v2", None)], "v2"),
        ([("v1", None), ("v2", None), ("v1", None)], "v1"),
        ([("v1", None), ("v2", RejectReason.CORRUPT)], "v2"),
        ([("v1", None), ("v2", RejectReason.READ_FAILED)], "v1"),
        ([("v1", RejectReason.CORRUPT), ("v2", None)], "v2"),
        ([("v1", None), ("v2", None), ("v1", RejectReason.CORRUPT)], "v1"),
        ([("v1", None), ("v2", None), ("v1", RejectReason.GONE)], "v2"),
        ([("v1", RejectReason.CORRUPT), ("v1", RejectReason.DONE_ELSEWHERE)], "v1"),
    ],
)
def test_the_newest_version_is_done_and_an_earlier_one_is_tried_again(
    tmp_path: Path, outcomes: list[tuple[str, RejectReason | None]], is_done: str
) -> None:
    table = LocalStore(), str(tmp_path)
    for number, (etag, reason) in enumerate(outcomes):
        plan = make_plan(1, run_id=f"20261120T00000{number}Z-000000")
        commit(table, plan, [make_track(1, etag)], lambda t, r=reason: score(t) if r is None else reject(t, r))
    assert done(table) == [(make_track(1).track_id, is_done)]


CORRUPT, SILENT, READ_FAILED = RejectReason.CORRUPT, RejectReason.SILENT, RejectReason.READ_FAILED


@pytest.mark.parametrize(
    ("outcomes", "retry", "is_done"),
    [
        ([CORRUPT], [], True),
        ([CORRUPT], [CORRUPT], False),
        ([CORRUPT], [SILENT], True),
        ([SILENT, CORRUPT], [CORRUPT], False),
        ([SILENT, CORRUPT], [SILENT], True),
        ([SILENT, CORRUPT], [SILENT, CORRUPT], False),
        ([CORRUPT, None], [CORRUPT], True),
        ([None, CORRUPT], [CORRUPT], True),
        ([READ_FAILED, CORRUPT], [], True),
        ([CORRUPT, READ_FAILED], [], False),
        ([READ_FAILED], [CORRUPT], False),
    ],
)
def test_the_newest_reject_decides_and_any_answer_stands(
    tmp_path: Path, outcomes: list[RejectReason | None], retry: list[RejectReason], is_done: bool
) -> None:
    table = LocalStore(), str(tmp_path)
    for number, reason in enumerate(outcomes):
        plan = make_plan(1, run_id=f"20261120T00000{number}Z-000000")
        commit(table, plan, make_tracks(1), lambda t, r=reason: score(t) if r is None else reject(t, r))
    assert done(table, retry) == ([(make_track(0).track_id, "v1")] if is_done else [])


@pytest.mark.parametrize("reason", RejectReason)
def test_rejects_count_unless_they_are_transient(
    tmp_path_factory: pytest.TempPathFactory, reason: RejectReason
) -> None:

    table = LocalStore(), str(tmp_path_factory.mktemp("table"))
    commit(
        table,
        make_plan(3),
        make_tracks(3),
        lambda track: reject(track, reason) if "0001" in track.uri else score(track),
    )
    numbers = [0, 2] if reason in TRANSIENT else [0, 1, 2]
    assert [track_id for track_id, _ in done(table)] == [make_track(number).track_id for number in numbers]


def test_other_models_do_not_count(table: Table) -> None:
    commit(table, make_plan(1, fingerprint="0" * 64, run_id="20261120T000000Z-000000"), make_tracks(1))
    commit(table, make_plan(1, model_id="other", run_id="20261120T000001Z-000000"), make_tracks(1))
    assert done(table) == []


def test_shards_without_a_marker_do_not_count(table: Table) -> None:
    store, output = table
    commit(table, make_plan(4), make_tracks(4))
    store.delete(layout.at(output, layout.commit_path(RUN_ID, 0)))
    assert [track_id for track_id, _ in done(table)] == [track.track_id for track in make_tracks(4)[2:]]


def test_a_run_that_is_being_planned_has_no_history(table: Table) -> None:
    store, output = table
    store.create(layout.at(output, layout.run_path(RUN_ID, "listing/part.parquet")), b"")
    assert done(table) == []


ANSWERS = layout.answers_path(make_plan(), 0)


@pytest.mark.parametrize(
    ("path", "data"),
    [(ANSWERS, b"gone bad"), (layout.plan_path(RUN_ID), b"{}"), (layout.commit_path(RUN_ID, 0), b"{}")],
)
def test_damage_is_named_with_the_command_that_repairs_it(path: str, data: bytes, table: Table) -> None:
    store, output = table
    commit(table, make_plan(2), make_tracks(2))
    store.write(layout.at(output, path), data)
    with pytest.raises(DamageFound, match=path) as damage:
        done(table)
    assert damage.value.hint == repair_hint(output)


@pytest.mark.parametrize("path", [ANSWERS, layout.plan_path(RUN_ID)])
def test_a_missing_file_or_plan_is_damage_and_its_tracks_are_not_done_again(path: str, table: Table) -> None:
    store, output = table
    commit(table, make_plan(2), make_tracks(2))
    store.delete(layout.at(output, path))
    with pytest.raises(DamageFound, match=f"{path} is missing") as damage:
        done(table)
    assert damage.value.hint == repair_hint(output)


def test_a_reader_may_stop_early(table: Table) -> None:
    commit(table, make_plan(100), make_tracks(100))
    with done_runs(*table, "mel-cnn-1", "f" * 64) as runs:
        assert next(runs[0])["track_id"][0].as_py() == make_track(0).track_id


def test_history_and_catalog_agree_on_the_order_of_odd_names(table: Table) -> None:
    names = ["", "/", "A", "Z", "a", "a\n", "a ", "a%20", "é", "e\u0301", "ｚ", "🎵", "\U0010ffff"]
    tracks = sorted(Track(f"s3://m/{name}", f"s3://m/{name}", "v1", 1) for name in names)
    commit(table, make_plan(len(names), shard_tracks=100), tracks, lambda t: reject(t) if "a" in t.uri else score(t))
    assert done(table) == [(track.track_id, "v1") for track in tracks]


def test_a_run_in_the_order_of_work_is_sorted_before_it_is_compared(tmp_path: Path) -> None:
    table = LocalStore(), str(tmp_path)
    newest_first = [make_track(number) for number in (4, 7, 1, 6, 0, 3, 2, 5)]
    commit(table, make_plan(8, order="newest"), newest_first, lambda t: reject(t) if t.size_bytes % 3 else score(t))
    with done_runs(*table, "mel-cnn-1", "f" * 64) as runs:
        ids = [row["track_id"] for batch in runs[0] for row in batch.to_pylist()]
    assert ids == sorted(track.track_id for track in newest_first)
    assert done(table) == [(track.track_id, "v1") for track in make_tracks(8)]


@pytest.mark.parametrize(
    ("reasons", "deferred"),
    [
        ([], None),
        ([RejectReason.DEFERRED], True),
        ([RejectReason.DEFERRED, RejectReason.READ_FAILED], None),
        ([RejectReason.READ_FAILED, RejectReason.DEFERRED], True),
        ([RejectReason.DEFERRED, RejectReason.DONE_ELSEWHERE], True),
    ],
)
def test_what_was_left_for_later_is_marked(tmp_path: Path, reasons: list[RejectReason], deferred: bool | None) -> None:
    table = LocalStore(), str(tmp_path)
    for number, reason in enumerate(reasons):
        plan = make_plan(1, run_id=f"20261120T00000{number}Z-000000")
        commit(table, plan, make_tracks(1), lambda t, r=reason: reject(t, r))
    with done_runs(*table, "mel-cnn-1", "f" * 64) as runs:
        (rows,) = new_rows(in_batches(make_tracks(1)), runs, retryable_reasons(()))
    assert rows["deferred"].to_pylist() == [deferred]
