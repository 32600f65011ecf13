"""The card says what the manifest says."""

import hashlib
from pathlib import Path

import pytest
from small_bundle import MANIFEST, weights_of, write_small_bundle

from genre_batch.model.bundle import CARD_FILE, SHIPPED_BUNDLES, WEIGHTS_FILE, Bundle, load_bundle
from genre_batch.model.manifest import BundleManifest
from genre_batch.model.write_bundle import render_card


def card(manifest: BundleManifest) -> str:
    return render_card(Bundle("somewhere", manifest, {WEIGHTS_FILE: weights_of(MANIFEST)}))


def test_the_facts_are_in_it() -> None:
    text = card(MANIFEST)
    for fact in ("# small", "blues, jazz, rock", "16 mel bands", "segments of 1.5 s", "`mel_cnn`", "1.500"):
        assert fact in text
    assert "| track accuracy | 0.5 |" in text
    assert "| data | none: the weights are made up |" in text
    assert "never abstains" in text
    assert "somewhere" not in text


def test_an_interval_says_what_it_is_over() -> None:
    assert "Student's t" not in card(MANIFEST)
    text = card(MANIFEST.model_copy(update={"metrics": {"accuracy_mean": 0.5, "accuracy_low": 0.4}}))
    assert "95 % interval of accuracy_mean, by Student's t over the folds" in text


@pytest.mark.parametrize("name", SHIPPED_BUNDLES)
def test_the_cards_of_the_shipped_bundles_are_as_they_would_be_written_now(name: str) -> None:
    bundle = load_bundle(name)
    assert bundle.files[CARD_FILE].decode() == render_card(bundle)


def test_thresholds_are_listed() -> None:
    text = card(MANIFEST.model_copy(update={"thresholds": {"jazz": 0.25}}))
    assert "| jazz | 0.250 |" in text
    assert "never abstains" not in text


def test_text_cannot_break_the_tables() -> None:
    text = card(MANIFEST.model_copy(update={"training": {"com|mand": "a\n| b"}}))
    assert r"| com\|mand | a \| b |" in text


def test_missing_figures_are_reported_as_missing() -> None:
    assert "Nothing was recorded." in card(MANIFEST.model_copy(update={"metrics": {}}))


def test_the_bundle_returned_is_the_one_on_disk(tmp_path: Path) -> None:
    written = write_small_bundle(tmp_path / "new" / "bundle")
    assert load_bundle(str(tmp_path / "new" / "bundle")) == written
    assert sorted(path.name for path in (tmp_path / "new" / "bundle").iterdir()) == [
        "README.md",
        "bundle.json",
        "golden.npz",
        "model.safetensors",
    ]


def test_the_manifest_holds_each_files_sha256(tmp_path: Path) -> None:
    bundle = write_small_bundle(tmp_path)
    for name, digest in bundle.manifest.files.items():
        assert hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() == digest


def test_the_same_facts_give_the_same_bytes(tmp_path: Path) -> None:
    first, second = write_small_bundle(tmp_path / "1"), write_small_bundle(tmp_path / "2")
    assert dict(first.files) == dict(second.files)


def test_the_card_says_what_abstaining_would_give() -> None:
    kept = {"0.8": {"jazz": 0.4}, "0.9": {"jazz": 1.0}}
    metrics = {"answered_at_0.8": 0.75, "answered_accuracy_at_0.8": 0.82, "answered_at_0.9": 0.0}
    text = card(MANIFEST.model_copy(update={"thresholds_at": kept, "metrics": metrics}))
    assert "| 0.8 | 0.75, 0.82 |" in text
    assert "| 0.9 | 0.00, none |" in text
    assert "| answered_at_0.8 |" not in text
