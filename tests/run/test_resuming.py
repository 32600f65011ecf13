"""What is said where a run is resumed, or cannot be."""

from pathlib import Path

import pytest
from sink.shard_rows import RUN_ID, make_plan

from genre_batch.config import FeaturesConfig, dump, load
from genre_batch.run.job import features_job
from genre_batch.run.resuming import changed, flat, kept_settings, refusal, resuming
from genre_batch.storage.local import LocalStore

PLANNED = f"resuming run {RUN_ID} of 4 tracks, as it was planned\n"


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
        (["shard_tracks=7"], "its shard_tracks=2 stands, not 7\n"),
        (
            ["deadline_s=30.0", "extract.max_size=2"],
            "from here on with deadline_s=30.0 (was 60.0), extract.max_size=2 (was null)\n",
        ),
        (
            ["retry=[silent, corrupt]"],
            "--retry corrupt --retry silent waits until it has finished: then start again\n",
        ),
    ],
)
def test_the_settings_that_differ_are_told_and_which_of_them_hold(
    output: Path, overrides: list[str], said: str
) -> None:
    assert resuming(LocalStore(), settings(output, *overrides), make_plan()) == PLANNED + said


@pytest.mark.parametrize("kept", [None, b"\xff", b"a: [", b"- a", b""])
def test_settings_that_cannot_be_read_are_not_compared(output: Path, kept: bytes | None) -> None:
    file = output / "_runs" / RUN_ID / "config.yaml"
    file.unlink() if kept is None else file.write_bytes(kept)
    assert kept_settings(LocalStore(), str(output), RUN_ID) == {}
    assert resuming(LocalStore(), settings(output, "deadline_s=30.0"), make_plan()) == PLANNED


def test_other_libraries_are_part_of_the_difference(output: Path) -> None:
    config = settings(output, "recipe=descriptor_knn")
    plan = make_plan(source="/in", versions={"librosa": "0.1.2", "left-pad": "1"})
    refused = refusal(LocalStore(), config, features_job(config), plan)
    assert refused.exit_code == 2
    assert "recipe descriptor_mlp (here descriptor_knn)" in str(refused)
    assert "librosa 0.1.2 (here " in str(refused)
    assert "left-pad" not in str(refused)
    assert "finish it with --set recipe=descriptor_mlp;" in refused.hint


def test_where_the_bundle_was_changed_in_its_place_it_is_asked_back(output: Path) -> None:
    config = settings(output)
    refused = refusal(LocalStore(), config, features_job(config), make_plan())
    assert "finish it with mel-cnn-1 back at descriptor_mlp;" in refused.hint


def test_settings_by_path_and_what_differs() -> None:
    now = flat({"source": "/in", "a": {"b": None, "c": 2}, "d": "\x1b[31m"})
    assert now == {"a.b": "null", "a.c": "2", "d": "\\x1b[31m"}
    assert changed({"a.b": "1", "a.c": "2", "z": "3"}, now) == {"a.b": ("1", "null")}
