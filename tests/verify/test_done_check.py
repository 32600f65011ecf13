"""The done-index is verified, repaired by removing it, and cleaned up."""

from pathlib import Path

import pytest
from sink.table_facts import everything
from verify.outputs import finished_run, tracks_of

from genre_batch.history import done_writer
from genre_batch.sink import layout
from genre_batch.sink.plan import RunPlan
from genre_batch.storage.local import LocalStore
from genre_batch.verify.gc import GcReport, collect_garbage
from genre_batch.verify.repair import verify_and_repair
from genre_batch.verify.verification import verify
from genre_batch.verify.verify_config import GcConfig, VerifyConfig

Runs = tuple[RunPlan, RunPlan]


@pytest.fixture
def pointer(output: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The index of the two runs of `output`."""
    monkeypatch.setattr(done_writer, "_LEAST_ROWS", 0)
    assert done_writer.extend_done_index(LocalStore(), str(output)) == 20 + 1
    (found,) = (output / layout.DONE_FOLDER).glob("*.json")
    return found


def files(pointer: Path) -> list[Path]:
    return sorted(pointer.with_suffix("").iterdir())


def kinds(output: Path) -> dict[str, str]:
    return {finding.path: str(finding.kind) for finding in verify(VerifyConfig(output=str(output))).findings}


def collected(output: Path, **settings: object) -> GcReport:
    return collect_garbage(GcConfig.model_validate({"output": str(output), "min_age_h": 0.0, **settings}))


def name(output: Path, path: Path) -> str:
    return str(path.relative_to(output))


def test_an_index_is_no_finding_and_no_leftover(output: Path, pointer: Path) -> None:
    assert (kinds(output), collected(output).objects) == ({}, 0)


@pytest.mark.parametrize("what", ["pointer", "file", "lost file"])
def test_a_damaged_index_is_found_and_moved_away(output: Path, pointer: Path, what: str) -> None:
    victim = pointer if what == "pointer" else files(pointer)[0]
    before = {path: data for path, data in everything(LocalStore(), str(output)).items() if "_done" not in path}
    if what == "lost file":
        victim.unlink()
    else:
        victim.write_bytes(victim.read_bytes().replace(b"a", b"b"))
    assert kinds(output) == {name(output, victim): "missing" if what == "lost file" else "damaged"}
    assert verify_and_repair(VerifyConfig(output=str(output), repair=True)).damage == 0
    assert not pointer.exists()
    after = everything(LocalStore(), str(output))
    assert {path: after[path] for path in before} == before
    collected(output, delete=True)
    assert done_writer.extend_done_index(LocalStore(), str(output)) == 21
    assert (kinds(output), len(files(pointer))) == ({}, 1)


def test_an_index_that_does_not_fit_its_runs_is_information(output: Path, pointer: Path, runs: Runs) -> None:
    manifest = output / layout.manifest_path(runs[1].run_id)
    manifest.unlink()
    found = verify(VerifyConfig(output=str(output)))
    stale = [finding for finding in found.findings if finding.path == name(output, pointer)]
    assert [(str(finding.kind), finding.is_damage) for finding in stale] == [("stale", False)]
    assert f"{name(output, manifest)} is missing; planning reads its runs instead" in stale[0].message


def test_replaced_files_are_leftovers_once_they_are_old(output: Path, pointer: Path) -> None:
    (old,) = files(pointer)
    finished_run(LocalStore(), str(output), tracks_of(range(30, 36)), day=3)
    assert done_writer.extend_done_index(LocalStore(), str(output)) == 27
    (new,) = set(files(pointer)) - {old}
    young = collected(output, min_age_h=24.0)
    assert (young.objects, [kept.partition(":")[0] for kept in young.kept]) == (0, [name(output, old)])
    assert collected(output, delete=True).counts == {"replaced": 1}
    assert (files(pointer), kinds(output)) == ([new], {})


def test_files_of_an_index_that_cannot_be_read_are_kept(output: Path, pointer: Path) -> None:
    pointer.write_bytes(b"{}")
    report = collected(output, delete=True)
    assert (report.objects, len(files(pointer))) == (0, 1)
    assert report.kept == (f"{name(output, pointer)}: it is not a DoneIndex; verify it first",)
