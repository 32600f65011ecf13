"""A second sink: JSON lines beside the Parquet files of `Ledger`, through the same parts, manifest and resuming."""

import json
from collections.abc import Iterator, Sequence

import pytest
from sink.memory_store import MemoryStore
from sink.shard_rows import make_plan, make_tracks, reject, score

from genre_batch.sink import layout
from genre_batch.sink.finish import finish, is_finished
from genre_batch.sink.ledger import Ledger
from genre_batch.sink.part_ledger import PartLedger
from genre_batch.sink.plan import RunPlan
from genre_batch.sink.record import CommitRecord
from genre_batch.sink.schema import AnsweredTrack, RejectedTrack
from genre_batch.sink.sink import Sink, open_sink
from genre_batch.sink.tables import ShardTables
from genre_batch.storage.store import Store

TRACKS = make_tracks(7)
PLAN = make_plan(7, shard_tracks=4, part_tracks=2)


class WithJsonLines:
    """Writes the genres of a shard for readers that know no Parquet, then commits it as `Ledger` does."""

    def __init__(self, store: Store, output: str, run: RunPlan) -> None:
        self._store, self._output, self._ledger = store, output, Ledger(store, output, run)

    def tables(self, answered: Sequence[AnsweredTrack], rejected: Sequence[RejectedTrack]) -> ShardTables:
        return self._ledger.tables(answered, rejected)

    def commit_tables(self, shard_index: int, tables: ShardTables) -> CommitRecord:
        rows = tables.answers.select(["track_id", "genre"]).to_pylist()
        lines = "".join(f"{json.dumps(row)}\n" for row in rows)
        self._store.create(layout.at(self._output, f"genres/{shard_index}.jsonl"), lines.encode())
        return self._ledger.commit_tables(shard_index, tables)

    def shards(self) -> set[int]:
        return self._ledger.shards()

    def record(self, shard_index: int) -> CommitRecord:
        return self._ledger.record(shard_index)

    def records(self) -> Iterator[CommitRecord]:
        return self._ledger.records()


def carry_out(store: Store, sink: Sink, stop_after: int = 100) -> None:
    parts = PartLedger(store, "/out", PLAN, sink)
    for part in parts.take_up()[:stop_after]:
        rejected = [reject(track) for track in TRACKS[part.start : part.stop] if track is TRACKS[5]]
        answered = [score(track) for track in TRACKS[part.start : part.stop] if track is not TRACKS[5]]
        parts.commit(part, answered, rejected)


@pytest.mark.parametrize("stop_after", range(4))
def test_a_run_that_stops_resumes_to_the_same_objects(stop_after: int) -> None:
    store = MemoryStore()
    carry_out(store, WithJsonLines(store, "/out", PLAN), stop_after)
    carry_out(store, WithJsonLines(store, "/out", PLAN))
    manifest = finish(store, "/out", PLAN, WithJsonLines(store, "/out", PLAN).records())
    assert (manifest.counts.scored, manifest.counts.rejected) == (6, 1)
    assert is_finished(store, "/out", PLAN.run_id)
    lines = b"".join(store.objects[f"/out/genres/{shard}.jsonl"] for shard in range(2)).splitlines()
    assert [json.loads(line)["track_id"] for line in lines] == [t.track_id for t in TRACKS if t is not TRACKS[5]]
    plain = MemoryStore()
    carry_out(plain, open_sink(plain, "/out", PLAN))
    finish(plain, "/out", PLAN, open_sink(plain, "/out", PLAN).records())
    assert {uri: data for uri, data in store.objects.items() if "/genres/" not in uri} == plain.objects
