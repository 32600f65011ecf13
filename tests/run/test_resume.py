"""What a user reads when a run is resumed, or cannot be."""

from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import pytest
from sink.shard_rows import RUN_ID, make_plan

from genre_batch.config import FeaturesConfig, ScoreConfig, dump, load
from genre_batch.model.bundle import load_bundle
from genre_batch.run.jobs import features_job, scoring_job
from genre_batch.run.resume import (
    changed,
    end_of,
    flat_settings,
    library_versions,
    planned_settings,
    resume_notice,
    resume_refusal,
)
from genre_batch.storage.local import LocalStore


def test_the_versions_are_the_installed_ones() -> None:
    versions = library_versions()
    assert versions["librosa"] == version("librosa")
    assert {"torch", "soundfile", "av"} <= set(versions)


PLANNED = f"resuming run {RUN_ID} of 4 tracks, as it was planned: 1 kept, 3 to do\n"


def settings(output: Path, *overrides: str) -> FeaturesConfig:
    return load(FeaturesConfig, None, ["shard_tracks=2", *overrides], {"source": "/in", "output": str(output)})


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """An output with the settings of a run."""
    folder = tmp_path / "_runs" / RUN_ID
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(dump(settings(tmp_path, "deadline_s=60.0", "retry=[silent]")))
    return tmp_path


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        ([], ""),
        (["max_denied_in_a_row=20", "beside_unfinished=true"], ""),
        (["shard_tracks=7"], "it keeps shard_tracks=2, not 7\n"),
        (
            ["deadline_s=30.0", "extract.max_size=2"],
            "from here on it uses deadline_s=30.0 (was 60.0), extract.max_size=2 (was null)\n",
        ),
        (
            ["retry=[silent, corrupt]"],
            "--retry corrupt --retry silent has no effect on it: start again once it has finished\n",
        ),
    ],
)
def test_the_notice_says_which_settings_differ_and_which_take_effect(
    output: Path, overrides: list[str], said: str
) -> None:
    assert resume_notice(LocalStore(), settings(output, *overrides), make_plan(), kept=1) == PLANNED + said


def test_the_notice_says_that_the_listing_was_made_with_other_patterns(output: Path) -> None:
    plan = make_plan().model_copy(update={"include": (), "exclude": ("*.txt",)})
    same, other = settings(output, "exclude=['*.txt']"), settings(output, "exclude=[]")
    assert resume_notice(LocalStore(), same, plan, kept=1) == PLANNED
    said = "it keeps the listing that was made with other patterns in include or exclude\n"
    assert resume_notice(LocalStore(), other, plan, kept=1) == PLANNED + said


def test_the_end_of_a_run_is_the_planned_one_unless_the_setting_changes(output: Path) -> None:
    at, now = datetime(2026, 11, 30, 5, 30, tzinfo=UTC), datetime(2026, 12, 1, 5, 30, tzinfo=UTC)
    plan = make_plan(finish_by="05:30", finish_at=at)
    same, other, none = (settings(output, f"finish_by={value}") for value in ('"05:30"', "8h", "null"))
    assert [end_of(plan, each, now) for each in (same, other, none)] == [at, now, now]
    assert end_of(make_plan(), same, now) == now  # an earlier version planned it
    assert end_of(make_plan(), none, None) is None
    said = f"it ends at {at.astimezone():%Y-%m-%d %H:%M %Z}, as it was planned\n"
    assert said in resume_notice(LocalStore(), same, plan, kept=1)
    assert "as it was planned\n" not in resume_notice(LocalStore(), other, plan, kept=1)


@pytest.mark.parametrize("kept", [None, b"\xff", b"a: [", b"- a", b""])
def test_unreadable_settings_are_not_compared(output: Path, kept: bytes | None) -> None:
    file = output / "_runs" / RUN_ID / "config.yaml"
    file.unlink() if kept is None else file.write_bytes(kept)
    assert planned_settings(LocalStore(), str(output), RUN_ID) == {}
    assert resume_notice(LocalStore(), settings(output, "deadline_s=30.0"), make_plan(), kept=1) == PLANNED


def test_other_libraries_are_part_of_the_difference(output: Path) -> None:
    config = settings(output, "recipe=descriptor_knn")
    plan = make_plan(source="/in", versions={"librosa": "0.1.2", "left-pad": "1"})
    refused = resume_refusal(LocalStore(), config, features_job(config), plan)
    assert refused.exit_code == 2
    assert "recipe descriptor_mlp (now descriptor_knn)" in str(refused)
    assert "librosa 0.1.2 (now " in str(refused)
    assert "left-pad" not in str(refused)
    assert "finish it with --set recipe=descriptor_mlp;" in refused.hint


def test_a_bundle_changed_in_place_has_to_be_restored(output: Path) -> None:
    config = settings(output)
    refused = resume_refusal(LocalStore(), config, features_job(config), make_plan())
    assert "finish it with mel-cnn-1 restored at descriptor_mlp;" in refused.hint


@pytest.mark.parametrize("name", ["cheap", "one-window"])
def test_a_run_of_an_earlier_default_is_finished_with_the_bundle_by_its_present_name(name: str, tmp_path: Path) -> None:
    old = load_bundle(name)
    folder = tmp_path / "_runs" / RUN_ID
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text("bundle: default\n")
    config = load(ScoreConfig, None, (), {"source": "/in", "output": str(tmp_path)})
    plan = make_plan(source="/in", model_id=old.model_id, fingerprint=old.fingerprint)
    refused = resume_refusal(LocalStore(), config, scoring_job(config), plan)
    assert f"finish it with --set bundle={name};" in refused.hint
    assert f"model {old.model_id} (now {load_bundle('default').model_id})" in str(refused)


def test_settings_by_path_and_what_differs() -> None:
    after = flat_settings({"source": "/in", "publish": {"delta": True}, "a": {"b": None, "c": 2}, "d": "\x1b[31m"})
    assert after == {"a.b": "null", "a.c": "2", "d": "\\x1b[31m"}
    assert changed({"a.b": "1", "a.c": "2", "z": "3"}, after) == {"a.b": ("1", "null")}
