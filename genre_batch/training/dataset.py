"""Labelled tracks become spectrograms, through the same code that scoring uses; bad tracks are set aside."""

import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from genre_batch.catalog.corpora import LabelledTrack
from genre_batch.catalog.reject import Reject, RejectReason, Stage, TrackRejected
from genre_batch.features.front_end import FrontEnd
from genre_batch.features.log_mel import Spectrogram
from genre_batch.features.sandboxed import SandboxedFrontEnd
from genre_batch.storage.open_store import open_store
from genre_batch.storage.store import StorageError

HalfSpectrogram = npt.NDArray[np.float16]


@dataclass(frozen=True, slots=True)
class Example:
    """A labelled track with its spectrogram [n_mels, n] in dB, not yet standardised; `sha256` of the file's bytes."""

    labelled: LabelledTrack
    spectrogram: HalfSpectrogram
    sha256: str


@dataclass(frozen=True, slots=True)
class SkippedTrack:
    """A labelled track that cannot be learned from, and why."""

    labelled: LabelledTrack
    reject: Reject


def read_examples(
    tracks: Iterable[LabelledTrack], front_end: FrontEnd, *, cache: Path | None, deadline_s: float
) -> Iterator[Example | SkippedTrack]:
    """One outcome a track, in order: the spectrogram of its window, which is the whole track where that is shorter.

    `cache` is a folder: what was computed from the same bytes with the same settings is not computed again.
    """
    whole = whole_spectrogram(front_end)
    folder = None if cache is None else cache / whole.digest()
    with closing(SandboxedFrontEnd(whole, deadline_s)) as extractor:
        for labelled in tracks:
            try:
                yield _example(labelled, extractor, folder)
            except TrackRejected as rejected:
                yield SkippedTrack(labelled, rejected.reject)


def whole_spectrogram(front_end: FrontEnd) -> FrontEnd:
    """`front_end` with segments of one frame, not standardised: a track's segments are then its whole spectrogram."""
    plain = {"segment_frames": 1, "segment_hop_frames": 1, "mean": [], "std": []}
    return front_end.model_copy(update=plain)


def fit_standardisation(spectrograms: Sequence[Spectrogram | HalfSpectrogram]) -> tuple[list[float], list[float]]:
    """Mean and standard deviation of each band, [n_mels] in dB, over all frames; at least 1e-3 dB of deviation."""
    frames = sum(spectrogram.shape[1] for spectrogram in spectrograms)
    mean = sum(spectrogram.sum(axis=1, dtype=np.float64) for spectrogram in spectrograms) / frames
    squares = sum(np.square(spectrogram - mean[:, None], dtype=np.float64).sum(axis=1) for spectrogram in spectrograms)
    return mean.tolist(), np.maximum(np.sqrt(squares / frames), 1e-3).tolist()


def _example(labelled: LabelledTrack, extractor: SandboxedFrontEnd, folder: Path | None) -> Example:
    track = labelled.track
    data = _read(labelled)
    content = hashlib.sha256(data).hexdigest()
    # The window of a track hangs on its id as well as on its bytes.
    name = hashlib.sha256(f"{content}\0{track.track_id}".encode()).hexdigest()
    file = None if folder is None else folder / f"{name}.npy"
    spectrogram = None if file is None else _load(file)
    if spectrogram is None:
        frames = extractor.extract(track, lambda start, length: data[start : start + length]).segments
        spectrogram = np.ascontiguousarray(frames[:, :, 0].T)
        if file is not None:
            _save(file, spectrogram)
    return Example(labelled, spectrogram, content)


def _read(labelled: LabelledTrack) -> bytes:
    uri = labelled.track.uri
    try:
        return open_store(uri).read(uri, etag=labelled.track.etag or None)
    except StorageError as error:
        raise TrackRejected(RejectReason.READ_FAILED, Stage.READ, str(error)) from error


def _load(file: Path) -> HalfSpectrogram | None:
    try:
        loaded: HalfSpectrogram = np.load(file, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return loaded if loaded.ndim == 2 and loaded.dtype == np.float16 else None


def _save(file: Path, spectrogram: HalfSpectrogram) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=file.parent, suffix=".partial")
    with os.fdopen(handle, "wb") as stream:
        np.save(stream, spectrogram)
    Path(temporary).replace(file)
