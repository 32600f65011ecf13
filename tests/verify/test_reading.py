"""What cannot be read is told of one by one; it may be whole, so a repair leaves it alone."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sink.table_facts import everything
from verify.stand_in import sink_resumes

from genre_batch.config import GcConfig, VerifyConfig
from genre_batch.sink import layout
from genre_batch.sink.plan import RunPlan
from genre_batch.storage.local import LocalStore
from genre_batch.storage.store import AccessDenied, NoCredentials, ReadFailed, StorageError
from genre_batch.verify.clearing import clear
from genre_batch.verify.reading import Unreadable, reading
from genre_batch.verify.repair import verify_and_repair
from genre_batch.verify.verification import verify

Runs = tuple[RunPlan, RunPlan]


@pytest.mark.parametrize("kind", [ReadFailed, AccessDenied])
def test_one_object_that_cannot_be_read_is_damage(kind: type[StorageError]) -> None:
    with pytest.raises(Unreadable, match="it cannot be read: a bad sector"), reading():
        raise kind("a bad sector")


def test_missing_credentials_concern_all_objects() -> None:
    with pytest.raises(NoCredentials), reading():
        raise NoCredentials


PLACES: dict[str, Callable[[RunPlan], str]] = {
    "answers": lambda plan: layout.answers_path(plan, 1),
    "rejects": lambda plan: layout.rejects_path(plan, 1),
    "marker": lambda plan: layout.commit_path(plan.run_id, 1),
    "plan": lambda plan: layout.plan_path(plan.run_id),
    "manifest": lambda plan: layout.manifest_path(plan.run_id),
    "settings": lambda plan: layout.run_path(plan.run_id, "config.yaml"),
    "report": lambda plan: layout.run_path(plan.run_id, "report.json"),
    "index": lambda plan: layout.run_path(plan.run_id, "listing/listing.json"),
    "listing": lambda plan: layout.run_path(plan.run_id, "listing/part-00000.parquet"),
    "pointer": lambda _: layout.LATEST,
}


def unreadable(path: Path, kind: type[StorageError], monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that cannot read one file any more, or a key that may not."""
    read = LocalStore.read

    def failing(store: LocalStore, uri: str, **part: object) -> bytes:
        if uri == str(path):
            raise kind(f"{uri!r} cannot be read: Input/output error.")
        return read(store, uri, **part)  # type: ignore[arg-type]

    monkeypatch.setattr(LocalStore, "read", failing)


@pytest.mark.parametrize("kind", [ReadFailed, AccessDenied])
@pytest.mark.parametrize("place", PLACES)
def test_verification_and_clearing_go_on(
    place: str, kind: type[StorageError], output: Path, runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    (output / layout.answers_path(runs[0], 2)).unlink()
    path = PLACES[place](runs[1])
    unreadable(output / path, kind, monkeypatch)
    found = {finding.path: finding for finding in verify(VerifyConfig(output=str(output))).findings}
    assert (found[path].kind, "cannot be read" in found[path].message) == ("damaged", True)
    assert found[layout.answers_path(runs[0], 2)].kind == "missing"
    assert clear(GcConfig(output=str(output), min_age_h=0.0, delete=True)).objects == 0


@pytest.mark.parametrize("place", sorted(PLACES.keys() - {"settings", "index", "listing"}))
def test_a_repair_leaves_it_alone(place: str, output: Path, runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    sink_resumes(monkeypatch)
    before = everything(LocalStore(), str(output))
    path = PLACES[place](runs[1])
    unreadable(output / path, ReadFailed, monkeypatch)
    report = verify_and_repair(VerifyConfig(output=str(output), repair=True))
    assert report.repair is not None
    assert [line.partition(":")[0] for line in report.repair.hopeless] == [path]
    assert "It may be whole" in report.repair.hopeless[0]
    monkeypatch.undo()
    assert everything(LocalStore(), str(output)) == before


def test_the_plan_of_an_unfinished_run_that_cannot_be_read_is_not_lost(
    output: Path, unfinished: RunPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = layout.plan_path(unfinished.run_id)
    unreadable(output / path, ReadFailed, monkeypatch)
    report = verify_and_repair(VerifyConfig(output=str(output), repair=True))
    assert report.repair is not None
    assert [("It may be whole" in line, "give" in line) for line in report.repair.hopeless] == [(True, False)]
