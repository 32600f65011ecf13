"""A bundle is loaded if it is complete and undamaged, or refused with one sentence."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from s3_server import S3Server
from small_bundle import MANIFEST, write_small_bundle

from genre_batch.errors import UsageError
from genre_batch.features.front_end_base import BEFORE_THE_CHOICE
from genre_batch.model import bundle as bundle_module
from genre_batch.model.bundle import MANIFEST_FILE, WEIGHTS_FILE, Bundle, load_bundle
from genre_batch.model.golden import check_probabilities
from genre_batch.model.open_predictor import open_predictor
from genre_batch.model.scope import fit_scope
from genre_batch.model.scores import Calibration, Taxonomy


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle")
    write_small_bundle(folder)
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A copy that tests may damage."""
    return Path(shutil.copytree(made, tmp_path / "copy"))


def edit(folder: Path, **changes: object) -> None:
    path = folder / MANIFEST_FILE
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def refused(uri: object) -> UsageError:
    """The error of loading, which must be a sentence with a hint."""
    with pytest.raises(UsageError) as raised:
        load_bundle(str(uri))
    assert raised.value.exit_code == 2
    assert "\n" not in str(raised.value)
    assert raised.value.hint
    return raised.value


def test_a_local_folder_is_loaded(made: Path) -> None:
    bundle = load_bundle(str(made))
    assert bundle.manifest.taxonomy == MANIFEST.taxonomy
    assert bundle.files[WEIGHTS_FILE] == (made / WEIGHTS_FILE).read_bytes()
    assert bundle.model_id == f"small-{bundle.fingerprint[:8]}"


def test_a_relative_path_and_a_trailing_slash_are_fine(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(made.parent)
    assert load_bundle(f"{made.name}/").fingerprint == load_bundle(str(made)).fingerprint


def test_a_folder_on_s3_is_loaded(made: Path, moto_s3: S3Server, bucket: str) -> None:
    for path in made.iterdir():
        moto_s3.client.put_object(Bucket=bucket, Key=f"models/small/{path.name}", Body=path.read_bytes())
    assert load_bundle(f"s3://{bucket}/models/small").fingerprint == load_bundle(str(made)).fingerprint
    assert "does not exist" in str(refused(f"s3://{bucket}/models/other"))


@pytest.mark.parametrize("name", [WEIGHTS_FILE, "golden.npz", "README.md"])
def test_a_changed_file_is_refused(folder: Path, name: str) -> None:
    data = bytearray((folder / name).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / name).write_bytes(data)
    assert name in str(refused(folder))
    assert "sha256" in str(refused(folder))


@pytest.mark.parametrize("name", [MANIFEST_FILE, WEIGHTS_FILE, "golden.npz", "README.md"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    assert f"{name} does not exist" in str(refused(folder))


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    assert "no model bundle" in str(refused(tmp_path / "nowhere"))


def test_a_file_the_manifest_does_not_vouch_for_is_refused(folder: Path) -> None:
    files = json.loads((folder / MANIFEST_FILE).read_text())["files"]
    edit(folder, files={name: digest for name, digest in files.items() if name != "README.md"})
    assert "README.md" in str(refused(folder))


def test_an_unknown_key_is_refused_with_its_path(folder: Path) -> None:
    front_end = json.loads((folder / MANIFEST_FILE).read_text())["front_end"]
    edit(folder, front_end={**front_end, "n_mel": 128})
    assert "front_end.n_mel" in str(refused(folder))


def test_a_bundle_from_before_weight_shapes_were_recorded_is_loaded(folder: Path, made: Path) -> None:
    written = json.loads((folder / MANIFEST_FILE).read_text())
    del written["weight_shapes"]
    (folder / MANIFEST_FILE).write_text(json.dumps(written))
    bundle = load_bundle(str(folder))
    assert bundle.manifest.weight_shapes == {}
    assert bundle.fingerprint == load_bundle(str(made)).fingerprint
    check_probabilities(bundle, open_predictor(bundle, "cpu"))


@pytest.mark.parametrize("version", [0, 2])
def test_another_schema_version_is_refused_as_such(folder: Path, version: int) -> None:
    edit(folder, schema_version=version, surprise="new in that version")
    assert f"schema version {version}" in str(refused(folder))


@pytest.mark.parametrize("text", ["", "{", "[]", '"x"', "\udc80"])
def test_a_manifest_that_is_not_json_is_refused(folder: Path, text: str) -> None:
    (folder / MANIFEST_FILE).write_bytes(text.encode(errors="surrogateescape"))
    assert MANIFEST_FILE in str(refused(folder))


def test_the_fingerprint_changes_only_with_what_decides_a_score(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = load_bundle(str(made))
    manifest = bundle.manifest

    def fingerprint(**changes: object) -> str:
        return Bundle("elsewhere", manifest.model_copy(update=changes), bundle.files).fingerprint

    kept = {"0.9": {"jazz": 0.5}}
    same = fingerprint(name="other", metrics={}, training={}, files={}, weight_shapes={}, thresholds_at=kept)
    assert same == bundle.fingerprint
    # what was learned is in the weights, however it was learned
    assert fingerprint(architecture=manifest.architecture.model_copy(update={"dropout": 0.1})) == same
    different = [
        bundle.fingerprint,
        fingerprint(calibration=Calibration(temperature=1.25)),
        fingerprint(taxonomy=Taxonomy(genres=["jazz", "blues", "rock"])),
        fingerprint(thresholds={"jazz": 0.5}),
        fingerprint(scope=fit_scope(np.arange(3.0), np.arange(3.0))),
        fingerprint(front_end=manifest.front_end.model_copy(update=BEFORE_THE_CHOICE)),
        Bundle("x", manifest, bundle.files, tags_above=0.1).fingerprint,
        Bundle("x", manifest, bundle.files, min_in_scope=0.1).fingerprint,
        fingerprint(front_end=manifest.front_end.model_copy(update={"rms_dbfs": -21.0})),
        fingerprint(architecture=manifest.architecture.model_copy(update={"dense_channels": 9})),
        Bundle("x", manifest, {**bundle.files, WEIGHTS_FILE: bundle.files[WEIGHTS_FILE] + b"\0"}).fingerprint,
    ]
    monkeypatch.setattr(bundle_module, "ANSWERS_VERSION", 99)
    different.append(fingerprint())
    assert len(set(different)) == len(different)


def test_scoring_chooses_thresholds_and_tags() -> None:
    plain = load_bundle("default")
    assert plain.chosen(None, None).fingerprint == plain.fingerprint
    strict = plain.chosen(0.9, None)
    assert strict.manifest.thresholds == plain.manifest.thresholds_at["0.9"]
    tagged = plain.chosen(None, 0.2)
    assert tagged.manifest.thresholds == plain.manifest.thresholds
    known = plain.chosen(None, None, 0.2)
    assert known.min_in_scope == 0.2
    chosen = strict, plain.chosen(0.8, None), tagged, known, plain.chosen(None, min_in_scope=0.1)
    assert len({plain.model_id, *(each.model_id for each in chosen)}) == 6


def test_what_a_bundle_does_not_keep_cannot_be_chosen() -> None:
    with pytest.raises(UsageError, match=r"min_precision=0\.85") as refused:
        load_bundle("default").chosen(0.85, None)
    assert refused.value.hint == "it keeps those for 0.5, 0.6, 0.7, 0.8, 0.9, 0.95"
    with pytest.raises(UsageError, match=r"min_precision=0\.9") as refused:
        load_bundle("cheap").chosen(0.9, None)
    assert refused.value.hint == "train it again, with this version"
    manifest = load_bundle("default").manifest
    never = dict.fromkeys(manifest.taxonomy.genres, 1.0)
    manifest = manifest.model_copy(update={"thresholds_at": manifest.thresholds_at | {"0.95": never}})
    with pytest.raises(UsageError, match=r"cannot reach min_precision=0\.95: .* it would never answer") as refused:
        replace(load_bundle("default"), manifest=manifest).chosen(0.95, None)
    assert refused.value.hint == "choose one that it reaches: 0.5, 0.6, 0.7, 0.8, 0.9"
    with pytest.raises(UsageError, match="knows no tags"):
        load_bundle("cheap").chosen(None, 0.1)
    with pytest.raises(UsageError, match="has no `in_scope`"):
        load_bundle("cheap").chosen(None, min_in_scope=0.1)
