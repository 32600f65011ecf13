"""How a user would label one file: librosa for samples and log-mel, torch for the prediction. Of this project it uses
only the model, so that the answers are comparable.
"""

import io
from typing import BinaryIO

import librosa
import numpy as np

from genre_batch.model.bundle import load_bundle
from genre_batch.model.open_predictor import open_predictor

SAMPLE_RATE, N_FFT, HOP_LENGTH, N_MELS = 22_050, 1024, 256, 128
SEGMENT_FRAMES = 256
OFFSET_S, LENGTH_S = 60.0, 30.0
RMS = 0.1


def whole_file(file: str | BinaryIO) -> np.ndarray:
    """The window [n] of a file that is decoded completely, as `librosa.load` does by default."""
    samples, _ = librosa.load(file, sr=SAMPLE_RATE)
    return samples[int(OFFSET_S * SAMPLE_RATE) : int((OFFSET_S + LENGTH_S) * SAMPLE_RATE)]


def window_only(file: str | BinaryIO) -> np.ndarray:
    """The same window [n], decoding nothing else except what librosa cannot skip."""
    samples, _ = librosa.load(file, sr=SAMPLE_RATE, offset=OFFSET_S, duration=LENGTH_S)
    return samples


def segments(samples: np.ndarray) -> np.ndarray:
    """Log-mel segments [n, N_MELS, SEGMENT_FRAMES] float16."""
    samples = samples * (RMS / np.sqrt(np.mean(samples**2)))
    power = librosa.feature.melspectrogram(y=samples, sr=SAMPLE_RATE, n_fft=N_FFT, hop_length=HOP_LENGTH, n_mels=N_MELS)
    decibels = librosa.power_to_db(power)
    whole = decibels.shape[1] // SEGMENT_FRAMES * SEGMENT_FRAMES
    return np.stack(np.split(decibels[:, :whole], whole // SEGMENT_FRAMES, axis=1)).astype(np.float16)


class Model:
    """The shipped model; `genre` is its answer for the segments of one track."""

    def __init__(self) -> None:
        bundle = load_bundle("default")
        self._genres = bundle.manifest.taxonomy.genres
        self._predictor = open_predictor(bundle, device="cpu")

    def genre(self, track: np.ndarray) -> str:
        """The genre with the largest mean logit over `track` [n, N_MELS, SEGMENT_FRAMES]."""
        return str(self._genres[int(self._predictor.logits(track).mean(axis=0).argmax())])


def opened(data: bytes) -> BinaryIO:
    """The bytes as a file."""
    return io.BytesIO(data)
