import pytest
from sink.memory_store import MemoryStore
from sink.shard_rows import RUN_ID, cut, make_plan, make_tracks, reject, score
from sink.stepping import Driver, every_interleaving
from sink.table_facts import everything

from genre_batch.catalog.reject import RejectReason
from genre_batch.errors import DamageFound
from genre_batch.sink import layout
from genre_batch.sink.finish import (
    Latest,
    RunManifest,
    finish,
    is_finished,
    make_manifest,
    read_manifest,
    settle,
    write_manifest,
)
from genre_batch.sink.json_records import read_pointer
from genre_batch.sink.ledger import Ledger
from genre_batch.sink.plan import RunPlan, plan_sha256
from genre_batch.sink.record import CommitRecord, Counts
from genre_batch.sink.verdict import Verdict
from genre_batch.storage.store import Store, WriteFailed

OLDER, NEWER = "20261120T000000Z-aaaaaa", "20261122T000000Z-000000"


def commit_all(store: Store, output: str, plan: RunPlan) -> list[CommitRecord]:
    ledger = Ledger(store, output, plan)
    for shard, (first, *others) in enumerate(cut(make_tracks(plan.tracks), plan.shard_tracks)):
        ledger.commit(shard, [score(track) for track in others], [reject(first)])
    return list(ledger.records())


def latest(store: Store, output: str) -> str | None:
    found = read_pointer(store, layout.at(output, layout.LATEST), Latest)
    return found[0].run_id if found else None


def test_a_finished_run_has_a_manifest_and_is_the_latest(table: tuple[Store, str]) -> None:
    store, output = table
    plan = make_plan(5)
    assert read_manifest(store, output, RUN_ID) is None
    records = commit_all(store, output, plan)
    assert not is_finished(store, output, RUN_ID)
    manifest = finish(store, output, plan, records)
    assert manifest.counts == Counts(scored=2, rejected_by_reason={RejectReason.CORRUPT: 3}, genres={"jazz": 2})
    data_files = {path for path in everything(store, output) if not path.startswith("_")}
    assert [file.path for file in manifest.files] == [file.path for record in records for file in record.files]
    assert {file.path for file in manifest.files} == data_files
    assert read_manifest(store, output, RUN_ID) == manifest
    assert is_finished(store, output, RUN_ID)
    assert latest(store, output) == RUN_ID


def test_a_run_that_failed_is_finished_and_never_the_latest(table: tuple[Store, str]) -> None:
    store, output = table
    plan = make_plan(run_id=OLDER)
    finish(store, output, plan, commit_all(store, output, plan))
    records = commit_all(store, output, make_plan())
    manifest = write_manifest(store, output, make_plan(), records)
    assert not is_finished(store, output, RUN_ID)
    verdict = Verdict(
        message="too many", hint="look", max_reject_rate=0.2, listed=4, counts=manifest.counts, runs=(RUN_ID,)
    )
    settle(store, output, make_plan(), verdict)
    assert (is_finished(store, output, RUN_ID), latest(store, output)) == (True, OLDER)
    finish(store, output, make_plan(), records)
    assert latest(store, output) == OLDER
    settle(store, output, make_plan(), None)
    assert (is_finished(store, output, RUN_ID), latest(store, output)) == (True, RUN_ID)


def test_finishing_again_changes_nothing(table: tuple[Store, str]) -> None:
    store, output = table
    records = commit_all(store, output, make_plan())
    finish(store, output, make_plan(), records)
    before = everything(store, output)
    finish(store, output, make_plan(), reversed(records))
    assert everything(store, output) == before


def test_a_run_that_stopped_before_the_pointer_is_not_finished(table: tuple[Store, str]) -> None:
    store, output = table
    records = commit_all(store, output, make_plan())
    finish(store, output, make_plan(), records)
    store.delete(layout.at(output, layout.LATEST))
    assert not is_finished(store, output, RUN_ID)
    finish(store, output, make_plan(), records)
    assert is_finished(store, output, RUN_ID)


def test_a_run_with_missing_shards_or_rows_cannot_finish(table: tuple[Store, str]) -> None:
    store, output = table
    records = commit_all(store, output, make_plan(5))
    with pytest.raises(ValueError, match="2 of 3 shards"):
        finish(store, output, make_plan(5), records[1:])
    with pytest.raises(ValueError, match="do not add up to 6 tracks"):
        finish(store, output, make_plan(6), records)
    assert read_manifest(store, output, RUN_ID) is None
    assert latest(store, output) is None


def test_another_manifest_is_damage(table: tuple[Store, str]) -> None:
    store, output = table
    finish(store, output, make_plan(4), commit_all(store, output, make_plan(4)))
    with pytest.raises(DamageFound, match="another manifest"):
        finish(store, output, make_plan(0), [])


def test_a_run_without_tracks_can_finish() -> None:
    plan = make_plan(0)
    empty = RunManifest(plan=plan, plan_sha256=plan_sha256(plan), counts=Counts(), files=())
    assert make_manifest(plan, []) == empty


def test_an_older_run_never_takes_the_pointer_from_a_newer_one(table: tuple[Store, str]) -> None:
    store, output = table
    for run_id, pointed in [(RUN_ID, RUN_ID), (OLDER, RUN_ID), (NEWER, NEWER)]:
        plan = make_plan(run_id=run_id)
        finish(store, output, plan, commit_all(store, output, plan))
        assert latest(store, output) == pointed
        assert is_finished(store, output, run_id)


@pytest.mark.parametrize("runs", [[OLDER, NEWER], [RUN_ID, RUN_ID], [OLDER, RUN_ID, NEWER]])
@pytest.mark.parametrize("already", [None, "20200101T000000Z-000000"])
def test_every_interleaving_of_runs_that_finish_at_once(runs: list[str], already: str | None) -> None:
    store = MemoryStore()
    drivers = []
    for run_id in dict.fromkeys([*runs, *([already] if already else [])]):
        commit_all(store, "/table", make_plan(run_id=run_id))
    for run_id in runs:
        plan = make_plan(run_id=run_id)
        records = list(Ledger(store, "/table", plan).records())
        drivers.append(Driver(lambda s, p=plan, r=records: finish(s, "/table", p, r)))
    if already:
        plan = make_plan(run_id=already)
        finish(store, "/table", plan, Ledger(store, "/table", plan).records())
    for now, at, before in every_interleaving(store, drivers):
        assert (latest(now, "/table") or "") >= (latest(before, "/table") or "")
        assert all(is_finished(now, "/table", run_id) for run_id, d in zip(runs, at, strict=True) if d.done)
        if all(d.done for d in at):
            assert latest(now, "/table") == max(runs)


class Stubborn(MemoryStore):
    """A server that refuses every conditional write to an existing object."""

    def replace(self, uri: str, data: bytes, etag: str) -> bool:
        return False


def test_a_server_that_never_lets_the_pointer_move_causes_an_error_and_no_hang() -> None:
    store = Stubborn()
    plan = make_plan(run_id=OLDER)
    finish(store, "/table", plan, commit_all(store, "/table", plan))
    with pytest.raises(WriteFailed, match="could not be moved"):
        finish(store, "/table", make_plan(), commit_all(store, "/table", make_plan()))
