"""Descriptors are means and variances of curves, in the order requested."""

import subprocess
import sys
from pathlib import Path

import librosa
import numpy as np
import pytest
from music import music

from genre_batch.catalog.reject import RejectReason, TrackRejected
from genre_batch.features import descriptor_curves
from genre_batch.features.descriptor_curves import CURVES, AnalysedSound
from genre_batch.features.front_ends.descriptors import COLUMNS, DescriptorFrontEnd, descriptors

GOLDEN = Path(__file__).parents[2] / "golden"
RATE = 22_050


@pytest.mark.parametrize("length_s", [1.0, 3.0, 11.01])
def test_a_column_is_the_mean_or_the_variance_of_its_curve(length_s: float) -> None:
    samples = music(12.0)[: round(length_s * RATE)]
    values = descriptors(samples, sample_rate=RATE, columns=COLUMNS)
    assert (values.dtype, values.shape) == (np.float32, (57,))
    sound = AnalysedSound(samples, RATE)
    for column, value in zip(COLUMNS, values, strict=True):
        curve = CURVES[column.removesuffix("_mean").removesuffix("_var")](sound)
        assert value == pytest.approx(curve.var() if column.endswith("_var") else curve.mean()), column


def test_values_are_those_pinned_when_the_published_table_was_compared() -> None:
    with np.load(GOLDEN / "log_mel.npz", allow_pickle=False) as golden:
        samples = golden["audio"].astype(np.float32) / np.float32(32768.0)
    pinned = np.loadtxt(GOLDEN / "descriptors.csv", delimiter=",", skiprows=1)
    header = (GOLDEN / "descriptors.csv").read_text().splitlines()[0]
    assert header == ",".join(COLUMNS)
    values = descriptors(samples, sample_rate=RATE, columns=COLUMNS)
    np.testing.assert_allclose(values, pinned, rtol=1e-3, atol=1e-6)


def test_columns_come_in_the_order_requested() -> None:
    samples = music(2.0)
    whole = dict(zip(COLUMNS, descriptors(samples, sample_rate=RATE, columns=COLUMNS), strict=True))
    some = ["mfcc20_var", "tempo", "chroma_stft_mean", "perceptr_var", "mfcc1_mean"]
    np.testing.assert_array_equal(
        descriptors(samples, sample_rate=RATE, columns=some), [whole[column] for column in some]
    )


def test_only_what_the_columns_need_is_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The harmonic and percussive parts take more than half of the time, the spectrum is of use to many."""

    def forbidden(*_: object) -> None:
        raise AssertionError("not requested")

    monkeypatch.setattr(descriptor_curves, "harmonic_percussive", forbidden)
    columns = [column for column in COLUMNS if not column.startswith(("harmony", "perceptr"))]
    assert len(descriptors(music(2.0), sample_rate=RATE, columns=columns)) == 53
    with pytest.raises(AssertionError, match="not requested"):
        descriptors(music(2.0), sample_rate=RATE, columns=["harmony_mean"])
    monkeypatch.setattr(librosa, "stft", forbidden)
    assert len(descriptors(music(2.0), sample_rate=RATE, columns=["rms_mean", "zero_crossing_rate_var"])) == 2


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("length", [1, 300, 512, 1025, 22_050])
def test_all_values_are_finite_for_silence_and_for_any_length(length: int) -> None:
    for samples in (np.zeros(length, np.float32), music(2.0)[5_000:][:length]):
        assert np.isfinite(descriptors(samples, sample_rate=RATE, columns=COLUMNS)).all()


def test_samples_too_large_for_single_precision_are_rejected() -> None:
    with pytest.raises(TrackRejected) as raised:
        descriptors(music(2.0) * np.float32(1e20), sample_rate=RATE, columns=COLUMNS)
    assert raised.value.reject.reason is RejectReason.NOT_FINITE


def test_the_same_samples_give_the_same_bits_whatever_came_before() -> None:
    samples = music(3.0)
    first = descriptors(samples, sample_rate=RATE, columns=COLUMNS)
    descriptors(music(1.3) * np.float32(0.1), sample_rate=RATE, columns=COLUMNS)
    descriptors(music(2.0, 8_000), sample_rate=8_000, columns=COLUMNS)
    np.testing.assert_array_equal(descriptors(samples.copy(), sample_rate=RATE, columns=COLUMNS), first)


def test_settings_are_read_without_librosa() -> None:
    """The command line and most actors need the settings only, and should not pay for librosa."""
    program = (
        "import sys, genre_batch.features.front_end; print(sorted({'librosa', 'numba', 'numpy'} & {*sys.modules}))"
    )
    loaded = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=300)
    assert loaded.stdout == "['numpy']\n"


def test_there_are_57_columns_in_the_order_of_the_table() -> None:
    assert len(COLUMNS) == len(set(COLUMNS)) == 57
    assert COLUMNS[:5] == ("chroma_stft_mean", "chroma_stft_var", "rms_mean", "rms_var", "spectral_centroid_mean")
    assert COLUMNS[12:18] == ("harmony_mean", "harmony_var", "perceptr_mean", "perceptr_var", "tempo", "mfcc1_mean")
    assert COLUMNS[-1] == "mfcc20_var"


def test_unknown_and_repeated_descriptors_are_refused() -> None:
    for columns in (["tempo", "beauty"], ["tempo", "tempo"]):
        with pytest.raises(ValueError, match="descriptor"):
            DescriptorFrontEnd(columns=columns)
