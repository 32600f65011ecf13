from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sink.shard_rows import make_plan, make_track, make_tracks, reject, score
from sink.test_answers import FRONT_END, described

from genre_batch.catalog.shards import Shard
from genre_batch.errors import DamageFound
from genre_batch.sink.answers import MakeTable, features_maker, make_scores
from genre_batch.sink.mending import mend
from genre_batch.sink.schema import SCORES, AnsweredTrack, features_schema
from genre_batch.sink.shard_tables import ShardTables, shard_tables
from genre_batch.sink.staged_part import read_part, staged_uri, write_part
from genre_batch.storage.local import LocalStore
from genre_batch.storage.store import ObjectGone, Store

PLAN = make_plan(8)
PART = Shard(1, 0, 3)


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
    assert read_part(LocalStore(), str(tmp_path), PLAN, PART, features_schema(FRONT_END.columns)) == written


def test_the_outcomes_that_came_first_stand(table: tuple[Store, str]) -> None:
    write_part(*table, PLAN, PART, MIXES[1])
    write_part(*table, PLAN, PART, MIXES[0])
    assert read_part(*table, PLAN, PART, SCORES) == MIXES[1]


def test_a_part_that_is_not_there_is_told(table: tuple[Store, str]) -> None:
    with pytest.raises(ObjectGone):
        read_part(*table, PLAN, PART, SCORES)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: data[: len(data) // 2], "cannot be read as Parquet"),
        (lambda data: data[:40] + bytes([data[40] ^ 1]) + data[41:], "cannot be read as Parquet"),
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
    write_part(store, output, PLAN, Shard(2, 3, 7), MIXES[0])
    with pytest.raises(DamageFound, match="has 3 tracks"):
        read_part(store, output, PLAN, Shard(2, 3, 7), SCORES)


def test_a_part_under_the_name_of_another_is_damage(tmp_path: Path) -> None:
    store, output = LocalStore(), str(tmp_path)
    write_part(store, output, PLAN, PART, MIXES[0])
    other = Shard(2, 3, 6)
    store.write(staged_uri(output, PLAN, other), store.read(staged_uri(output, PLAN, PART)))
    with pytest.raises(DamageFound, match="these rows of the listing") as damage:
        read_part(store, output, PLAN, other, SCORES)
    assert damage.value.hint == mend(output)


def test_a_part_of_an_older_version_says_not_of_which_rows_it_is(tmp_path: Path) -> None:
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
    with pytest.raises(DamageFound, match="lacks values"):
        read_part(store, output, PLAN, PART, SCORES)
