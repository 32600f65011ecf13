"""Training examples equal what scoring sees, come from the cache, and unreadable tracks are set aside."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from genre_batch.catalog.corpora import LabelledTrack
from genre_batch.catalog.reject import RejectReason
from genre_batch.catalog.track import Track
from genre_batch.decode.window import Window
from genre_batch.features.front_end import FrontEnd
from genre_batch.features.front_ends.descriptors import DescriptorFrontEnd
from genre_batch.features.front_ends.log_mel import LogMelFrontEnd
from genre_batch.features.front_ends.plain_waveform import WaveformFrontEnd
from genre_batch.storage.open_store import open_store
from genre_batch.training.dataset import (
    Example,
    SkippedTrack,
    as_pieces,
    as_segments,
    extract_here,
    fit_standardisation,
)

FRONT_END = LogMelFrontEnd(n_mels=16, segment_frames=32, segment_hop_frames=16, mean=[1.0] * 16, std=[2.0] * 16)

IN_PIECES = FRONT_END.model_copy(update={"window": Window(length_s=1.0, pieces=2)})


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


def test_bad_tracks_are_set_aside_in_order_and_the_whole_spectrogram_of_good_ones_comes_back(tmp_path: Path) -> None:
    good, empty, noise = (
        labelled(tmp_path / "good.wav"),
        labelled(tmp_path / "empty.wav", b""),
        labelled(tmp_path / "noise.mp3", bytes(range(256)) * 40),
    )
    gone = LabelledTrack(Track("gone", str(tmp_path / "gone.wav"), "etag", 9), "blues", "gone")
    outcomes = list(extract_here([empty, good, noise, gone], FRONT_END, tmp_path / "cache"))
    reasons = [outcome.reject.reason if isinstance(outcome, SkippedTrack) else None for outcome in outcomes]
    assert reasons == [RejectReason.EMPTY, None, RejectReason.UNSUPPORTED, RejectReason.READ_FAILED]
    assert [outcome.labelled for outcome in outcomes] == [empty, good, noise, gone]
    assert isinstance(outcomes[1], Example)
    plain = FRONT_END.model_copy(update={"mean": [], "std": [], "segment_frames": 65, "segment_hop_frames": 65})
    np.testing.assert_allclose(outcomes[1].pieces, plain.segments(tone(440.0)), atol=0.1)
    assert outcomes[1].pieces.shape == (1, 16, 65)

    [file] = (tmp_path / "cache").rglob("*.npy")
    np.save(file, np.full((1, 16, 5), 7.0, np.float16))
    [cached] = extract_here([good], FRONT_END, tmp_path / "cache")
    assert isinstance(cached, Example)
    assert (cached.pieces == 7.0).all()
    assert cached.sha256 == outcomes[1].sha256


@pytest.mark.parametrize(
    "front_end",
    [FRONT_END, IN_PIECES, WaveformFrontEnd(segment_s=0.5), DescriptorFrontEnd(segment_s=0.5, columns=["rms_mean"])],
)
def test_segments_of_pieces_are_those_that_scoring_cuts(front_end: FrontEnd) -> None:
    rows = front_end.segment_shape[0]
    learned = front_end.model_copy(update={"mean": [0.1] * rows, "std": [2.0] * rows})
    samples = tone(300.0) * np.linspace(0.1, 1.0, 33_075, dtype=np.float32)
    pieces = as_pieces(learned.whole().segments(samples), learned)
    expected = learned.segments(samples)
    segments = as_segments(pieces, learned)
    assert segments.dtype == expected.dtype
    # decibels in half precision: 0.03 dB
    np.testing.assert_allclose(segments, expected, atol=0.03)


def test_standardisation_counts_columns_and_survives_a_constant_row() -> None:
    rng = np.random.default_rng(0)
    pieces = [rng.normal(-40.0, 9.0, (n, 4, columns)).astype(np.float16) for n, columns in ((1, 10), (2, 150))]
    for piece in pieces:
        piece[:, 2] = -80.0
        piece[:, 3] = rng.normal(0.0, 1e-5, piece[:, 3].shape)
    mean, std = fit_standardisation(pieces)
    values = np.concatenate([piece.transpose(1, 0, 2).reshape(4, -1) for piece in pieces], axis=1).astype(np.float64)
    np.testing.assert_allclose(mean, values.mean(axis=1))
    np.testing.assert_allclose(np.array(std)[[0, 1, 3]], values.std(axis=1)[[0, 1, 3]])
    assert std[2] == 1.0
