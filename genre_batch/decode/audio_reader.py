"""What all decoders offer: one open file from which one part is read."""

from typing import Protocol

from genre_batch.decode.mix import Mix
from genre_batch.decode.waveform import Samples


class AudioReader(Protocol):
    """One open file, as every decoder offers it, from which one part is read.

    frames: samples per channel. tracks: how many audio tracks the file has that this kind of decoder can read.
    """

    name: str
    sample_rate: int
    channels: int
    frames: int
    tracks: int

    def read(self, start: int, count: int, mix: Mix = ...) -> Samples:
        """`count` frames from frame `start` on as mono [n] float32; n is smaller only at the end of the file."""

    def close(self) -> None:
        """Free the decoder; the source stays open."""
