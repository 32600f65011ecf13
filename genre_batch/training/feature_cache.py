"""Computed features of tracks, stored by content: a run that is killed or repeated does not compute them again."""

import hashlib
import os
import tempfile
from importlib.metadata import version
from pathlib import Path

import numpy as np
import numpy.typing as npt

from genre_batch.features.front_end import FrontEnd

Pieces = npt.NDArray[np.float16] | npt.NDArray[np.float32]
"""What a model learns from a track, [n, rows, columns], not standardised; see `dataset.as_pieces`."""


_LIBRARIES = ("genre-batch", "av", "librosa", "numpy", "PyWavelets", "scipy", "soundfile", "soxr")


class FeatureCache:
    """The pieces of tracks in a folder, one file a track, for one front end.

    A file's name depends on the bytes of the track, its id (which decides the window), the front end that training
    reads with, and the versions of this package and the libraries that compute features. Files are written under
    another name and then renamed, so several processes may share a folder.
    """

    def __init__(self, folder: Path, front_end: FrontEnd) -> None:
        whole = front_end.whole()
        self._folder = folder / f"{whole.digest()}-{_versions_digest()}"
        self._dtype = np.dtype(whole.dtype)

    def load(self, sha256: str, track_id: str) -> Pieces | None:
        """The pieces of the track with these bytes and this id; None if there are none, or they are damaged."""
        try:
            with self._file(sha256, track_id).open("rb") as file:
                loaded: Pieces = np.lib.format.read_array(file, allow_pickle=False)
        except (OSError, ValueError, EOFError, MemoryError, OverflowError):
            return None
        return loaded if loaded.ndim == 3 and loaded.size and loaded.dtype == self._dtype else None

    def has(self, sha256: str, track_id: str) -> bool:
        """Whether `load` would find something."""
        return self.load(sha256, track_id) is not None

    def save(self, sha256: str, track_id: str, pieces: Pieces) -> None:
        """Store `pieces`. Raises OSError if the folder cannot be written."""
        self._folder.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=self._folder, suffix=".partial")
        try:
            with os.fdopen(handle, "wb") as stream:
                np.save(stream, pieces)
            Path(temporary).replace(self._file(sha256, track_id))
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise

    def _file(self, sha256: str, track_id: str) -> Path:
        name = hashlib.sha256(f"{sha256}\0{track_id}".encode(errors="surrogatepass")).hexdigest()
        return self._folder / f"{name}.npy"


def _versions_digest() -> str:
    versions = ", ".join(f"{library} {version(library)}" for library in _LIBRARIES)
    return hashlib.sha256(versions.encode()).hexdigest()[:16]
