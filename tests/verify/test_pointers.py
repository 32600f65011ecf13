from pathlib import Path

from verify.outputs import commit_shards, plan_run, tracks_of

from genre_batch.config import VerifyConfig
from genre_batch.sink import layout
from genre_batch.sink.finish import finish
from genre_batch.sink.plan import RunPlan
from genre_batch.sink.pointer import to_json
from genre_batch.storage.local import LocalStore
from genre_batch.verify.pointers import identity_path, latest_of, new_claim
from genre_batch.verify.verification import verify

Runs = tuple[RunPlan, RunPlan]


def kinds(output: Path) -> dict[str, str]:
    return {finding.path: str(finding.kind) for finding in verify(VerifyConfig(output=str(output))).findings}


def test_a_stop_between_manifest_and_pointer_is_no_damage(output: Path, runs: Runs) -> None:
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
