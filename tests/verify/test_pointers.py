from pathlib import Path

from verify.outputs import commit_shards, plan_run, tracks_of

from genre_batch.publish.publishing import PublishConfig, publish
from genre_batch.sink import layout
from genre_batch.sink.finish import finish, is_finished, latest_of, read_manifest, settle
from genre_batch.sink.json_records import to_json
from genre_batch.sink.plan import RunPlan
from genre_batch.sink.verdict import Verdict
from genre_batch.storage.local import LocalStore
from genre_batch.verify.pointers import new_claim
from genre_batch.verify.records import identity_path
from genre_batch.verify.repair import verify_and_repair
from genre_batch.verify.verification import verify
from genre_batch.verify.verify_config import VerifyConfig

Runs = tuple[RunPlan, RunPlan]


def kinds(output: Path) -> dict[str, str]:
    return {finding.path: str(finding.kind) for finding in verify(VerifyConfig(output=str(output))).findings}


def test_a_stop_between_manifest_and_pointer_is_not_damage(output: Path, runs: Runs) -> None:
    store, tracks = LocalStore(), tracks_of(range(20, 24))
    before = (output / layout.LATEST).read_bytes()
    plan = plan_run(store, str(output), tracks, day=2)
    finish(store, str(output), plan, commit_shards(store, str(output), plan, tracks, [0]).records())
    assert (output / layout.LATEST).read_bytes() == to_json(latest_of(plan))
    (output / layout.LATEST).write_bytes(before)
    assert kinds(output) == {}


def test_a_pointer_that_was_put_back_is_damage(output: Path, runs: Runs) -> None:
    (output / layout.LATEST).write_bytes(to_json(latest_of(runs[0])))
    assert kinds(output) == {layout.LATEST: "wrong_pointer"}


def fail(output: Path, plan: RunPlan) -> Path:
    """Let the run fail, as if its start had judged it so; the file that says why."""
    manifest = read_manifest(LocalStore(), str(output), plan.run_id)
    assert manifest is not None
    counts, runs = manifest.counts, (plan.run_id,)
    verdict = Verdict(message="x", hint="", max_reject_rate=0.0, listed=plan.listed, counts=counts, runs=runs)
    settle(LocalStore(), str(output), plan, verdict)
    return output / layout.verdict_path(plan.run_id)


def test_the_pointer_passes_over_a_failed_run(output: Path, runs: Runs) -> None:
    verdict = fail(output, runs[1])
    (output / layout.LATEST).write_bytes(to_json(latest_of(runs[0])))
    assert kinds(output) == {}
    (output / layout.LATEST).unlink()
    verify_and_repair(VerifyConfig(output=str(output), repair=True))
    assert (output / layout.LATEST).read_bytes() == to_json(latest_of(runs[0]))
    verdict.write_bytes(verdict.read_bytes().replace(b'"scored": ', b'"scored": 1'))
    assert kinds(output) == {layout.verdict_path(runs[1].run_id): "damaged"}
    verify_and_repair(VerifyConfig(output=str(output), repair=True))
    assert kinds(output) == {}
    assert not is_finished(LocalStore(), str(output), runs[1].run_id)


def test_a_pointer_that_says_something_else_of_its_run(output: Path, runs: Runs) -> None:
    wrong = latest_of(runs[1]).model_copy(update={"model_id": "other"})
    (output / layout.LATEST).write_bytes(to_json(wrong))
    assert kinds(output) == {layout.LATEST: "wrong_pointer"}


def test_a_head_goes_back_only_by_a_claim(output: Path, runs: Runs) -> None:
    path = identity_path(runs[0])
    claim = new_claim(runs[0])
    assert new_claim(runs[0]) != claim
    (output / path).write_bytes(to_json(claim))
    assert kinds(output) == {}
    (output / path).write_bytes(to_json(claim.model_copy(update={"claim": None})))
    assert kinds(output) == {path: "wrong_pointer"}
    (output / path).write_bytes(to_json(claim.model_copy(update={"plan_sha256": "0" * 64})))
    assert kinds(output) == {path: "wrong_pointer"}


def test_what_is_served_and_missing_is_damage_that_a_repair_leaves_alone(output: Path, runs: Runs) -> None:
    publish(PublishConfig(output=str(output)))
    assert kinds(output) == {}
    pointer = output / layout.PUBLISHED
    pointer.write_bytes(pointer.read_bytes().replace(runs[0].run_id.encode(), b"20201121T065212Z-000000"))
    assert kinds(output) == {layout.PUBLISHED: "wrong_pointer"}
    pointer.write_bytes(b"{")
    assert kinds(output) == {layout.PUBLISHED: "damaged"}
    report = verify_and_repair(VerifyConfig(output=str(output), repair=True))
    assert report.repair is not None
    assert "copy the newest step" in report.repair.hopeless[0]
    assert pointer.read_bytes() == b"{"
