"""The records of a run, and objects that cannot be read: they may be intact, so a repair leaves them alone."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
from sink.memory_store import MemoryStore
from sink.shard_rows import make_plan
from sink.table_facts import everything
from verify.stand_in import sink_resumes

from genre_batch.sink import layout
from genre_batch.sink.json_records import to_json
from genre_batch.sink.plan import RunPlan
from genre_batch.storage.local import LocalStore
from genre_batch.storage.store import AccessDenied, ReadFailed, StorageError
from genre_batch.verify.findings import Findings
from genre_batch.verify.gc import collect_garbage
from genre_batch.verify.output import Output
from genre_batch.verify.records import RunRecords, State, plan_hashes, read_record, read_run, run_files
from genre_batch.verify.repair import verify_and_repair
from genre_batch.verify.verification import verify
from genre_batch.verify.verify_config import GcConfig, VerifyConfig

Runs = tuple[RunPlan, RunPlan]


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
    """A disk that can no longer read one file, or a key without permission for it."""
    read = LocalStore.read

    def failing(store: LocalStore, uri: str, **part: object) -> bytes:
        if uri == str(path):
            raise kind(f"{uri!r} cannot be read: Input/output error.")
        return read(store, uri, **part)  # type: ignore[arg-type]

    monkeypatch.setattr(LocalStore, "read", failing)


@pytest.mark.parametrize("kind", [ReadFailed, AccessDenied])
@pytest.mark.parametrize("place", PLACES)
def test_verification_and_gc_go_on(
    place: str, kind: type[StorageError], output: Path, runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    (output / layout.answers_path(runs[0], 2)).unlink()
    path = PLACES[place](runs[1])
    unreadable(output / path, kind, monkeypatch)
    found = {finding.path: finding for finding in verify(VerifyConfig(output=str(output))).findings}
    assert (found[path].kind, "cannot be read" in found[path].message) == ("damaged", True)
    assert found[layout.answers_path(runs[0], 2)].kind == "missing"
    assert collect_garbage(GcConfig(output=str(output), min_age_h=0.0, delete=True)).objects == 0


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


PLAN = to_json(make_plan())


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (PLAN, None),
        (PLAN.replace(b'"source": ', b'"source":'), "is not as it was written"),
        (PLAN.replace(b"{", b'{\n "source": "twice",', 1), "is not as it was written"),
        (PLAN[:-3], "is not a RunPlan"),
        (PLAN.replace(b"source", b"sourse"), "is not a RunPlan"),
        (PLAN + b" ", "is not as it was written"),
    ],
)
def test_every_byte_counts(data: bytes, fault: str | None) -> None:
    assert read_record(Output(MemoryStore({"/out/p": data}), "/out"), "p", RunPlan).fault == fault


def test_a_record_of_an_older_version_is_whole() -> None:
    older = make_plan().model_dump_json(indent=1, exclude={"listing_sha256", "answers"}).encode() + b"\n"
    found = read_record(Output(MemoryStore({"/out/p": older}), "/out"), "p", RunPlan)
    assert (found.fault, found.value) == (None, make_plan())


BASE = {"schema_version"}
"""Fields of a plan that the version before schema versions did not have."""


def test_hashes_that_older_versions_made_of_a_plan_still_hold() -> None:
    """A head has the hash of plan.json. A manifest used to have that of the plan with the fields of its version."""
    first = make_plan().model_dump_json(indent=1, exclude={"part_tracks", *BASE}).encode() + b"\n"
    second = make_plan().model_dump_json(indent=1, exclude=BASE).encode() + b"\n"
    for written in (first, second):
        hashes = {hashlib.sha256(data).hexdigest() for data in (written, second)}
        assert set(plan_hashes(RunPlan.model_validate_json(written))) == hashes
    assert len(set(plan_hashes(RunPlan.model_validate_json(to_json(make_plan()))))) == 1


def test_a_missing_record() -> None:
    found = read_record(Output(MemoryStore(), "/out"), "p", RunPlan)
    assert (found.data, found.value, found.fault) == (None, None, None)


def test_the_content_of_the_folder_of_a_run(output: Path, runs: tuple[RunPlan, RunPlan]) -> None:
    run_id = runs[0].run_id
    for name in (
        "notes.txt",
        "commits/x.json",
        "commits/sub/00000001.json",
        "damaged/scores/a",
        "staged/b",
        "report.html",
    ):
        path = output / layout.run_path(run_id, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    files = run_files(Output(LocalStore(), str(output)), run_id)
    assert files.records == {"plan.json", "manifest.json", "config.yaml", "report.json"}
    assert files.listing == {"listing.json", "part-00000.parquet", "part-00001.parquet", "part-00002.parquet"}
    assert files.shards == set(range(4))
    assert files.strangers == [layout.run_path(run_id, "notes.txt")]
    assert files.stray_markers == [
        layout.run_path(run_id, name) for name in ("commits/sub/00000001.json", "commits/x.json")
    ]
    assert [found.uri.rsplit("/", 1)[-1] for found in files.quarantined] == ["a"]
    assert [found.uri.rsplit("/", 1)[-1] for found in files.staged] == ["b"]
    assert files.worked_on


def test_a_run_that_is_not_there() -> None:
    assert not run_files(Output(LocalStore(), "/nowhere"), "20261121T065212Z-3f09ab").worked_on


def records(output: Path, plan: RunPlan) -> tuple[RunRecords, list[str]]:
    findings = Findings()
    found = read_run(Output(LocalStore(), str(output)), plan.run_id, findings)
    return found, [finding.path.rsplit("/", 1)[-1] for finding in findings.kept if finding.is_damage]


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.mark.parametrize("name", ["plan.json", "manifest.json"])
@pytest.mark.parametrize(("old", "new"), [("s3://music/", "s3://musik/"), ("mel-cnn-1", "mel-cnn-7"), ("0000", "0001")])
def test_the_plan_that_was_edited_is_the_wrong_one(
    name: str, old: str, new: str, output: Path, runs: tuple[RunPlan, RunPlan]
) -> None:
    edit(output / layout.run_path(runs[0].run_id, name), old, new)
    found, faults = records(output, runs[0])
    assert found.plan == runs[0]
    assert faults == [name]


def test_a_missing_plan_is_in_the_manifest(output: Path, runs: tuple[RunPlan, RunPlan]) -> None:
    (output / layout.plan_path(runs[0].run_id)).unlink()
    found, faults = records(output, runs[0])
    assert (found.plan, faults) == (runs[0], ["plan.json"])


def test_the_plan_of_an_unfinished_run_is_checked_against_the_head(output: Path, unfinished: RunPlan) -> None:
    found, faults = records(output, unfinished)
    assert (found.plan, found.manifest, found.state, faults) == (unfinished, None, State.UNFINISHED, [])
    edit(output / layout.plan_path(unfinished.run_id), '"git_sha": "0', '"git_sha": "1')
    assert records(output, unfinished)[1] == ["plan.json"]


def test_no_plan_at_all(output: Path, runs: tuple[RunPlan, RunPlan]) -> None:
    for path in (layout.plan_path(runs[0].run_id), layout.manifest_path(runs[0].run_id)):
        (output / path).unlink()
    found, faults = records(output, runs[0])
    assert (found.plan, found.manifest, found.state, faults) == (None, None, State.LOST, ["plan.json"])
