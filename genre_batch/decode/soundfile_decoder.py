"""WAV, AIFF, AU, FLAC and MPEG audio through libsndfile."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import soundfile

from genre_batch.catalog.reject import RejectReason
from genre_batch.decode.mix import Mix
from genre_batch.decode.rejected import rejected
from genre_batch.decode.waveform import Samples, downmix
from genre_batch.storage.ranged_file import report_progress

_BLOCK_SAMPLES = 1 << 18
_NEAR_FRAMES = 1 << 16
_UNSUPPORTED_ENCODING = 4


class _StraightFile(soundfile.SoundFile):  # type: ignore[misc]
    """A SoundFile that seeks only when asked to.

    After each read of a seekable file, the base class seeks to the position it already has. That decodes a frame of
    FLAC again, and fails at the end of a FLAC file of unknown length.
    """

    def seekable(self) -> bool:
        """Always False, so that the base class does not seek by itself; `seek` still works."""
        return False


class SoundfileReader:
    """One open file. sample_rate: in Hz. frames: per channel, as declared. name: for the column `decoder`.

    Opening raises TrackRejected: `unsupported` for an encoding that libsndfile does not know, else `corrupt`.
    """

    name = "soundfile"
    tracks = 1

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        source.seek(0)
        with _errors_as_rejects():
            self._file = _StraightFile(source)
        self.sample_rate = int(self._file.samplerate)
        self.channels = int(self._file.channels)
        self.frames = int(self._file.frames)
        self._position = 0

    def read(self, start: int, count: int, mix: Mix = downmix) -> Samples:
        """`count` frames from frame `start` on as mono [n] float32; n is smaller only at the end of the file.

        Memory is bounded by the result and one block. Raises TrackRejected: `corrupt`.
        """
        step = max(1, _BLOCK_SAMPLES // self.channels)
        block = np.empty((min(step, count), self.channels), np.float32)
        mono = np.empty(count, np.float32)
        done = 0
        with _errors_as_rejects():
            self._go_to(start, block)
            while done < count:
                frames = self._file.read(out=block[: min(step, count - done)])
                if len(frames) == 0:
                    break
                mono[done : done + len(frames)] = mix(frames.T)
                done += len(frames)
                report_progress(self._source)
        self._position = start + done
        return mono[:done]

    def _go_to(self, start: int, block: npt.NDArray[np.float32]) -> None:
        """Seek, or decode and drop the frames before `start` if they are few: that is cheaper, and decoders settle."""
        if not 0 <= start - self._position <= _NEAR_FRAMES:
            self._file.seek(start)
            self._position = start
        while self._position < start:
            frames = self._file.read(out=block[: start - self._position])
            if len(frames) == 0:
                break
            self._position += len(frames)

    def close(self) -> None:
        """Free the decoder; the source stays open."""
        self._file.close()


@contextmanager
def _errors_as_rejects() -> Iterator[None]:
    try:
        yield
    except soundfile.LibsndfileError as error:
        unsupported = error.code == _UNSUPPORTED_ENCODING
        reason = RejectReason.UNSUPPORTED if unsupported else RejectReason.CORRUPT
        raise rejected(reason, f"libsndfile: {error.error_string} (error {error.code})") from error
