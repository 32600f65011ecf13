"""The card says what the manifest says."""

from small_bundle import MANIFEST, weights_of

from genre_batch.model.bundle import WEIGHTS_FILE, Bundle
from genre_batch.model.manifest import BundleManifest
from genre_batch.model.model_card import render_card


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


def test_thresholds_are_listed() -> None:
    text = card(MANIFEST.model_copy(update={"thresholds": {"jazz": 0.25}}))
    assert "| jazz | 0.250 |" in text
    assert "never abstains" not in text


def test_text_cannot_break_the_tables() -> None:
    text = card(MANIFEST.model_copy(update={"training": {"com|mand": "a\n| b"}}))
    assert r"| com\|mand | a \| b |" in text


def test_missing_figures_are_said_to_be_missing() -> None:
    assert "Nothing was recorded." in card(MANIFEST.model_copy(update={"metrics": {}}))
