"""From the bytes of a track to its segments. Loads the decoders; code that only needs settings imports `front_end`."""

from typing import BinaryIO

from genre_batch.decode.decoder import decode_window
from genre_batch.decode.waveform import resample
from genre_batch.features.front_end import FrontEnd, TrackSegments
from genre_batch.features.loudness import without_offset


def extract_segments(source: BinaryIO, size_bytes: int, track_id: str, front_end: FrontEnd) -> TrackSegments:
    """The segments of the track whose `size_bytes` bytes `source` yields. Raises TrackRejected.

    >>> from pathlib import Path
    >>> from genre_batch.model.bundle import load_bundle
    >>> from genre_batch.model.open_predictor import open_predictor
    >>> from genre_batch.model.scores import softmax
    >>> bundle, path = load_bundle("default"), Path("music/song.wav")
    >>> with path.open("rb") as file:
    ...     track = extract_segments(file, path.stat().st_size, "song", bundle.manifest.front_end)
    >>> track.segments.shape
    (6, 96, 187)
    >>> softmax(open_predictor(bundle).logits(track.segments)).shape
    (6, 10)
    """
    waveform = decode_window(source, size_bytes, track_id, front_end.window, front_end.channels)
    centred = map(without_offset, waveform.pieces)  # before the edges of a constant become sound
    pieces = [resample(piece, waveform.sample_rate, front_end.sample_rate) for piece in centred]
    return TrackSegments(front_end.segments(*pieces), waveform.facts)
