"""From the bytes of a track to its segments. Loads the decoders; whoever needs only settings takes `front_end`."""

from typing import BinaryIO

from genre_batch.decode.decoder import decode_window
from genre_batch.decode.resample import resample
from genre_batch.features.front_end import FrontEnd, TrackSegments
from genre_batch.features.segments_of import segments_of


def extract_segments(source: BinaryIO, size_bytes: int, track_id: str, front_end: FrontEnd) -> TrackSegments:
    """The segments of the track whose `size_bytes` bytes `source` yields. Raises TrackRejected."""
    waveform = decode_window(source, size_bytes, track_id, front_end.window)
    samples = resample(waveform.samples, waveform.sample_rate, front_end.sample_rate)
    return TrackSegments(
        segments=segments_of(samples, front_end),
        duration_s=waveform.duration_s,
        window_start_s=waveform.window_start_s,
        decoder=waveform.decoder,
    )
