import random
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sink.memory_store import MemoryStore
from sink.shard_rows import RUN_ID, make_plan, make_track, make_tracks, reject, score
from sink.stepping import Driver, every_interleaving
from sink.table_facts import check_shards, everything, rows_of

from genre_batch.catalog.reject import RejectReason
from genre_batch.errors import DamageFound
from genre_batch.sink import layout
from genre_batch.sink.ledger import Ledger
from genre_batch.sink.record import CommitRecord
from genre_batch.sink.schema import RejectedTrack, ScoredTrack
from genre_batch.storage.local import LocalStore
from genre_batch.storage.store import Store

TRACKS = make_tracks(3)
PLAN = make_plan(len(TRACKS), shard_tracks=len(TRACKS))
Outcomes = str
"""One letter per track: s scored, S scored otherwise, r rejected, R rejected for another reason."""

ROWS: dict[str, Callable[..., ScoredTrack | RejectedTrack]] = {
    "s": score,
    "S": lambda track: score(track, "rock", 0.6),
    "r": reject,
    "R": lambda track: reject(track, RejectReason.READ_FAILED),
}


def commit(store: Store, output: str, outcomes: Outcomes) -> CommitRecord:
    rows = [ROWS[outcome](track) for track, outcome in zip(TRACKS, outcomes, strict=True)]
    scored = [row for row in rows if isinstance(row, ScoredTrack)]
    rejected = [row for row in rows if isinstance(row, RejectedTrack)]
    return Ledger(store, output, PLAN).commit(0, scored, rejected)


def driver(outcomes: Outcomes) -> Driver:
    return Driver(lambda store: commit(store, "/table", outcomes))


def test_a_shard_is_two_files_and_a_marker(table: tuple[Store, str]) -> None:
    store, output = table
    record = commit(store, output, "srs")
    scores, rejects = layout.answers_path(PLAN, 0), layout.rejects_path(PLAN, 0)
    assert everything(store, output).keys() == {scores, rejects, layout.commit_path(RUN_ID, 0)}
    assert [(file.path, file.rows) for file in record.files] == [(scores, 2), (rejects, 1)]
    assert record.counts.genres == {"jazz": 2}
    assert record.counts.rejected_by_reason == {RejectReason.CORRUPT: 1}
    assert list(Ledger(store, output, PLAN).records()) == [record]
    assert check_shards(store, output, PLAN, [TRACKS]) == [record]


def test_no_rejects_no_file_but_no_scores_an_empty_one(table: tuple[Store, str]) -> None:
    store, output = table
    assert [file.rows for file in commit(store, output, "sss").files] == [3]
    ledger = Ledger(store, output, PLAN)
    assert [file.rows for file in ledger.commit(1, [], [reject(TRACKS[0])]).files] == [0, 1]


def test_a_commit_may_be_repeated(table: tuple[Store, str]) -> None:
    store, output = table
    record = commit(store, output, "srs")
    before = everything(store, output)
    assert commit(store, output, "srs") == record
    assert everything(store, output) == before


def test_a_second_driver_adopts_what_is_committed(table: tuple[Store, str]) -> None:
    store, output = table
    record = commit(store, output, "srs")
    before = everything(store, output)
    assert commit(store, output, "SsR") == record
    assert everything(store, output) == before


@pytest.mark.parametrize("written", [1, 2])
def test_the_files_of_a_crashed_driver_are_adopted(table: tuple[Store, str], written: int) -> None:
    store, output = table
    commit(store, output, "srs")
    paths = [layout.answers_path(PLAN, 0), layout.rejects_path(PLAN, 0), layout.commit_path(RUN_ID, 0)]
    for path in paths[written:]:
        store.delete(layout.at(output, path))
    record = commit(store, output, "SSS")
    rejected = {1: RejectReason.INTERNAL, 2: RejectReason.CORRUPT}[written]
    assert record.counts.rejected_by_reason == {rejected: 1}
    assert record.counts.genres == {"jazz": 2}
    check_shards(store, output, PLAN, [TRACKS])


def test_rows_are_written_in_listing_order_whatever_order_they_come_in(tmp_path: Path) -> None:
    ledger = Ledger(LocalStore(), str(tmp_path), PLAN)
    tracks = make_tracks(20)
    rows = [score(track) for track in tracks]
    first = ledger.commit(0, rows, [])
    shuffled = random.Random(1).sample(rows, len(rows))
    other = Ledger(LocalStore(), str(tmp_path / "other"), PLAN).commit(0, shuffled, [])
    assert other == first
    assert rows_of(LocalStore(), str(tmp_path), first) == [(track.track_id, track.etag) for track in tracks]


def test_a_track_with_two_outcomes_leaves_nothing_behind(table: tuple[Store, str]) -> None:
    store, output = table
    with pytest.raises(ValueError, match="two outcomes"):
        Ledger(store, output, PLAN).commit(0, [score(TRACKS[0])], [reject(TRACKS[0])])
    assert everything(store, output) == {}


def test_records_come_in_the_order_of_shards(table: tuple[Store, str]) -> None:
    store, output = table
    ledger = Ledger(store, output, PLAN)
    written = {shard: ledger.commit(shard, [score(make_track(shard))], []) for shard in [11, 2, 100, 0, 30, 1]}
    assert [record.shard for record in ledger.records()] == [0, 1, 2, 11, 30, 100]
    assert {record.shard: record for record in ledger.records()} == written
    assert ledger.shards() == written.keys()


def test_other_names_among_the_markers_are_left_alone(table: tuple[Store, str]) -> None:
    store, output = table
    commit(store, output, "sss")
    store.write(layout.at(output, f"{layout.commits_folder(RUN_ID)}notes.txt"), b"?")
    assert Ledger(store, output, PLAN).shards() == {0}


def test_foreign_files_in_the_way_are_damage(table: tuple[Store, str]) -> None:
    store, output = table
    store.write(layout.at(output, layout.answers_path(PLAN, 0)), b"not a table")
    with pytest.raises(DamageFound, match="cannot be read as Parquet"):
        commit(store, output, "sss")
    assert Ledger(store, output, PLAN).shards() == set()


def test_files_that_changed_after_the_commit_are_damage(table: tuple[Store, str]) -> None:
    store, output = table
    commit(store, output, "sss")
    commit(store, f"{output}-2", "SSS")
    path = layout.answers_path(PLAN, 0)
    store.write(layout.at(output, path), store.read(layout.at(f"{output}-2", path)))
    with pytest.raises(DamageFound, match="names other files"):
        commit(store, output, "sss")


def test_a_broken_marker_is_damage(table: tuple[Store, str]) -> None:
    store, output = table
    store.write(layout.at(output, layout.commit_path(RUN_ID, 0)), b"{")
    with pytest.raises(DamageFound, match="is not a CommitRecord"):
        commit(store, output, "sss")


PAIRS = ["sss sss", "sss SSS", "srs srs", "srs sRs", "sss srs", "srs rss", "rrr SSS", "rrr RRR"]


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("resumed", ["sSr", "Rss"])
def test_every_interleaving_of_two_drivers_with_a_crash_of_both_at_every_step(pair: str, resumed: Outcomes) -> None:
    """A state reached by steps of only one driver is a crash of the other, so that is covered as well."""
    states = 0
    for now, drivers, before in every_interleaving(MemoryStore(), [driver(outcomes) for outcomes in pair.split()]):
        states += 1
        _check_step(now, before)
        assert len({d.result.model_dump_json() for d in drivers if d.done}) <= 1
        after_crash = MemoryStore(now.objects)
        record = commit(after_crash, "/table", resumed)
        _check_step(after_crash, now)
        assert all(d.result == record for d in drivers if d.done)
        assert check_shards(after_crash, "/table", PLAN, [TRACKS]) == [record]
    assert states > 20


@pytest.mark.slow
def test_every_interleaving_of_three_drivers() -> None:
    for now, drivers, before in every_interleaving(MemoryStore(), [driver("rss"), driver("sss"), driver("srR")]):
        _check_step(now, before)
        assert len({d.result.model_dump_json() for d in drivers if d.done}) <= 1


@settings(max_examples=60)
@given(
    outcomes=st.lists(st.text("sSrR", min_size=3, max_size=3), min_size=2, max_size=4),
    schedule=st.lists(st.integers(0, 3), max_size=30),
)
def test_random_interleavings_on_real_files(
    tmp_path_factory: pytest.TempPathFactory, outcomes: list[Outcomes], schedule: list[int]
) -> None:
    store, output = LocalStore(), str(tmp_path_factory.mktemp("table"))
    drivers = [Driver(lambda store, o=o: commit(store, output, o)) for o in outcomes]
    seen: dict[str, bytes] = {}
    for turn in schedule:
        running = [d for d in drivers if not d.done]
        if running:
            running[turn % len(running)].step(store)
        now = everything(store, output)
        assert seen.items() <= now.items()
        check_shards(store, output, PLAN, [TRACKS])
        seen = now
    record = commit(store, output, "sss")
    assert all(d.result == record for d in drivers if d.done)
    assert check_shards(store, output, PLAN, [TRACKS]) == [record]


def _check_step(now: MemoryStore, before: MemoryStore) -> None:
    """Nothing that was written has changed, and a marker is true from the moment it exists."""
    assert before.objects.items() <= now.objects.items()
    check_shards(now, "/table", PLAN, [TRACKS])
