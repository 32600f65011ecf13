"""Leftovers are listed, and removed only on request; readers of a table see the same rows before and after."""

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sink.table_facts import everything, visible_tracks
from verify.outputs import plan_run, tracks_of, two_runs

from genre_batch.config import load
from genre_batch.errors import UsageError
from genre_batch.sink import layout
from genre_batch.sink.plan import RunPlan
from genre_batch.storage.local import LocalStore
from genre_batch.storage.open_store import open_store
from genre_batch.verify.gc import GcReport, collect_garbage
from genre_batch.verify.verification import verify
from genre_batch.verify.verify_config import GcConfig, VerifyConfig

Runs = tuple[RunPlan, RunPlan]


def collected(output: Path | str, **settings: object) -> GcReport:
    return collect_garbage(GcConfig.model_validate({"output": str(output), "min_age_h": 0.0, **settings}))


def litter(output: Path, plan: RunPlan) -> set[str]:
    """The paths of new leftovers, such as crashes, repairs and people leave behind."""
    folder = output / "_runs" / "20261120T000000Z-abcdef"
    (folder / "listing").mkdir(parents=True)
    (folder / "listing" / "part-00000.parquet").write_bytes(b"begun")
    scores = output / layout.answers_path(plan, 0)
    shutil.copy(scores, output / layout.answers_path(plan, 99))
    shutil.copy(scores, scores.with_name("copy of a file.parquet"))
    (scores.parent / ".genre-batch-0123.tmp").write_bytes(b"half a file")
    aside = output / layout.run_path(plan.run_id, "damaged/scores")
    aside.mkdir(parents=True)
    (aside / "x.parquet").write_bytes(b"damaged")
    staged = output / layout.staged_path(plan.run_id, 0, 2)
    staged.parent.mkdir()
    staged.write_bytes(b"outcomes of a slow driver")
    (output / "notes.txt").write_text("a user's")
    (output / "scores" / "README").write_text("a user's")
    return {
        "_runs/20261120T000000Z-abcdef/listing/part-00000.parquet",
        layout.answers_path(plan, 99),
        str(scores.with_name("copy of a file.parquet").relative_to(output)),
        str((scores.parent / ".genre-batch-0123.tmp").relative_to(output)),
        layout.run_path(plan.run_id, "damaged/scores/x.parquet"),
        layout.staged_path(plan.run_id, 0, 2),
    }


def test_a_clean_output_has_no_leftovers(output: Path, unfinished: RunPlan) -> None:
    assert (collected(output).objects, collected(output).kept) == (0, ())


def test_parts_of_an_unfinished_run_are_not_leftovers(output: Path, unfinished: RunPlan) -> None:
    staged = output / layout.staged_path(unfinished.run_id, 4, 8)
    staged.parent.mkdir()
    staged.write_bytes(b"outcomes")
    assert collected(output, delete=True).objects == 0
    assert staged.exists()
    collected(output, unfinished=unfinished.run_id, delete=True)
    assert not staged.exists()


def test_leftovers_are_listed_and_removed_only_on_request(output: Path, runs: Runs) -> None:
    clean = everything(LocalStore(), str(output))
    users = {"notes.txt": b"a user's", "scores/README": b"a user's"}
    wanted = litter(output, runs[0])
    listed = collected(output)
    assert {each.path for each in listed.leftovers} == wanted
    assert listed.counts == {"extra": 2, "quarantined": 1, "staged": 1, "temporary": 1, "unpublished": 1}
    assert listed.size_bytes == sum((output / path).stat().st_size for path in wanted)
    assert all((output / path).exists() for path in wanted)
    assert "--delete" in listed.summary()
    assert collected(output, delete=True).objects == len(wanted)
    assert everything(LocalStore(), str(output)) == clean | users
    assert not any((output / path).exists() for path in wanted)
    assert collected(output).objects == 0


def test_what_is_young_is_kept(output: Path, runs: Runs) -> None:
    litter(output, runs[0])
    foreign = (output / layout.answers_path(runs[0], 0)).with_name("copy of a file.parquet")
    report = collected(output, min_age_h=1e6, delete=True)
    assert report.counts == {"extra": 1, "quarantined": 1, "staged": 1}
    assert any("20261120T000000Z-abcdef" in line for line in report.kept)
    assert [line.partition(": ")[0] for line in report.kept if "written" in line] == [str(foreign.relative_to(output))]
    assert foreign.exists()
    assert (output / "_runs" / "20261120T000000Z-abcdef" / "listing" / "part-00000.parquet").exists()


def test_a_foreign_file_goes_once_it_is_old(output: Path, runs: Runs) -> None:
    folder = (output / layout.answers_path(runs[0], 0)).parent
    for name, age_h in (("young.parquet", 1.0), ("old.parquet", 3.0)):
        (folder / name).write_bytes(b"another program's")
        written_s = time.time() - age_h * 3600
        os.utime(folder / name, (written_s, written_s))
    report = collected(output, min_age_h=2.0, delete=True)
    assert [Path(each.path).name for each in report.leftovers] == ["old.parquet"]
    assert [Path(line.partition(": ")[0]).name for line in report.kept] == ["young.parquet"]
    assert [name for name in ("young.parquet", "old.parquet") if (folder / name).exists()] == ["young.parquet"]


def test_an_unfinished_run_is_removed_only_by_name(output: Path, unfinished: RunPlan) -> None:
    others = [track for track in visible_tracks(LocalStore(), str(output)) if track < "s3://music/002"]
    run_id = unfinished.run_id
    assert collected(output, delete=True).objects == 0
    report = collected(output, unfinished=run_id, delete=True)
    assert report.counts == {"given_up": report.objects}
    left = everything(LocalStore(), str(output))
    assert not [path for path in left if run_id in path]
    assert visible_tracks(LocalStore(), str(output)) == others
    assert not verify(VerifyConfig(output=str(output))).damage


def test_a_finished_run_cannot_be_given_up(output: Path, runs: Runs) -> None:
    before = everything(LocalStore(), str(output))
    with pytest.raises(UsageError, match="not an unfinished run"):
        collected(output, unfinished=runs[0].run_id, delete=True)
    assert everything(LocalStore(), str(output)) == before


@pytest.mark.parametrize("record", [layout.plan_path, layout.manifest_path])
def test_unnamed_files_of_a_damaged_run_are_kept(record: Callable[[str], str], output: Path, runs: Runs) -> None:
    scores = output / layout.answers_path(runs[0], 0)
    for path in (layout.answers_path(runs[0], 99), layout.run_path(runs[0].run_id, "damaged/scores/x.parquet")):
        (output / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(scores, output / path)
    (output / record(runs[0].run_id)).write_bytes(b"{}")
    before = everything(LocalStore(), str(output))
    report = collected(output, delete=True)
    assert report.objects == 0
    assert runs[0].run_id in "".join(report.kept)
    assert everything(LocalStore(), str(output)) == before


def test_a_run_that_never_got_the_head_is_removed_once_a_newer_one_has_it(output: Path, runs: Runs) -> None:
    """However young it is: its driver read an older head, so its swap must fail."""
    store, head = LocalStore(), next((output / layout.HEADS_FOLDER).glob("*.json"))
    before = head.read_bytes()
    lost = plan_run(store, str(output), tracks_of(range(50, 54)), day=5)
    head.write_bytes(before)
    won = plan_run(store, str(output), tracks_of(range(54, 58)), day=6)
    report = collected(output, min_age_h=1e6, delete=True)
    assert report.counts == {"unpublished": report.objects}
    left = everything(store, str(output))
    assert not [path for path in left if lost.run_id in path]
    assert [path for path in left if won.run_id in path]


def test_leftovers_on_s3_are_removed(bucket: str) -> None:
    table = f"s3://{bucket}/table"
    store = open_store(table)
    plan, _ = two_runs(store, table)
    before = everything(store, table)
    path = layout.answers_path(plan, 99)
    store.write(layout.at(table, path), b"PAR1")
    assert [each.path for each in collected(table, delete=True).leftovers] == [path]
    assert everything(store, table) == before
    foreign = path.replace(path.rsplit("/", 1)[-1], "foreign.parquet")
    store.write(layout.at(table, foreign), b"PAR1")
    (kept,) = collected(table, min_age_h=1.0, delete=True).kept
    assert kept.startswith(f"{foreign}: written less than 1 h ago")
    assert [each.path for each in collected(table, delete=True).leftovers] == [foreign]


def test_odd_names_are_escaped(output: Path, runs: Runs) -> None:
    folder = (output / layout.answers_path(runs[0], 0)).parent
    name = os.fsdecode(b"new\nline\x1b[31m.parquet")
    (folder / name).write_bytes(b"x")
    summary = collected(output).summary()
    assert "new\\nline\\x1b[31m.parquet" in summary
    assert "\x1b" not in summary


def linked_music(tmp_path: Path, link: Path) -> Path:
    """A user's old file, which a link leads to."""
    song = tmp_path / "music" / "song.wav"
    song.parent.mkdir()
    song.write_bytes(b"a user's")
    os.utime(song, (1, 1))
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(song.parent)
    return song


@pytest.mark.parametrize("place", ["scores/model=mel-cnn-1/link", "damaged", "staged"])
def test_what_is_behind_a_link_is_kept(place: str, tmp_path: Path, output: Path, runs: Runs) -> None:
    path = place if "/" in place else layout.run_path(runs[0].run_id, place)
    song = linked_music(tmp_path, output / path)
    report = collected(output, delete=True)
    assert report.objects == 0
    assert [line.partition(": ")[0] for line in report.kept] == [f"{path}/song.wav"]
    assert song.exists()


def test_a_linked_file_is_kept(tmp_path: Path, output: Path, runs: Runs) -> None:
    (output / "scores" / "model=mel-cnn-1" / "song.wav").symlink_to(linked_music(tmp_path, tmp_path / "link"))
    assert (collected(output, delete=True).objects, len(collected(output).kept)) == (0, 1)


def test_an_output_may_be_a_link_itself(tmp_path: Path, output: Path, runs: Runs) -> None:
    wanted = litter(output, runs[0])
    (tmp_path / "link").symlink_to(output)
    assert collected(tmp_path / "link", delete=True).objects == len(wanted)
    assert not any((output / path).exists() for path in wanted)


@pytest.mark.parametrize("name", ["20269999T999999Z-000000", "99991231T235959Z-ffffff", "٢٠٢٦١١٢١T٠٦٥٢١٢Z-000000"])
def test_names_with_impossible_dates_are_not_runs(name: str, output: Path, runs: Runs) -> None:
    stray = output / "_runs" / name / "x"
    stray.parent.mkdir()
    stray.write_bytes(b"x")
    file = (output / layout.answers_path(runs[0], 0)).with_name(f"{name}-00000000.parquet")
    file.write_bytes(b"x")
    assert verify(VerifyConfig(output=str(output))).runs == 2
    assert [each.path for each in collected(output, delete=True).leftovers] == [str(file.relative_to(output))]
    assert stray.exists()


def not_utf8(output: Path, plan: RunPlan) -> Path:
    path = (output / layout.answers_path(plan, 0)).with_name(os.fsdecode(b"\xff\xfe.parquet"))
    path.write_bytes(b"x")
    return path


def test_a_name_that_is_not_utf8_can_be_removed(output: Path, runs: Runs) -> None:
    path = not_utf8(output, runs[0])
    assert verify(VerifyConfig(output=str(output))).damage
    report = collected(output, delete=True)
    assert (report.objects, path.exists()) == (1, False)
    assert "%FF%FE.parquet" in report.model_dump_json()
    assert not verify(VerifyConfig(output=str(output))).damage


def test_no_folders_are_left_of_a_run_that_is_over(output: Path, unfinished: RunPlan) -> None:
    """A folder alone would look like a run that is being planned."""
    folder, begun = output / layout.run_path(unfinished.run_id, ""), output / "_runs" / "20261120T000000Z-abcdef"
    (begun / "listing").mkdir(parents=True)
    collected(output, unfinished=unfinished.run_id)
    assert folder.exists()
    collected(output, unfinished=unfinished.run_id, delete=True)
    assert (folder.exists(), begun.exists()) == (False, False)
    assert verify(VerifyConfig(output=str(output))).findings == ()


@pytest.mark.parametrize("place", ["typo", "file"])
def test_an_output_without_a_run(place: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="no run at"):
        collected(tmp_path / place)


def test_leftovers_are_listed_even_if_no_run_is_left(output: Path, runs: Runs) -> None:
    for plan in runs:
        shutil.rmtree(output / layout.run_path(plan.run_id, ""))
    assert collected(output).counts.keys() == {"extra"}


@pytest.mark.parametrize("age", [".inf", ".nan", "-1", "1.0e+300"])
def test_an_invalid_age_is_refused(age: str, output: Path) -> None:
    with pytest.raises(UsageError, match="min_age_h"):
        load(GcConfig, None, [f"min_age_h={age}"], {"output": str(output)})
