"""Tracks that are missing from the newest full listing of a source."""

import pyarrow as pa

from genre_batch.history.unlisted import DELETED, NEVER_ANSWERED, Unlisted, gone_bytes, read_unlisted, write_unlisted
from genre_batch.storage.store import Store

Table = tuple[Store, str]


def keep(table: Table, source: str, as_of: str, *names: str) -> None:
    gone = Unlisted([0, 2])
    none = pa.array([], pa.string())
    gone.add(1, pa.array(["of another source"]), none)
    gone.add(2, pa.array(names, pa.string()), none)
    gone.add(0, pa.array(names[:1], pa.string()), none)
    write_unlisted(*table, source, gone.rows(as_of))


def known(table: Table) -> list[tuple[str, str]]:
    return [(row["track_id"], row["run_id"]) for row in read_unlisted(*table).to_pylist()]


def test_only_tracks_of_runs_over_the_source_are_gone(table: Table) -> None:
    assert known(table) == []
    keep(table, "s3://a", "run-1", "x", "b")
    assert known(table) == [("b", "run-1"), ("x", "run-1")]


def test_a_track_is_gone_as_of_the_run_that_missed_it_first(table: Table) -> None:
    keep(table, "s3://a", "run-1", "b")
    keep(table, "s3://a", "run-2", "b", "c")
    keep(table, "s3://other", "run-3", "c")
    assert known(table) == [("b", "run-1"), ("c", "run-2"), ("c", "run-3")]
    keep(table, "s3://a", "run-4", "c")
    assert known(table) == [("c", "run-2"), ("c", "run-3")]


def test_nothing_new_writes_nothing(table: Table) -> None:
    keep(table, "s3://a", "run-1")
    assert list(table[0].list(f"{table[1]}/")) == []
    keep(table, "s3://a", "run-1", "b")
    before = list(table[0].list(f"{table[1]}/"))
    keep(table, "s3://a", "run-2", "b")
    assert list(table[0].list(f"{table[1]}/")) == before
    assert gone_bytes(read_unlisted(*table)) == gone_bytes(read_unlisted(*table))


def test_tracks_that_only_had_rejects_are_told_apart(table: Table) -> None:
    for answers in ([], ["b"]):
        gone = Unlisted([0, 1])
        gone.add(0, pa.array(answers, pa.string()), pa.array(["b", "c"]))
        gone.add(1, pa.array(["a"]), pa.array(["a", "c"]))
        write_unlisted(*table, "s3://a", gone.rows("run-1"))
        reasons = [DELETED, DELETED if answers else NEVER_ANSWERED, NEVER_ANSWERED]
        assert read_unlisted(*table)["reason"].to_pylist() == reasons
