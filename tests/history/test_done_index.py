"""When a segment may stand for its runs, and what is said if it may not."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from history.done_histories import OUTPUT, Night, carry_out
from sink.memory_store import MemoryStore

from genre_batch.catalog.reject import RejectReason
from genre_batch.errors import DamageFound
from genre_batch.history import done_writer
from genre_batch.history.done_index import DoneIndex, key_of_model, read_done_index, usable_segments
from genre_batch.sink import layout
from genre_batch.storage.store import AccessDenied, Archived

NIGHTS = [Night({"a": ("v1", None), "b": ("v1", RejectReason.CORRUPT)}), Night({"c": ("v1", None)})]
PLANS = [night.plan(day) for day, night in enumerate(NIGHTS)]
KEY = key_of_model("model-0", "f" * 64)
POINTER = layout.at(OUTPUT, layout.done_index_path(KEY))


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> MemoryStore:
    for name, value in {"_LEAST_ROWS": 0, "_GROWTH": 0}.items():
        monkeypatch.setattr(done_writer, name, value)
    found = MemoryStore()
    for day, night in enumerate(NIGHTS):
        carry_out(found, night, day)
        done_writer.extend_done_index(found, OUTPUT)  # type: ignore[arg-type]
    return found


def usable(store: MemoryStore) -> list[str]:
    with ThreadPoolExecutor(1) as executor:
        segments = usable_segments(store, OUTPUT, PLANS, executor)  # type: ignore[arg-type]
    return [run_id for segment in segments for run_id in segment.run_ids]


def test_a_segment_stands_for_runs_that_are_as_they_were(store: MemoryStore) -> None:
    assert usable(store) == [plan.run_id for plan in PLANS]


def shorter(store: MemoryStore, uri: str) -> None:
    store.objects[uri] = store.objects[uri][:-1]


@pytest.mark.parametrize("hurt", [lambda store, uri: store.delete(uri), shorter])
@pytest.mark.parametrize(
    "path",
    [
        layout.manifest_path(PLANS[0].run_id),
        layout.answers_path(PLANS[0], 0),
        layout.rejects_path(PLANS[0], 0),
    ],
)
def test_a_run_that_has_changed_is_read_and_named(
    store: MemoryStore, path: str, hurt: Callable[[MemoryStore, str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    hurt(store, layout.at(OUTPUT, path))
    assert usable(store) == [PLANS[1].run_id]
    said = capsys.readouterr().err
    assert said.startswith(f"a part of the done-index no longer fits: {path} ")
    assert said.endswith("; its runs are read instead\n")


@pytest.mark.parametrize("error", [AccessDenied, Archived])
@pytest.mark.parametrize("path", [POINTER, layout.at(OUTPUT, layout.manifest_path(PLANS[0].run_id))])
def test_what_cannot_be_read_does_not_count(
    store: MemoryStore, path: str, error: type[Exception], capsys: pytest.CaptureFixture[str]
) -> None:
    store.denied = {path: error("it is out of reach")}
    assert usable(store) == ([] if path == POINTER else [PLANS[1].run_id])
    assert "out of reach" in capsys.readouterr().err


def test_a_run_without_all_markers_is_read(store: MemoryStore, capsys: pytest.CaptureFixture[str]) -> None:
    store.delete(layout.at(OUTPUT, layout.commit_path(PLANS[1].run_id, 0)))
    assert usable(store) == [PLANS[0].run_id]
    assert "does not have the marker of each shard" in capsys.readouterr().err


def test_a_run_that_is_not_among_the_plans_is_not_counted(store: MemoryStore) -> None:
    with ThreadPoolExecutor(1) as executor:
        (segment,) = usable_segments(store, OUTPUT, PLANS[1:], executor)  # type: ignore[arg-type]
    assert segment.run_ids == (PLANS[1].run_id,)


def test_every_changed_byte_of_the_pointer_is_noticed(store: MemoryStore, capsys: pytest.CaptureFixture[str]) -> None:
    whole = store.objects[POINTER]
    for place in range(0, len(whole), 7):
        changed = bytearray(whole)
        changed[place] ^= 1
        store.objects[POINTER] = bytes(changed)
        try:
            found = read_done_index(store, OUTPUT, KEY)  # type: ignore[arg-type]
        except DamageFound:
            assert usable(store) == []
            assert "all runs are read instead" in capsys.readouterr().err
        else:  # the space between two values
            assert found is not None
            assert found[0] == DoneIndex.model_validate_json(whole)
