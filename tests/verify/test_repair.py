"""A repaired output is clean, intact files are unchanged, and damaged ones are moved aside."""

import os
import random
from pathlib import Path

import pytest
from sink.table_facts import everything
from verify.injury import REPAIRABLE, UNREPAIRABLE, files_of
from verify.outputs import commit_shards, finished_run, plan_run, tracks_of, two_runs
from verify.stand_in import sink_resumes

from genre_batch.errors import UserError
from genre_batch.sink import layout
from genre_batch.sink.finish import is_finished
from genre_batch.sink.plan import RunPlan
from genre_batch.sink.run_claim import claim_run
from genre_batch.sink.schema import SCHEMA_VERSION
from genre_batch.storage.local import LocalStore
from genre_batch.storage.open_store import open_store
from genre_batch.storage.store import ObjectChanged, ObjectGone, StoredObject
from genre_batch.verify.repair import move, verify_and_repair
from genre_batch.verify.verification import VerifyReport
from genre_batch.verify.verify_config import VerifyConfig


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    store = LocalStore()
    for number, data in enumerate([b"one", b"two", b"one"]):
        store.write(f"{tmp_path}/a", data)
        where = move(store, f"{tmp_path}/a", f"{tmp_path}/aside/a")
        assert where == f"{tmp_path}/aside/a{'.1' if number == 1 else ''}"
        assert store.read(where) == data
        assert not (tmp_path / "a").exists()
    with pytest.raises(ObjectGone):
        move(store, f"{tmp_path}/a", f"{tmp_path}/aside/a")


def test_an_object_that_took_its_place_stays(tmp_path: Path) -> None:
    class Overtaken(LocalStore):
        def create(self, uri: str, data: bytes) -> bool:
            (tmp_path / "a").write_bytes(b"new")
            return super().create(uri, data)

        def head(self, uri: str) -> StoredObject:
            return super().head(uri)

    (tmp_path / "a").write_bytes(b"old")
    with pytest.raises(ObjectChanged):
        move(Overtaken(), f"{tmp_path}/a", f"{tmp_path}/b")
    assert ((tmp_path / "a").read_bytes(), (tmp_path / "b").read_bytes()) == (b"new", b"old")


def test_on_s3(bucket: str) -> None:
    uri = f"s3://{bucket}/a b/é"
    store = open_store(uri)
    store.write(uri, b"x")
    assert move(store, uri, f"s3://{bucket}/c") == f"s3://{bucket}/c"
    assert [found.uri for found in store.list(f"s3://{bucket}/")] == [f"s3://{bucket}/c"]


Runs = tuple[RunPlan, RunPlan]
RESCORED = 5
"""Bits of JSON or Parquet that may or may not leave the record readable."""


def repaired(output: Path | str) -> VerifyReport:
    return verify_and_repair(VerifyConfig(output=str(output), repair=True))


def content(output: Path) -> dict[str, bytes]:
    """All files but what a repair changes on purpose: pointers to runs, reports of runs, and what was moved aside."""
    files = everything(LocalStore(), str(output))
    changing = ("_heads/", "/report.json", "/damaged/")
    return {path: data for path, data in files.items() if not any(part in path for part in changing)}


@pytest.fixture(autouse=True)
def _no_audio(monkeypatch: pytest.MonkeyPatch) -> None:
    sink_resumes(monkeypatch)


@pytest.mark.parametrize("injury", REPAIRABLE)
def test_damage_is_repaired_and_nothing_else_changes(injury: str, output: Path, runs: Runs) -> None:
    before = content(output)
    REPAIRABLE[injury](output, runs[1], random.Random(injury))
    damaged = {path.relative_to(output): path.read_bytes() for path in files_of(output)}
    untouched = {output / path for path, data in before.items() if damaged.get(Path(path)) == data}
    times = {path: path.stat().st_mtime_ns for path in untouched if path.suffix == ".parquet"}
    report = repaired(output)
    assert (report.damage, report.findings) == (0, ())
    assert content(output) == before
    if "edited" not in injury and "row" not in injury and "other" not in injury:
        assert {path: path.stat().st_mtime_ns for path in times if _of_whole_shard(path, output, damaged, before)} == {
            path: time for path, time in times.items() if _of_whole_shard(path, output, damaged, before)
        }
    kept = [path.read_bytes() for path in files_of(output) if "/damaged/" in str(path)]
    assert all(data in kept for path, data in damaged.items() if before.get(str(path), data) != data)


def _of_whole_shard(path: Path, output: Path, damaged: dict[Path, bytes], before: dict[str, bytes]) -> bool:
    """Whether no file of the same shard was damaged."""
    shard = path.name
    return all(damaged.get(Path(each)) == data for each, data in before.items() if each.endswith(shard))


@pytest.mark.parametrize("injury", UNREPAIRABLE)
def test_what_has_no_second_copy_is_reported_and_left_alone(injury: str, output: Path, runs: Runs) -> None:
    UNREPAIRABLE[injury](output, runs[1], random.Random(injury))
    before = everything(LocalStore(), str(output))
    report = repaired(output)
    assert report.damage
    assert report.repair is not None
    assert report.repair.hopeless
    assert runs[1].run_id in report.summary()
    assert everything(LocalStore(), str(output)) == before


def test_a_shard_of_a_damaged_listing_is_not_done_again(output: Path, runs: Runs) -> None:
    UNREPAIRABLE["bit of the listing"](output, runs[1], random.Random(0))
    REPAIRABLE["missing scores"](output, runs[1], random.Random(0))
    before = everything(LocalStore(), str(output))
    assert repaired(output).damage
    assert everything(LocalStore(), str(output)) == before


def test_an_unfinished_run_is_left_to_the_next_driver(output: Path, unfinished: RunPlan) -> None:
    (output / layout.answers_path(unfinished, 2)).unlink()
    report = repaired(output)
    assert (report.damage, report.unfinished) == (0, 1)
    assert not (output / layout.commit_path(unfinished.run_id, 2)).exists()
    assert (output / layout.commit_path(unfinished.run_id, 0)).exists()


def test_another_unfinished_run_does_not_lose_its_head(output: Path, runs: Runs, unfinished: RunPlan) -> None:
    REPAIRABLE["missing scores"](output, runs[0], random.Random(0))
    before = everything(LocalStore(), str(output))
    with pytest.raises(UserError, match=unfinished.run_id):
        repaired(output)
    assert everything(LocalStore(), str(output)) == before


def test_a_driver_that_claimed_before_a_repair_cannot_move_the_head_after_it(output: Path, runs: Runs) -> None:
    store, kind = LocalStore(), {"model_id": runs[0].model_id, "fingerprint": runs[0].fingerprint}
    early = claim_run(store, str(output), source=runs[0].source.rstrip("/"), **kind)
    REPAIRABLE["missing scores"](output, runs[0], random.Random(0))
    assert not repaired(output).damage
    late = claim_run(store, str(output), source=runs[0].source.rstrip("/"), **kind)
    assert (early.unfinished, late.unfinished) == (None, None)
    assert early.etag != late.etag
    assert is_finished(store, str(output), runs[0].run_id)


def test_another_driver_joins_a_run_that_is_open_for_repair(
    output: Path, runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The repair dies before the shards are scored again; the next driver does it."""
    REPAIRABLE["missing scores"](output, runs[0], random.Random(0))
    sink_resumes(monkeypatch, dies=True)
    with pytest.raises(KeyboardInterrupt):
        repaired(output)
    kind = {"model_id": runs[0].model_id, "fingerprint": runs[0].fingerprint}
    turn = claim_run(LocalStore(), str(output), source=runs[0].source.rstrip("/"), **kind)
    assert turn.unfinished == runs[0]
    sink_resumes(monkeypatch)
    assert not repaired(output).damage


def test_two_damaged_runs_of_one_source_and_model_are_both_repaired(output: Path, runs: Runs) -> None:
    before = content(output)
    for plan in runs:
        REPAIRABLE["cut scores"](output, plan, random.Random(1))
        REPAIRABLE["missing manifest"](output, plan, random.Random(1))
    assert not repaired(output).damage
    assert content(output) == before


def test_a_table_on_s3_is_repaired(bucket: str) -> None:
    table = f"s3://{bucket}/table"
    store = open_store(table)
    _, plan = two_runs(store, table)
    before = everything(store, table)
    store.write(layout.at(table, layout.answers_path(plan, 0)), b"PAR1")
    store.delete(layout.at(table, layout.commit_path(plan.run_id, 1)))
    report = repaired(table)
    assert (report.damage, report.repair is not None) == (0, True)
    after = everything(store, table)
    data = [path for path in before if path.startswith(("scores/", "rejects/")) or "/commits/" in path]
    assert {path: after[path] for path in data} == {path: before[path] for path in data}


def test_the_whole_of_an_output_may_be_damaged_at_once(output: Path, runs: Runs) -> None:
    before = content(output)
    for plan in runs:
        for shard in range(plan.shards):
            (output / layout.answers_path(plan, shard)).write_bytes(b"")
    assert not repaired(output).damage
    assert content(output) == before


def test_a_run_planned_next_skips_what_was_repaired(output: Path, runs: Runs) -> None:
    REPAIRABLE["missing scores"](output, runs[1], random.Random(0))
    repaired(output)
    tracks = tracks_of(range(30, 34))
    plan = plan_run(LocalStore(), str(output), tracks, day=4)
    commit_shards(LocalStore(), str(output), plan, tracks, [0])
    assert plan.run_id > runs[1].run_id


@pytest.mark.parametrize("linked", ["folder", "file"])
def test_what_a_link_leads_to_is_reported_and_left_alone(linked: str, tmp_path: Path, output: Path, runs: Runs) -> None:
    song = tmp_path / "music" / "song.wav"
    song.parent.mkdir()
    song.write_bytes(b"a user's")
    path = output / layout.answers_path(runs[0], 0)
    if linked == "file":
        path.unlink()
        path.symlink_to(song)
    else:
        (path.parent / "link").symlink_to(song.parent)
    report = repaired(output)
    assert report.damage
    assert report.repair is not None
    assert report.repair.moved == ()
    assert ["link" in each for each in report.repair.hopeless] == [True]
    assert (song.read_bytes(), path.is_symlink()) == (b"a user's", linked == "file")
    assert is_finished(LocalStore(), str(output), runs[0].run_id)


def test_an_output_that_is_a_link_itself_is_repaired(tmp_path: Path, output: Path, runs: Runs) -> None:
    before = content(output)
    REPAIRABLE["cut scores"](output, runs[1], random.Random(1))
    REPAIRABLE["foreign file"](output, runs[1], random.Random(1))
    (tmp_path / "link").symlink_to(output)
    assert not repaired(tmp_path / "link").damage
    assert content(output) == before


def test_a_name_that_is_not_utf8_is_moved_away(output: Path, runs: Runs) -> None:
    path = (output / layout.answers_path(runs[0], 0)).with_name(os.fsdecode(b"\xff\xfe.parquet"))
    path.write_bytes(b"another program's")
    report = repaired(output)
    assert report.repair is not None
    assert (report.damage, path.exists()) == (0, False)
    (moved,) = report.repair.moved
    assert moved.startswith(layout.run_path(runs[1].run_id, "damaged/scores/"))
    assert (output / moved).read_bytes() == b"another program's"


def test_a_shard_of_an_older_schema_version_is_restored_in_that_version(tmp_path: Path) -> None:
    """Two runs, the first of version 1. A repair of its shard leaves no byte of either different."""
    first, second = (
        finished_run(LocalStore(), str(tmp_path), tracks_of(numbers), day, schema_version=version)
        for day, version, numbers in ((0, 1, range(15)), (1, SCHEMA_VERSION, range(15, 20)))
    )
    before = content(tmp_path)
    for plan in (first, second):
        (tmp_path / layout.answers_path(plan, 1)).unlink()
    report = repaired(tmp_path)
    assert (report.damage, report.repair and report.repair.again) == (0, 2)
    assert content(tmp_path) == before
