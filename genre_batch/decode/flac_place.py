"""Where the window of a FLAC file is: its frames say which samples they hold, so they are looked for."""

from typing import BinaryIO

from genre_batch.decode.byte_source import read_at
from genre_batch.decode.flac_frames import HEADER_BYTES, StreamInfo, frame_span, read_stream_info
from genre_batch.decode.place import SLACK_S, Mark, Place, Span, Splice, cover, search
from genre_batch.decode.ranged_file import BLOCK_BYTES
from genre_batch.decode.spliced_file import Part

_CLOSE_S = 3.0
_MOST_BYTES = 16 * 1024 * 1024
_MOST_CHANNELS = 2
_MOST_BITS = 24
_ONLY_BLOCK = b"fLaC\x80\x00\x00\x22"
"""What comes before the stream info of a file without further metadata."""


def place_flac(source: BinaryIO, size_bytes: int, span: Span) -> Place | None:
    """The bytes of the window of a FLAC file that begins at byte 0; None where its frames do not tell."""
    info = read_stream_info(source)
    if info is None or not info.total_samples or not info.sample_rate:
        return None
    start_s, end_s = span(info.total_samples / info.sample_rate)
    start, end = (round(second * info.sample_rate) for second in (start_s - SLACK_S, end_s + SLACK_S))
    frames = _Frames(source, info)
    close = round(_CLOSE_S * info.sample_rate)
    last = Mark(size_bytes, info.total_samples)
    low = search(frames.mark_at, Mark(info.audio_offset, 0), last, start, close)
    reached = cover(source, frames.mark_at, low, last, end)
    near, _ = frames.around(low, start)
    _, high = frames.around(search(frames.mark_at, near, last, end, close), end)
    part = Part(low.byte, max(reached, high.byte) if high else reached)
    return Place(part, _whole_frames(info, near, high or last, end - start + 4 * close) or _open_end(info, near, last))


def _whole_frames(info: StreamInfo, low: Mark, high: Mark, most_frames: int) -> Splice | None:
    """A splice that ends with a frame, so that it is known how many samples it has to give.

    None where that is more than is decoded at a time, or of a kind that is left to libsndfile.
    """
    if info.channels > _MOST_CHANNELS or info.sample_bits > _MOST_BITS:
        return None
    if not (0 < high.frame - low.frame <= most_frames and 0 < high.byte - low.byte <= _MOST_BYTES):
        return None
    return Splice((_ONLY_BLOCK + info.block, Part(low.byte, high.byte)), low.frame, low.frame, high.frame)


def _open_end(info: StreamInfo, low: Mark, last: Mark) -> Splice:
    """A splice that goes up to the end of the file, with all its metadata."""
    return Splice((Part(0, info.audio_offset), Part(low.byte, last.byte)), low.frame, low.frame)


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

    def around(self, low: Mark, frame: int) -> tuple[Mark, Mark | None]:
        """The last mark up to `frame` and the first one behind it, block by block from `low`, which is not far from it.

        None for the second where no more marks are found.
        """
        following = self.mark_at(low.byte + BLOCK_BYTES)
        while following is not None and low.frame < following.frame <= frame:
            low, following = following, self.mark_at(following.byte + BLOCK_BYTES)
        return low, following if following is not None and following.frame > frame else None
