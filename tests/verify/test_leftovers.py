"""Which runs can be given up, and in which order: after a crash the run is intact, resumable, or a leftover."""

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sink.table_facts import everything
from verify.test_gc import Runs, collected, linked_music

from genre_batch.errors import UsageError
from genre_batch.sink import layout
from genre_batch.sink.plan import RunPlan
from genre_batch.storage.local import LocalStore
from genre_batch.verify.leftovers import Leftovers
from genre_batch.verify.output import Output
from genre_batch.verify.verification import verify
from genre_batch.verify.verify_config import GcConfig, VerifyConfig


def test_a_run_that_is_given_up_is_never_damaged_on_the_way(output: Path, unfinished: RunPlan) -> None:
    config = GcConfig(output=str(output), unfinished=unfinished.run_id, delete=True, min_age_h=0)
    store = LocalStore()
    leftover = None
    for leftover in Leftovers(Output(store, config.output), config, datetime.now(UTC)).find():
        assert leftover.why == "given_up"
        store.delete(layout.at(str(output), leftover.path))
        kinds = {finding.kind for finding in verify(VerifyConfig(output=str(output))).findings if finding.is_damage}
        assert not kinds, leftover.path
    assert leftover is not None
    assert leftover.path == layout.plan_path(unfinished.run_id)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


def remove_folder_of_plan(path: Path) -> None:
    shutil.rmtree(path.parent)


def remove_all_but_listing(path: Path) -> None:
    shutil.rmtree(path.parent / "commits")
    path.unlink()


@pytest.mark.parametrize("damage", [cut, Path.unlink, remove_all_but_listing, remove_folder_of_plan])
def test_an_unfinished_run_that_has_lost_its_plan_can_be_given_up(
    damage: Callable[[Path], None], output: Path, runs: Runs, unfinished: RunPlan
) -> None:
    head = next((output / layout.HEADS_FOLDER).glob("*.json"))
    damage(output / layout.plan_path(unfinished.run_id))
    assert verify(VerifyConfig(output=str(output))).damage
    assert collected(output, delete=True).counts.keys() <= {"extra"}
    collected(output, unfinished=unfinished.run_id, delete=True)
    left = everything(LocalStore(), str(output))
    assert not [path for path in left if unfinished.run_id in path]
    assert not verify(VerifyConfig(output=str(output))).damage
    assert f'"run_id": "{runs[1].run_id}"' in head.read_text()


def test_a_finished_run_that_has_lost_its_plan_and_manifest_is_not_given_up(output: Path, runs: Runs) -> None:
    for path in (layout.plan_path(runs[1].run_id), layout.manifest_path(runs[1].run_id)):
        (output / path).write_bytes(b"{}")
    with pytest.raises(UsageError, match="not an unfinished run"):
        collected(output, unfinished=runs[1].run_id, delete=True)
    assert runs[1].run_id in "".join(collected(output).kept)


def test_a_run_with_a_link_among_its_files_is_not_given_up_in_part(
    tmp_path: Path, output: Path, unfinished: RunPlan
) -> None:
    song = linked_music(tmp_path, output / layout.run_path(unfinished.run_id, "damaged"))
    before = everything(LocalStore(), str(output))
    with pytest.raises(UsageError, match="is a link or is behind one"):
        collected(output, unfinished=unfinished.run_id, delete=True)
    assert everything(LocalStore(), str(output)) == before
    assert song.exists()
