"""Every style can be played."""

from itertools import combinations

import librosa
import numpy as np
import numpy.typing as npt
import pytest

from genre_batch.demo.synthesis import STYLES, synthesise


@pytest.mark.parametrize("name", STYLES)
def test_patterns_divide_the_bar_into_whole_steps(name: str) -> None:
    style = STYLES[name]
    for pattern in (style.kick, style.snare, style.hat, style.bass, style.chords, style.melody):
        assert set(pattern) <= {"x", "."}
        assert len(pattern) % style.beats == 0


@pytest.mark.parametrize("name", STYLES)
def test_something_sounds_besides_the_melody(name: str) -> None:
    assert "x" in STYLES[name].bass
    assert "x" in STYLES[name].chords


RATE = 22_050


@pytest.mark.parametrize("style", STYLES)
def test_a_track_is_as_long_and_as_loud_as_asked_in_both_channels(style: str) -> None:
    track = synthesise(style, 1, 21.3, RATE)
    assert track.shape == (round(21.3 * RATE), 2)
    assert track.dtype == np.float32
    assert np.isfinite(track).all()
    assert np.abs(track).max() == pytest.approx(0.8, abs=1e-4)
    assert (track.std(axis=0) > 0.02).all()


def test_the_same_arguments_give_the_same_samples() -> None:
    np.testing.assert_array_equal(synthesise("shuffle", 7, 12, RATE), synthesise("shuffle", 7, 12, RATE))


def test_another_seed_gives_another_track() -> None:
    first, second = synthesise("shuffle", 7, 12, RATE), synthesise("shuffle", 8, 12, RATE)
    assert abs(np.corrcoef(first[:, 0], second[:, 0])[0, 1]) < 0.5


def test_an_unknown_style_is_an_error() -> None:
    with pytest.raises(KeyError, match="polka"):
        synthesise("polka", 1, 12, RATE)


def test_styles_differ_more_than_tracks_of_one_style() -> None:
    timbres = {style: [_timbre(synthesise(style, seed, 25, RATE)) for seed in (1, 2)] for style in STYLES}
    within = [float(np.linalg.norm(a - b)) for a, b in timbres.values()]
    between = [float(np.linalg.norm(timbres[a][0] - timbres[b][0])) for a, b in combinations(STYLES, 2)]
    assert np.median(within) < 0.5 * np.median(between)


def test_metal_is_busier_than_ambient() -> None:
    onsets = {style: _onsets_per_s(synthesise(style, 3, 25, RATE)) for style in ("drone", "grind")}
    assert onsets["grind"] > 2 * onsets["drone"]


def _timbre(track: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    mel = librosa.feature.melspectrogram(y=track.mean(axis=1), sr=RATE, n_mels=40)
    means: npt.NDArray[np.float64] = librosa.power_to_db(mel, ref=np.max).mean(axis=1)
    return means


def _onsets_per_s(track: npt.NDArray[np.float32]) -> float:
    return len(librosa.onset.onset_detect(y=track.mean(axis=1), sr=RATE)) / (len(track) / RATE)
