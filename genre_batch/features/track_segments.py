"""From the bytes of a track to its segments. Loads the decoders; code that only needs settings imports `front_end`."""

from collections.abc import Sequence
from typing import BinaryIO

from genre_batch.catalog.reject import TrackRejected
from genre_batch.decode.decoder import decode_window
from genre_batch.decode.mix import Channels
from genre_batch.decode.waveform import Samples, Waveform, resample
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
    (found,) = extract_each(source, size_bytes, track_id, [front_end])
    if isinstance(found, TrackRejected):
        raise found
    return found


def extract_each(
    source: BinaryIO, size_bytes: int, track_id: str, front_ends: Sequence[FrontEnd]
) -> list[TrackSegments | TrackRejected]:
    """The same for several front ends, in their order; a TrackRejected in place of segments does not stop the others.

    Front ends with the same window and mix of channels share its samples, so it is decoded once.
    """
    found: dict[int, TrackSegments | TrackRejected] = {}
    alike: dict[tuple[str, Channels], list[int]] = {}
    for number, front_end in enumerate(front_ends):
        alike.setdefault((front_end.window.model_dump_json(), front_end.channels), []).append(number)
    for numbers in alike.values():
        first = front_ends[numbers[0]]
        try:
            samples = _Samples(decode_window(source, size_bytes, track_id, first.window, first.channels))
        except TrackRejected as rejected:
            found |= dict.fromkeys(numbers, rejected)
        else:
            found |= {number: _segments(front_ends[number], samples) for number in numbers}
    return [found[number] for number in range(len(front_ends))]


class _Samples:
    """The samples of a window, at every rate that is asked for."""

    def __init__(self, waveform: Waveform) -> None:
        self._centred = list(map(without_offset, waveform.pieces))  # before the edges of a constant become sound
        self._rate, self.facts = waveform.sample_rate, waveform.facts
        self._at: dict[int, list[Samples]] = {}

    def at(self, rate: int) -> list[Samples]:
        """The pieces [n] of the window at `rate` Hz."""
        if rate not in self._at:
            self._at[rate] = [resample(piece, self._rate, rate) for piece in self._centred]
        return self._at[rate]


def _segments(front_end: FrontEnd, samples: _Samples) -> TrackSegments | TrackRejected:
    try:
        return TrackSegments(front_end.segments(*samples.at(front_end.sample_rate)), samples.facts)
    except TrackRejected as rejected:
        return rejected
