"""Where the window of a FLAC file is: its frames say which samples they hold, so they are looked for."""

from typing import BinaryIO

from genre_batch.decode.byte_source import read_at
from genre_batch.decode.flac_frames import HEADER_BYTES, StreamInfo, frame_span, read_stream_info
from genre_batch.decode.place import SLACK_S, Mark, Place, Span, Splice, cover, search
from genre_batch.decode.ranged_file import BLOCK_BYTES
from genre_batch.decode.spliced_file import Part

_CLOSE_S = 3.0


def place_flac(source: BinaryIO, size_bytes: int, span: Span) -> Place | None:
    """The bytes of the window of a FLAC file that begins at byte 0; None where its frames do not tell."""
    info = read_stream_info(source)
    if info is None or not info.total_samples or not info.sample_rate:
        return None
    start_s, end_s = span(info.total_samples / info.sample_rate)
    start, end = (round(second * info.sample_rate) for second in (start_s - SLACK_S, end_s + SLACK_S))
    frames = _Frames(source, info)
    close = round(_CLOSE_S * info.sample_rate)
    first, last = Mark(info.audio_offset, 0), Mark(size_bytes, info.total_samples)
    low = search(frames.mark_at, first, last, start, close)
    part = Part(low.byte, cover(source, frames.mark_at, low, last, end))
    low = frames.nearest(low, start)
    splice = Splice((Part(0, info.audio_offset), Part(low.byte, size_bytes)), low.frame, low.frame)
    return Place(part, splice)


class _Frames:
    """Finds frames by their headers, which must fit the first one and have the right checksum."""

    def __init__(self, source: BinaryIO, info: StreamInfo) -> None:
        self._source = source
        self._first = read_at(source, info.audio_offset, HEADER_BYTES)

    def mark_at(self, byte: int) -> Mark | None:
        """The first frame whose header is in the block that `byte` lies in."""
        start = byte // BLOCK_BYTES * BLOCK_BYTES
        data = read_at(self._source, start, BLOCK_BYTES)
        at = data.find(self._first[:2])
        while at >= 0:
            span = frame_span(data[at : at + HEADER_BYTES], self._first)
            if span is not None:
                return Mark(start + at, span[0])
            at = data.find(self._first[:2], at + 1)
        return None

    def nearest(self, low: Mark, frame: int) -> Mark:
        """The last mark before `frame` that is found going on block by block from `low`, which is not far from it."""
        following = self.mark_at(low.byte + BLOCK_BYTES)
        while following is not None and low.frame < following.frame <= frame:
            low, following = following, self.mark_at(following.byte + BLOCK_BYTES)
        return low
