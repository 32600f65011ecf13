"""Where the window of a file is, format by format."""

from collections.abc import Callable
from typing import BinaryIO

from genre_batch.decode.flac_place import place_flac
from genre_batch.decode.mp3_place import place_mp3
from genre_batch.decode.mp4_place import place_mp4
from genre_batch.decode.ogg_place import place_ogg
from genre_batch.decode.pcm_place import place_aiff, place_wav
from genre_batch.decode.place import Place, Span
from genre_batch.decode.sniff import AudioFormat

SMALL_BYTES = 1 << 20
"""Files up to this size are read whole: looking for their window would cost more requests than it saves bytes."""

_PLACES: dict[AudioFormat, Callable[[BinaryIO, int, Span], Place | None]] = {
    AudioFormat.WAV: place_wav,
    AudioFormat.RF64: place_wav,
    AudioFormat.AIFF: place_aiff,
    AudioFormat.FLAC: place_flac,
    AudioFormat.MP3: place_mp3,
    AudioFormat.OGG_VORBIS: place_ogg,
    AudioFormat.OGG_OPUS: place_ogg,
    AudioFormat.M4A: place_mp4,
}


def place_window(source: BinaryIO, size_bytes: int, audio_format: AudioFormat, span: Span) -> Place | None:
    """The place of the window in a file that begins at byte 0 of `source`; None where the file is read as it is.

    Only bytes decide, so the answer is the same wherever it is asked. What it needs to know is read from `source`, to
    which the part with the window is announced.
    """
    find = _PLACES.get(audio_format)
    if find is None or size_bytes <= SMALL_BYTES:
        return None
    try:
        return find(source, size_bytes, span)
    except (ArithmeticError, LookupError, ValueError):  # of headers that make no sense
        return None
