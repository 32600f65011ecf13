"""The done-index changes no plan, whatever happened to its runs, to itself, and to its writer."""

from concurrent.futures import Future
from typing import Any, Self

import pyarrow as pa
import pytest
from history.done_histories import OUTPUT, Dead, Deadly, Night, carry_out, happen, planned, without_index
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sink.memory_store import MemoryStore
from sink.stepping import Driver, every_interleaving

from genre_batch.catalog.reject import RejectReason
from genre_batch.catalog.track import Track
from genre_batch.history import done_writer
from genre_batch.history.done_index import DoneIndex, key_of_model, read_done_index
from genre_batch.history.done_writer import extend_done_index, newest_of_each_kind
from genre_batch.history.past_outcomes import retryable_reasons
from genre_batch.sink import layout
from genre_batch.sink.tables import PLACED

KEY = key_of_model("model-0", "f" * 64)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every run is worth an index, and its files have a few rows each."""
    for name, value in {"_LEAST_ROWS": 0, "_LEAST_RUNS": 0, "_FILE_ROWS": 2}.items():
        monkeypatch.setattr(done_writer, name, value)


NAMES = st.sampled_from(["", "a", "é", "e\u0301", "🎵"])
ETAGS = st.sampled_from(["v1", "v2"])
R = RejectReason
REASONS = st.sampled_from([None, None, R.CORRUPT, R.SILENT, R.GONE, R.DEFERRED, R.DONE_ELSEWHERE])
NIGHT = st.builds(
    Night,
    st.dictionaries(NAMES, st.tuples(ETAGS, REASONS), min_size=1, max_size=6),
    st.sampled_from([0, 0, 0, 1]),
    st.integers(0, 1),
    st.booleans(),
    st.sampled_from([True, True, True, False]),
)
EVENTS = st.one_of(
    NIGHT,
    NIGHT,
    NIGHT,
    st.just("index"),
    st.tuples(st.sampled_from(["remove", "again", "lose manifest", "lose marker", "lose file"]), st.integers(0, 4)),
    st.tuples(st.sampled_from(["lose index", "damage index"]), st.integers(0, 9)),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(
    st.lists(EVENTS, max_size=9).map(lambda events: [*events[:5], "index", *events[5:]]),
    st.dictionaries(NAMES, ETAGS, min_size=2),
    st.sampled_from([(), (R.CORRUPT,), (R.CORRUPT, R.SILENT)]),
    st.sampled_from([0, 1, 100]),
)
def test_a_plan_is_the_same_with_and_without_an_index(
    events: list[Any], catalog: dict[str, str], retry: tuple[RejectReason, ...], growth: int
) -> None:
    store, nights = MemoryStore(), list[Night]()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(done_writer, "_GROWTH", growth)
        for event in events:
            happen(store, event, nights)
    tracks = [Track(name, name, etag, 1) for name, etag in sorted(catalog.items())]
    for model in (0, 1):
        given = tracks, model, retryable_reasons(retry)
        assert planned(store, *given) == planned(without_index(store), *given)


def nights_in(store: MemoryStore, *outcomes: dict[str, tuple[str, RejectReason | None]], first: int = 0) -> None:
    for day, each in enumerate(outcomes, first):
        carry_out(store, Night(each), day)


def index_in(store: MemoryStore) -> DoneIndex:
    found = read_done_index(store, OUTPUT, KEY)  # type: ignore[arg-type]
    assert found is not None
    return found[0]


def extend(store: Any) -> int:
    return extend_done_index(store, OUTPUT)


CATALOG = [Track(name, name, "v1", 1) for name in "abcdefgh"]


def test_each_run_is_in_one_segment_and_small_segments_are_merged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(done_writer, "_GROWTH", 1)
    store = MemoryStore()
    nights_in(store, dict.fromkeys("abcd", ("v1", None)))
    assert extend(store) == 4
    nights_in(store, {"e": ("v1", None)}, first=1)
    assert [extend(store), extend(store)] == [1, 0]
    assert [len(segment.runs) for segment in index_in(store).segments] == [1, 1]
    nights_in(store, {"f": ("v1", None)}, first=2)
    assert extend(store) == 2
    assert [(len(segment.runs), segment.rows) for segment in index_in(store).segments] == [(1, 4), (2, 2)]
    nights_in(store, dict.fromkeys("ghij", ("v1", None)), first=3)
    assert extend(store) == 10
    (segment,) = index_in(store).segments
    assert [(file.first, file.last) for file in segment.files] == [
        ("a", "b"),
        ("c", "d"),
        ("e", "f"),
        ("g", "h"),
        ("i", "j"),
    ]


def test_a_track_that_another_source_has_answered_since_is_still_missed_from_its_own() -> None:
    store = MemoryStore()
    carry_out(store, Night({"a": ("v1", None)}, source=0), 0)
    carry_out(store, Night({"a": ("v1", None)}, source=1), 1)
    extend(store)
    _, gone = planned(store, CATALOG[1:], 0, ())
    assert gone == planned(without_index(store), CATALOG[1:], 0, ())[1]
    assert [row["track_id"] for row in gone] == ["a"]  # type: ignore[attr-defined]


def test_few_new_outcomes_are_not_worth_a_segment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(done_writer, "_LEAST_ROWS", 3)
    monkeypatch.setattr(done_writer, "_LEAST_RUNS", 3)
    store = MemoryStore()
    nights_in(store, {"a": ("v1", None)}, {"b": ("v1", None)})
    assert extend(store) == 0
    nights_in(store, {"c": ("v1", None)}, first=2)
    assert extend(store) == 3


def test_an_index_is_read_in_place_of_its_runs_and_newer_runs_beside_it(capsys: pytest.CaptureFixture[str]) -> None:
    store = MemoryStore()
    nights_in(store, {"a": ("v1", None), "b": ("v1", R.CORRUPT)}, {"b": ("v2", None), "c": ("v1", None)})
    extend(store)
    nights_in(store, {"d": ("v1", None)}, first=2)
    expected = planned(without_index(store), CATALOG, 0, retryable_reasons(()))
    read: list[str] = []
    counting = Counting(store, read)
    assert planned(counting, CATALOG, 0, retryable_reasons(())) == expected  # type: ignore[arg-type]
    assert {uri.split("/")[2] for uri in read if uri.endswith(".parquet")} == {"_runs", "scores"}
    assert [uri for uri in read if "/scores/" in uri and "0002Z" not in uri and "000002" not in uri] == []
    assert capsys.readouterr().err == ""


class Counting:
    """A store that notes what is read."""

    def __init__(self, store: MemoryStore, read: list[str]) -> None:
        self._store, self._read = store, read

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def read(self, uri: str, **options: Any) -> bytes:
        self._read.append(uri)
        return self._store.read(uri, **options)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("before", [False, True])
def test_a_kill_at_any_write_leaves_an_output_that_plans_the_same_and_can_go_on(before: bool, after: bool) -> None:
    start = MemoryStore()
    nights_in(start, dict.fromkeys("abc", ("v1", None)))
    if before:
        extend(start)
    nights_in(start, {"b": ("v2", None), "d": ("v1", R.GONE)}, first=1)
    given = CATALOG, 0, retryable_reasons(())
    expected, kills = planned(without_index(start), *given), 0
    for writes in range(100):
        store = MemoryStore(start.objects)
        try:
            extend(Deadly(store, writes, after))
        except Dead:
            kills += 1
        else:
            break
        assert planned(store, *given) == expected
        assert {uri: data for uri, data in store.objects.items() if layout.DONE_FOLDER not in uri} == {
            uri: data for uri, data in start.objects.items() if layout.DONE_FOLDER not in uri
        }
        extend(store)
        assert len({run for segment in index_in(store).segments for run in segment.run_ids}) == 2
        assert planned(store, *given) == expected
    assert kills >= 3


def test_every_interleaving_of_two_writers_leaves_one_index_that_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    start = MemoryStore()
    nights_in(start, {"a": ("v1", None)})
    names = iter(f"{number:016x}" for number in range(100_000))

    def writer(token: str) -> Driver:
        def work(store: Any) -> object:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(done_writer.secrets, "token_hex", lambda _: token)
                patch.setattr(done_writer, "ThreadPoolExecutor", InTurn)
                return extend_done_index(store, OUTPUT)

        return Driver(work)

    expected, ends = planned(start, CATALOG, 0, ()), 0
    for store, at, _ in every_interleaving(start, [writer(next(names)), writer(next(names))]):
        if all(driver.done for driver in at):
            assert sorted(driver.result for driver in at) in ([0, 1], [1, 1])
            assert planned(store, CATALOG, 0, ()) == expected
            (segment,) = index_in(store).segments
            assert all(
                layout.at(OUTPUT, layout.done_file_path(KEY, file.name)) in store.objects for file in segment.files
            )
            ends += 1
    assert ends


class InTurn:
    """An executor that does everything at once, in the order in which it is asked."""

    def __init__(self, _: int) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def submit(self, function: Any, *given: Any) -> Any:
        future: Future[Any] = Future()
        future.set_result(function(*given))
        return future

    def map(self, function: Any, items: Any) -> list[Any]:
        return list(map(function, items))


def test_a_damaged_run_leaves_the_index_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    store = MemoryStore()
    nights_in(store, {"a": ("v1", None)})
    extend(store)
    nights_in(store, {"b": ("v1", None)}, first=1)
    before = index_in(store)
    uri = layout.at(OUTPUT, layout.answers_path(Night({}).plan(1), 0))
    store.objects[uri] = store.objects[uri][:-1] + b"x"
    assert extend(store) == 0
    assert index_in(store) == before
    assert "the done-index is left as it is" in capsys.readouterr().err
    assert len([uri for uri in store.objects if layout.DONE_FOLDER in uri]) == 2  # nothing of the attempt is left


def test_a_damaged_index_is_replaced() -> None:
    store = MemoryStore()
    nights_in(store, {"a": ("v1", None)})
    extend(store)
    store.objects[layout.at(OUTPUT, layout.done_index_path(KEY))] = b"{}"
    assert extend(store) == 1
    assert index_in(store).segments[0].rows == 1


def test_of_each_version_and_source_the_newest_outcome_of_each_kind_is_kept() -> None:
    rows = [
        ("a", "v1", None, 0),
        ("a", "v1", "corrupt", 1),
        ("a", "v1", "gone", 1),
        ("a", "v1", None, 2),
        ("a", "v1", "silent", 3),
        ("a", "v1", "done_elsewhere", 3),
        ("a", "v1", "internal", 4),
        ("a", "v2", None, 1),
        ("b", "v1", "gone", 0),
    ]
    batch = pa.RecordBatch.from_pylist([dict(zip(PLACED.names, row, strict=True)) for row in rows], schema=PLACED)
    same = newest_of_each_kind(batch, pa.array([0] * 5, pa.int32())).to_pylist()
    assert [tuple(row.values()) for row in same] == [rows[7], rows[3], rows[4], rows[5], rows[6], rows[8]]
    apart = newest_of_each_kind(batch, pa.array([0, 1, 1, 1, 1], pa.int32()))
    assert [tuple(row.values()) for row in apart.to_pylist()] == [rows[0], rows[7], *rows[3:7], rows[8]]
