"""Shards that are committed part by part: same table, whichever driver dies when, and at most one part is redone."""

from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sink.memory_store import MemoryStore
from sink.shard_rows import RUN_ID, cut, make_plan, make_track, make_tracks, reject, score
from sink.stepping import Driver, every_interleaving
from sink.table_facts import check_shards, everything
from sink.test_tables import FRONT_END, described

from genre_batch.catalog.reject import RejectReason
from genre_batch.catalog.track import Track
from genre_batch.catalog.work_units import Part
from genre_batch.errors import DamageFound
from genre_batch.sink import layout
from genre_batch.sink.layout import repair_hint
from genre_batch.sink.ledger import Ledger
from genre_batch.sink.part_ledger import PartLedger, read_part, staged_uri, write_part
from genre_batch.sink.plan import RunPlan
from genre_batch.sink.schema import SCORES, AnsweredTrack, RejectedTrack, ScoredTrack, feature_columns, schema_of
from genre_batch.sink.tables import MakeTable, ShardTables, features_maker, make_scores, shard_tables
from genre_batch.storage.local import LocalStore
from genre_batch.storage.store import AccessDenied, ObjectGone, Store

PLAN = make_plan(8)
PART = Part(1, 0, 0, 3)


def tables(answered: list[AnsweredTrack], rejects: int = 0, maker: MakeTable = make_scores) -> ShardTables:
    rejected = [reject(make_track(10 + number)) for number in range(rejects)]
    return shard_tables(answered, rejected, PLAN, maker)


SCORED: list[AnsweredTrack] = [score(track, None if "0001" in track.uri else "jazz") for track in make_tracks(3)]
MIXES = [tables(SCORED), tables(SCORED[:2], 1), tables([], 3)]


@pytest.mark.parametrize("mix", MIXES, ids=["scores", "both", "rejects"])
def test_a_part_is_read_as_it_was_written(table: tuple[Store, str], mix: ShardTables) -> None:
    write_part(*table, PLAN, PART, mix)
    assert read_part(*table, PLAN, PART, SCORES) == mix


def test_features_too(tmp_path: Path) -> None:
    written = tables([described(0, 2), described(1, 3)], 1, features_maker(FRONT_END))
    write_part(LocalStore(), str(tmp_path), PLAN, PART, written)
    assert read_part(LocalStore(), str(tmp_path), PLAN, PART, schema_of(feature_columns(FRONT_END.columns))) == written


def test_the_outcomes_that_came_first_stand(table: tuple[Store, str]) -> None:
    write_part(*table, PLAN, PART, MIXES[1])
    write_part(*table, PLAN, PART, MIXES[0])
    assert read_part(*table, PLAN, PART, SCORES) == MIXES[1]


def test_reading_a_missing_part_raises(table: tuple[Store, str]) -> None:
    with pytest.raises(ObjectGone):
        read_part(*table, PLAN, PART, SCORES)


def with_flipped_bit(data: bytes) -> bytes:
    """The same with another bit in the values of the first column, which a checksum covers."""
    column = pq.ParquetFile(BytesIO(data)).metadata.row_group(0).column(0)
    place = column.data_page_offset + column.total_compressed_size - 1
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: data[: len(data) // 2], "cannot be read as Parquet"),
        (with_flipped_bit, "cannot be read as Parquet"),
    ],
    ids=["cut", "flipped bit"],
)
def test_damage_is_found(tmp_path: Path, damage, message: str) -> None:  # type: ignore[no-untyped-def]
    store, output = LocalStore(), str(tmp_path)
    write_part(store, output, PLAN, PART, MIXES[1])
    uri = staged_uri(output, PLAN, PART)
    store.write(uri, damage(store.read(uri)))
    with pytest.raises(DamageFound, match=message):
        read_part(store, output, PLAN, PART, SCORES)


def test_a_file_of_another_run_or_of_fewer_tracks_is_damage(tmp_path: Path) -> None:
    store, output = LocalStore(), str(tmp_path)
    write_part(store, output, make_plan(8, run_id="20261121T065212Z-000000"), PART, MIXES[0])
    other = store.read(staged_uri(output, make_plan(8, run_id="20261121T065212Z-000000"), PART))
    store.write(staged_uri(output, PLAN, PART), other)
    with pytest.raises(DamageFound, match="not a file of this run"):
        read_part(store, output, PLAN, PART, SCORES)
    write_part(store, output, PLAN, Part(2, 1, 3, 7), MIXES[0])
    with pytest.raises(DamageFound, match="has 3 tracks"):
        read_part(store, output, PLAN, Part(2, 1, 3, 7), SCORES)


def test_a_part_under_the_name_of_another_is_damage(tmp_path: Path) -> None:
    store, output = LocalStore(), str(tmp_path)
    write_part(store, output, PLAN, PART, MIXES[0])
    other = Part(2, 1, 3, 6)
    store.write(staged_uri(output, PLAN, other), store.read(staged_uri(output, PLAN, PART)))
    with pytest.raises(DamageFound, match="these rows of the listing") as damage:
        read_part(store, output, PLAN, other, SCORES)
    assert damage.value.hint == repair_hint(output)


def test_a_part_of_an_older_version_does_not_name_its_rows(tmp_path: Path) -> None:
    store, output, uri = LocalStore(), str(tmp_path), staged_uri(str(tmp_path), PLAN, PART)
    write_part(store, output, PLAN, PART, MIXES[0])
    table = pq.read_table(uri)
    metadata = {key: value for key, value in table.schema.metadata.items() if key != b"listing_rows"}
    pq.write_table(table.replace_schema_metadata(metadata), uri)
    with pytest.raises(DamageFound, match="these rows of the listing"):
        read_part(store, output, PLAN, PART, SCORES)


def test_a_row_without_its_values_is_damage(tmp_path: Path) -> None:
    store, output, uri = LocalStore(), str(tmp_path), staged_uri(str(tmp_path), PLAN, PART)
    write_part(store, output, PLAN, PART, MIXES[0])
    table = pq.read_table(uri)
    place = table.column_names.index("decoder")
    pq.write_table(table.set_column(place, table.field("decoder"), pa.nulls(table.num_rows, pa.string())), uri)
    with pytest.raises(DamageFound, match="has missing values"):
        read_part(store, output, PLAN, PART, SCORES)


TRACKS = make_tracks(7)
PLAN_PART_LEDGER = make_plan(len(TRACKS), shard_tracks=5, part_tracks=2)
"""Two shards: rows 0-1, 2-3 and 4, then rows 5-6, which are one part."""
SMALL = make_plan(3, shard_tracks=3, part_tracks=2)
Outcome = Callable[[Track], ScoredTrack | RejectedTrack]


def parts_of(store: Store, output: str, plan: RunPlan = PLAN_PART_LEDGER) -> PartLedger:
    return PartLedger(store, output, plan, Ledger(store, output, plan))


def commit(ledger: PartLedger, part: Part, outcome: Outcome = score) -> None:
    rows = [outcome(track) for track in TRACKS[part.start : part.stop]]
    scored = [row for row in rows if isinstance(row, ScoredTrack)]
    ledger.commit(part, scored, [row for row in rows if isinstance(row, RejectedTrack)])


def carry_out(store: Store, output: str, plan: RunPlan, outcome: Outcome, most: int = 100) -> None:
    """What the pipeline does, for at most `most` parts."""
    ledger = parts_of(store, output, plan)
    for part in ledger.take_up()[:most]:
        commit(ledger, part, outcome)


def third_is_bad(track: Track) -> ScoredTrack | RejectedTrack:
    return reject(track) if track == TRACKS[2] else score(track)


def staged(store: Store, output: str) -> list[str]:
    return [path for path in everything(store, output) if path.startswith(layout.staged_folder(RUN_ID))]


def shards_of(plan: RunPlan) -> list[list[Track]]:
    return cut(TRACKS[: plan.tracks], plan.shard_tracks)


def test_the_table_is_that_of_shards_that_are_committed_at_once(table: tuple[Store, str]) -> None:
    carry_out(*table, PLAN_PART_LEDGER, third_is_bad)
    at_once = MemoryStore()
    carry_out(at_once, "/table", make_plan(len(TRACKS), shard_tracks=5), third_is_bad)
    assert everything(*table) == everything(at_once, "/table")
    assert len(check_shards(*table, PLAN_PART_LEDGER, shards_of(PLAN_PART_LEDGER))) == 2


def test_readers_see_a_shard_when_it_is_whole(table: tuple[Store, str]) -> None:
    carry_out(*table, PLAN_PART_LEDGER, score, most=2)
    assert [path.split("/")[0] for path in everything(*table)] == ["_runs", "_runs"]
    assert len(staged(*table)) == 2
    carry_out(*table, PLAN_PART_LEDGER, score, most=1)
    assert Ledger(*table, PLAN_PART_LEDGER).shards() == {0}
    assert staged(*table) == []


def test_parts_may_come_in_any_order(table: tuple[Store, str]) -> None:
    ledger = parts_of(*table)
    for part in reversed(ledger.left()):
        commit(ledger, part)
    assert ledger.left() == []
    check_shards(*table, PLAN_PART_LEDGER, shards_of(PLAN_PART_LEDGER))


def test_a_driver_that_comes_after_another_does_the_rest_alone(table: tuple[Store, str]) -> None:
    assert parts_of(*table).left() == [Part(0, 0, 0, 2), Part(1, 0, 2, 4), Part(2, 0, 4, 5), Part(3, 1, 5, 7)]
    carry_out(*table, PLAN_PART_LEDGER, score, most=2)
    assert parts_of(*table).left() == [Part(2, 0, 4, 5), Part(3, 1, 5, 7)]
    carry_out(*table, PLAN_PART_LEDGER, reject)
    first, second = check_shards(*table, PLAN_PART_LEDGER, shards_of(PLAN_PART_LEDGER))
    assert (first.counts.scored, first.counts.rejected, second.counts.rejected) == (4, 1, 2)


def test_a_plan_of_an_older_version_has_shards_of_one_part(table: tuple[Store, str]) -> None:
    plan = make_plan(len(TRACKS), shard_tracks=5)
    assert parts_of(*table, plan).left() == [Part(0, 0, 0, 5), Part(1, 1, 5, 7)]


@pytest.mark.slow
def test_every_interleaving_of_two_drivers_with_a_crash_of_both_at_every_step() -> None:
    """From the last part of a shard on: what came before it is only files that are created."""

    def last_part(store: Store, outcome: Outcome) -> None:
        ledger = parts_of(store, "/table", SMALL)
        for part in ledger.left():
            commit(ledger, part, outcome)

    first, crashes = MemoryStore(), set[frozenset[tuple[str, bytes]]]()
    carry_out(first, "/table", SMALL, score, most=1)
    drivers = [Driver(lambda store, o=o: last_part(store, o)) for o in (third_is_bad, score)]
    for now, _, before in every_interleaving(first, drivers):
        kept = {uri for uri in before.objects if "/staged/" not in uri}
        assert all(now.objects[uri] == before.objects[uri] for uri in kept)
        check_shards(now, "/table", SMALL, shards_of(SMALL))
        if (crash := frozenset(now.objects.items())) in crashes:
            continue
        crashes.add(crash)
        resumed = MemoryStore(now.objects)
        carry_out(resumed, "/table", SMALL, lambda track: reject(track, RejectReason.READ_FAILED))
        (record,) = check_shards(resumed, "/table", SMALL, shards_of(SMALL))
        assert record.counts.scored + record.counts.rejected == 3
    assert len(crashes) > 8


def test_a_staged_part_of_a_committed_shard_is_deleted(table: tuple[Store, str]) -> None:
    carry_out(*table, PLAN_PART_LEDGER, score, most=1)
    uri = staged_uri(table[1], PLAN_PART_LEDGER, Part(0, 0, 0, 2))
    data = table[0].read(uri)
    carry_out(*table, PLAN_PART_LEDGER, score)
    table[0].write(uri, data)
    parts_of(*table).take_up()
    assert staged(*table) == []


def test_a_run_without_permission_to_delete_finishes_all_the_same(tmp_path: Path) -> None:
    class Keeping(LocalStore):
        def delete(self, uri: str) -> None:
            raise AccessDenied(uri)

    for _ in range(2):
        carry_out(Keeping(), str(tmp_path), PLAN_PART_LEDGER, score)
    check_shards(Keeping(), str(tmp_path), PLAN_PART_LEDGER, shards_of(PLAN_PART_LEDGER))
    assert len(staged(Keeping(), str(tmp_path))) == 3


def test_staged_outcomes_that_are_removed_are_damage_and_done_again(table: tuple[Store, str]) -> None:
    ledger = parts_of(*table)
    first, *rest = ledger.left()[:3]
    commit(ledger, first)
    table[0].delete(staged_uri(table[1], PLAN_PART_LEDGER, first))
    commit(ledger, rest[0])
    with pytest.raises(DamageFound, match="have been removed"):
        commit(ledger, rest[1])
    assert parts_of(*table).left()[0] == first
    carry_out(*table, PLAN_PART_LEDGER, score)
    check_shards(*table, PLAN_PART_LEDGER, shards_of(PLAN_PART_LEDGER))


def test_a_damaged_part_is_named_and_done_again_once_it_is_gone(tmp_path: Path) -> None:
    store, output = LocalStore(), str(tmp_path)
    carry_out(store, output, PLAN_PART_LEDGER, score, most=1)
    uri = staged_uri(output, PLAN_PART_LEDGER, Part(0, 0, 0, 2))
    store.write(uri, store.read(uri)[:-9])
    with pytest.raises(DamageFound, match="000000000000-000000000002") as damage:
        carry_out(store, output, PLAN_PART_LEDGER, score)
    assert damage.value.hint == repair_hint(output)
    store.delete(uri)
    carry_out(store, output, PLAN_PART_LEDGER, score)
    check_shards(store, output, PLAN_PART_LEDGER, shards_of(PLAN_PART_LEDGER))


def test_a_track_with_two_outcomes_leaves_nothing_behind(table: tuple[Store, str]) -> None:
    ledger = parts_of(*table)
    part = ledger.left()[0]
    rows: Sequence[ScoredTrack] = [score(make_track(0)), score(make_track(0))]
    with pytest.raises(ValueError, match="two outcomes"):
        ledger.commit(part, rows, [])
    assert everything(*table) == {}
