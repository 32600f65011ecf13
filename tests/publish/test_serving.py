"""The serving table while publishers race, are killed, and find what others have left."""

import io
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from publish.histories import Place, night, replayed, rows, run, said
from sink.memory_store import MemoryStore
from sink.stepping import Driver, every_interleaving

from genre_batch.publish import changes, serving
from genre_batch.publish.pointer import PublishedModel, next_step, read_published, steps, take_step
from genre_batch.publish.serving import serving_record, unserved_steps, write_serving
from genre_batch.sink.record import Counts
from genre_batch.storage.local import LocalStore
from genre_batch.storage.store import Store, WriteFailed


def test_a_step_in_many_files_is_finished_by_whoever_comes_next(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "_RANGE_ROWS", 2)
    monkeypatch.setattr(changes, "_ROWS_AT_ONCE", 1)
    night(place, 0, {f"{name}:v1": "rock" for name in "abcdefg"})
    run(place, serving=False)
    assert [step.number for step in unserved_steps(*place)] == [1]
    with pytest.raises(_Dead):
        write_serving(_Dying(place[0], 2), place[1])  # type: ignore[arg-type]
    assert len(rows(place)) == 4
    monkeypatch.setattr(changes, "_RANGE_ROWS", 3)
    night(place, 1, {"a:v2": "jazz"})
    assert run(place).serving_rows == 8
    assert rows(place)["track_id"].tolist() == [*"abcdefga"]
    assert [serving_record(*place, step.step) is not None for step in steps(*place)] == [True, True]


class _Dead(BaseException):
    pass


class _Dying:
    """A store whose user dies before it writes for the n-th time."""

    def __init__(self, store: Store, writes: int) -> None:
        self._store, self._left = store, writes

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def create(self, uri: str, data: bytes) -> bool:
        if not self._left:
            raise _Dead
        self._left -= 1
        return self._store.create(uri, data)


def fixed_changes(ranges: list[list[str]]) -> Any:
    """Stands for `changes`: these tracks, cut into these ranges."""

    def changes(*_: Any) -> Any:
        for names in ranges:
            yield pa.table({"track_id": names})

    return changes


class _Rows:
    def __init__(self, store: Any, output: str, step: Any, *_: Any) -> None:
        self._step = step

    def rows(self, changed: pa.Table, created_at: Any) -> pa.Table:
        return changed.append_column("step", pa.repeat(self._step.step, changed.num_rows))


def writer(ranges: list[list[str]]) -> Driver:
    """A publisher that writes what is missing, with its own ranges."""

    def work(store: Any) -> object:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(serving, "changes", fixed_changes(ranges))
            patch.setattr(serving, "ServingRows", _Rows)
            return [record.step for record in write_serving(store, "/table")]

    return Driver(work)


def test_every_interleaving_of_two_writers_and_a_crash_adds_each_row_once() -> None:
    start = MemoryStore()
    table = PublishedModel(answers="features", runs=(), counts=Counts(), confidence=(0,) * 10)
    take_step(start, "/table", lambda now: next_step(now, "publish", "a", {"a": table}))  # type: ignore[arg-type]
    log = [step.step for step in steps(start, "/table")]  # type: ignore[arg-type]
    drivers = [writer([["a", "b"], ["c"]]), writer([["a"], ["b", "c"]])]
    ends = 0
    for store, at, _ in every_interleaving(start, drivers):
        # whoever crashes here leaves this state, and readers see it
        for step in log:
            found = [
                pq.read_table(io.BytesIO(data))["track_id"].to_pylist()
                for uri, data in sorted(store.objects.items())
                if f"/{step}-" in uri and uri.endswith(".parquet")
            ]
            names = [name for each in found for name in each]
            assert names == ["a", "b", "c"][: len(names)]
            record = serving_record(store, "/table", step)  # type: ignore[arg-type]
            if record is not None:
                assert names == ["a", "b", "c"]
                assert [file.rows for file in record.files] == [len(each) for each in found]
        if all(driver.done for driver in at):
            assert not unserved_steps(store, "/table")  # type: ignore[arg-type]
            ends += 1
    assert ends


def publish_and_die(output: str, writes: int) -> bool:
    """Publish in a process that is killed instead of its write number `writes` (from 0); False if it ended before."""
    root = Path(__file__).parents[2]
    command = [sys.executable, str(Path(__file__).with_name("killed_publisher.py")), output, str(writes)]
    environment = os.environ | {"PYTHONPATH": f"{root}:{root / 'tests'}"}
    code = subprocess.run(command, env=environment, timeout=300, check=False, capture_output=True).returncode
    assert code in (0, -signal.SIGKILL)
    return code != 0


@pytest.mark.slow
@pytest.mark.parametrize("place", ["s3"], indirect=True)
def test_publishers_that_are_killed_before_each_write_lose_and_double_nothing(place: Place) -> None:
    night(place, 0, {f"{name}:v1": "rock" for name in "abcde"})
    run(place)
    night(place, 1, {f"{name}:v2": "jazz" for name in "abcd"})
    # the step, the pointer, two files and the record; each start finds what the one before it has left
    died = 0
    while publish_and_die(place[1], 0 if died == 0 else 1 if died == 1 else died % 2 + 1):
        died += 1
        assert died < 12
        found = rows(place)
        assert not found.duplicated(["track_id", "step"]).any()
        assert set(found["step"]) <= {step.step for step in steps(*place)}
    assert died >= 3
    assert replayed(rows(place)) == said(place[1])
    assert len(rows(place)) == 9
    assert [step.number for step in steps(*place)] == [2, 1]
    assert unserved_steps(*place) == []


@pytest.mark.slow
def test_a_publisher_may_be_killed_before_any_of_its_writes(tmp_path: Path) -> None:
    for writes in range(6):
        place: Place = LocalStore(), str(tmp_path / f"table{writes}")
        night(place, 0, {f"{name}:v1": "rock" for name in "abcd"})
        assert publish_and_die(place[1], writes) == (writes < 5)
        assert not rows(place).duplicated(["track_id", "step"]).any()
        assert len(rows(place)) == max(0, min(writes - 2, 2)) * 2
        run(place)
        assert replayed(rows(place)) == said(place[1])
        assert len(rows(place)) == 4


def test_publishers_that_race_add_each_row_once(place: Place) -> None:
    night(place, 0, {f"{name}:v1": "rock" for name in "abcde"})
    ready = threading.Barrier(3)

    def work() -> None:
        ready.wait()
        run(place)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    run(place)
    assert rows(place)["track_id"].tolist() == [*"abcde"]
    assert replayed(rows(place)) == said(place[1])


def test_a_store_that_fails_after_the_step_took_effect_leaves_the_rows_to_the_next_publication(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    night(place, 0, {"a:v1": "rock"})

    def fail(*_: Any) -> None:
        raise WriteFailed("no space")

    with monkeypatch.context() as patch:
        patch.setattr("genre_batch.publish.publishing.write_serving", fail)
        with pytest.raises(Exception, match="no space"):
            run(place)
    assert read_published(*place) is not None
    assert rows(place).empty
    again = run(place)
    assert (again.outcome, again.serving_rows) == ("unchanged", 1)
    assert "1 row added to serving/" in again.summary()
