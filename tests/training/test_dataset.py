"""Spectrograms for training equal what scoring sees, are cached by content, and bad tracks are set aside."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from genre_batch.catalog.corpora import LabelledTrack
from genre_batch.catalog.reject import RejectReason
from genre_batch.catalog.track import Track
from genre_batch.features.front_end import LogMelFrontEnd
from genre_batch.features.segments_of import segments_of
from genre_batch.storage.open_store import open_store
from genre_batch.training.dataset import Example, SkippedTrack, fit_standardisation, read_examples

FRONT_END = LogMelFrontEnd(n_mels=16, segment_frames=32, segment_hop_frames=32, mean=[1.0] * 16, std=[2.0] * 16)


def tone(hertz: float, seconds: float = 1.5) -> np.ndarray:
    time_s = np.arange(round(seconds * 22_050)) / 22_050
    return (0.3 * np.sin(2 * np.pi * hertz * time_s)).astype(np.float32)


def labelled(path: Path, data: bytes | None = None) -> LabelledTrack:
    if data is None:
        soundfile.write(path, tone(440.0), 22_050, subtype="FLOAT")
    else:
        path.write_bytes(data)
    stored = open_store(str(path)).head(str(path))
    return LabelledTrack(Track(path.name, stored.uri, stored.etag, stored.size_bytes), "blues", path.name)


def read(tracks: list[LabelledTrack], cache: Path | None = None) -> list[Example | SkippedTrack]:
    return list(read_examples(tracks, FRONT_END, cache=cache, deadline_s=30.0))


def test_the_whole_spectrogram_comes_back_in_decibels(tmp_path: Path) -> None:
    [example] = read([labelled(tmp_path / "a.wav")])
    assert isinstance(example, Example)
    plain = FRONT_END.model_copy(update={"mean": [], "std": [], "segment_frames": 65, "segment_hop_frames": 65})
    np.testing.assert_allclose(example.spectrogram, segments_of(tone(440.0), plain)[0], atol=0.1)
    assert example.spectrogram.shape == (16, 65)


def test_bad_tracks_are_set_aside_in_order_and_their_neighbours_kept(tmp_path: Path) -> None:
    good, empty, noise = (
        labelled(tmp_path / "good.wav"),
        labelled(tmp_path / "empty.wav", b""),
        labelled(tmp_path / "noise.mp3", bytes(range(256)) * 40),
    )
    gone = LabelledTrack(Track("gone", str(tmp_path / "gone.wav"), "etag", 9), "blues", "gone")
    outcomes = read([empty, good, noise, gone])
    reasons = [outcome.reject.reason if isinstance(outcome, SkippedTrack) else None for outcome in outcomes]
    assert reasons == [RejectReason.EMPTY, None, RejectReason.UNSUPPORTED, RejectReason.READ_FAILED]
    assert [outcome.labelled for outcome in outcomes] == [empty, good, noise, gone]


def test_the_cache_is_used_for_the_same_bytes_only(tmp_path: Path) -> None:
    track, cache = labelled(tmp_path / "a.wav"), tmp_path / "cache"
    [first] = read([track], cache)
    [file] = cache.rglob("*.npy")
    np.save(file, np.full((16, 5), 7.0, np.float16))
    [cached] = read([track], cache)
    assert isinstance(cached, Example)
    assert (cached.spectrogram == 7.0).all()
    soundfile.write(tmp_path / "a.wav", tone(880.0), 22_050, subtype="FLOAT")
    stored = open_store(track.track.uri).head(track.track.uri)
    changed = LabelledTrack(Track("a.wav", stored.uri, stored.etag, stored.size_bytes), "blues", "a")
    [fresh] = read([changed], cache)
    assert isinstance(fresh, Example)
    assert isinstance(first, Example)
    assert fresh.sha256 != first.sha256
    assert fresh.spectrogram.shape == (16, 65)


@pytest.mark.parametrize("damage", [b"", b"\x93NUMPY\x01", b"not an array"])
def test_a_damaged_cache_entry_is_computed_again(tmp_path: Path, damage: bytes) -> None:
    track, cache = labelled(tmp_path / "a.wav"), tmp_path / "cache"
    [first] = read([track], cache)
    [file] = cache.rglob("*.npy")
    file.write_bytes(damage)
    [again] = read([track], cache)
    assert isinstance(first, Example)
    assert isinstance(again, Example)
    np.testing.assert_array_equal(first.spectrogram, again.spectrogram)
    np.testing.assert_array_equal(np.load(file, allow_pickle=False), first.spectrogram)


def test_standardisation_counts_frames_and_survives_a_constant_band() -> None:
    rng = np.random.default_rng(0)
    spectrograms = [rng.normal(-40.0, 9.0, (3, frames)).astype(np.float16) for frames in (10, 300)]
    for spectrogram in spectrograms:
        spectrogram[2] = -80.0
    mean, std = fit_standardisation(spectrograms)
    frames = np.concatenate(spectrograms, axis=1).astype(np.float64)
    np.testing.assert_allclose(mean, frames.mean(axis=1))
    np.testing.assert_allclose(std[:2], frames.std(axis=1)[:2])
    assert std[2] == 1e-3
