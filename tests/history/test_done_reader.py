"""A segment is read by ranges of track_ids, and where it is damaged, its runs are."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pytest
from history.done_histories import OUTPUT, Night, carry_out
from sink.memory_store import MemoryStore

from genre_batch.history import done_reader, done_writer
from genre_batch.history.done_index import IndexSegment, key_of_model, read_done_index
from genre_batch.history.done_reader import IndexedOutcomes
from genre_batch.history.past_outcomes import merged_outcomes
from genre_batch.sink import layout

NAMES = "abcdefgh"
KEY = key_of_model("model-0", "f" * 64)


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> MemoryStore:
    for name, value in {"_LEAST_ROWS": 0, "_FILE_ROWS": 2}.items():
        monkeypatch.setattr(done_writer, name, value)
    monkeypatch.setattr(done_reader, "_AHEAD", 1)
    found = MemoryStore()
    carry_out(found, Night(dict.fromkeys(NAMES, ("v1", None))), 0)
    done_writer.extend_done_index(found, OUTPUT)  # type: ignore[arg-type]
    return found


def segment_in(store: MemoryStore) -> IndexSegment:
    found = read_done_index(store, OUTPUT, KEY)  # type: ignore[arg-type]
    assert found is not None
    return found[0].segments[0]


def opened(store: MemoryStore, executor: ThreadPoolExecutor) -> IndexedOutcomes:
    def read_runs(run_ids: Sequence[str]) -> Iterator[pa.RecordBatch]:
        return merged_outcomes(store, OUTPUT, {7: Night(dict.fromkeys(NAMES, ("", None))).plan(0)}, executor)  # type: ignore[arg-type]

    segment = segment_in(store)
    return IndexedOutcomes(store, OUTPUT, KEY, segment, {segment.run_ids[0]: 7}, read_runs, executor)  # type: ignore[arg-type]


def read(rows: IndexedOutcomes) -> str:
    return "".join(name for batch in rows for name in batch["track_id"].to_pylist())


def test_outcomes_have_the_numbers_that_planning_gave_their_runs(store: MemoryStore) -> None:
    with ThreadPoolExecutor(1) as executor:
        rows = opened(store, executor)
        assert rows.numbers == (7,)
        assert {number for batch in rows for number in batch["run"].to_pylist()} == {7}


@pytest.mark.parametrize(("first", "left"), [("a", "cdefgh"), ("d", "cdefgh"), ("e", "efgh"), ("h", "gh"), ("i", "")])
def test_files_before_a_track_are_not_read(store: MemoryStore, first: str, left: str) -> None:
    with ThreadPoolExecutor(1) as executor:
        rows = opened(store, executor)
        next(rows)
        for file in segment_in(store).files:
            if file.last < first:
                store.delete(layout.at(OUTPUT, layout.done_file_path(KEY, file.name)))
        rows.seek(first)
        assert read(rows) == left


@pytest.mark.parametrize("number", range(4))
@pytest.mark.parametrize("how", ["missing", "changed"])
def test_where_a_file_is_damaged_the_runs_are_read(
    store: MemoryStore, number: int, how: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = layout.done_file_path(KEY, segment_in(store).files[number].name)
    data = store.objects.pop(layout.at(OUTPUT, path))
    if how == "changed":
        store.objects[layout.at(OUTPUT, path)] = data[:-1] + bytes([data[-1] ^ 1])
    with ThreadPoolExecutor(1) as executor:
        assert read(opened(store, executor)) == NAMES
    assert f"the done-index cannot be used: {path}" in capsys.readouterr().err
