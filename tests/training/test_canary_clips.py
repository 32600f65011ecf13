"""The clips of a bundle: the project's, the user's own, and those added to a bundle that exists."""

import json
from pathlib import Path

import audio_samples
import pytest
from small_bundle import write_small_bundle

from genre_batch.errors import UsageError
from genre_batch.model.bundle import CANARIES_FILE, MANIFEST_FILE, load_bundle
from genre_batch.model.canaries import project_clips, read_canaries
from genre_batch.training.canary_clips import add_canaries, read_clips


def test_own_clips_replace_those_of_the_project(tmp_path: Path) -> None:
    (tmp_path / "b.wav").write_bytes(b"sound")
    assert read_clips(None) == project_clips()
    assert read_clips([]) == {}
    assert read_clips([str(tmp_path / "b.wav")]) == {"b.wav": b"sound"}


def test_clips_that_cannot_be_taken(tmp_path: Path) -> None:
    (tmp_path / "b.wav").write_bytes(bytes(5 << 20))
    with pytest.raises(UsageError, match=r"b\.wav has 5"):
        read_clips([str(tmp_path / "b.wav")])
    with pytest.raises(UsageError, match="cannot be read"):
        read_clips([str(tmp_path / "c.wav")])
    (tmp_path / "b.wav").write_bytes(b"sound")
    with pytest.raises(UsageError, match="two canaries"):
        read_clips([str(tmp_path / "b.wav")] * 2)


def test_a_bundle_gets_canaries_and_stays_the_same_model(tmp_path: Path) -> None:
    folder, clip = tmp_path / "bundle", tmp_path / "chirp.flac"
    before = write_small_bundle(folder)
    clip.write_bytes(audio_samples.encode(audio_samples.chirp(3.0), 44_100, "flac"))
    manifest = json.loads((folder / MANIFEST_FILE).read_text())
    report = add_canaries(str(folder), [str(clip)])
    after = load_bundle(str(folder))
    (canary,) = read_canaries(after)
    assert (after.fingerprint, report.model_id) == (before.fingerprint, before.model_id)
    assert report.genres == {"chirp.flac": canary.genre}
    assert "chirp.flac" in report.summary()
    changed = json.loads((folder / MANIFEST_FILE).read_text())
    assert changed["files"].pop(CANARIES_FILE)
    assert changed == manifest
    assert add_canaries(str(folder), [str(clip)]) == report


def test_shipped_and_missing_bundles_cannot_be_changed(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="shipped bundle default"):
        add_canaries("default")
    with pytest.raises(UsageError, match="no model bundle"):
        add_canaries(str(tmp_path))
