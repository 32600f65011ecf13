"""MP3 and other MPEG audio."""

from dataclasses import dataclass
from typing import BinaryIO

from genre_batch.decode.audio_format import Format, Libsndfile, Location, Spans, Splice
from genre_batch.decode.mpeg_frames import FrameHeader, VbrTag, find_frame, parse_header, parse_vbr_tag
from genre_batch.decode.mpeg_length import PROBE_BYTES, check_whole, content_end, probe_rates
from genre_batch.decode.search import SLACK_S
from genre_batch.decode.window import Span
from genre_batch.storage.ranged_file import expect, read_at
from genre_batch.storage.spliced_file import ByteRange

WARM_UP_FRAMES = 16
"""Decoded before the window and dropped: a frame may use bits from 511 bytes before it, and overlaps the last one."""

_MANY_FRAMES = 6
_OFFSET_TOLERANCE_BYTES = 4
_LANDING_BYTES = 8 * 1024
_READ_AHEAD_BYTES = 4 * 1024
_TABLE_STEPS = 256


@dataclass(frozen=True, slots=True)
class Mp3Stream:
    """A stream by its start. `audio`: its first frame with sound, at byte `offset`; `samples`: per channel, in all."""

    audio: FrameHeader
    offset: int
    tag: VbrTag | None
    samples: int
    constant: bool
    audio_bytes: int

    def bytes_of(self, frame: int) -> tuple[int, ...]:
        """The bytes at which frame number `frame` may begin: with and without padding if the rate is constant."""
        if self.constant:
            exact = frame * self.audio.samples * self.audio.bitrate_kbps * 125 // self.audio.sample_rate
            unpadded = self.audio.samples * self.audio.bitrate_kbps * 125 // self.audio.sample_rate
            return self.offset + exact, self.offset + frame * unpadded
        return (self._by_table(frame),)

    def _by_table(self, frame: int) -> int:
        """By the tag's table, interpolated between its steps, which are rounded down."""
        table = self.tag.table if self.tag else b""
        steps = [0.0, *(step + 0.5 for step in table[1:]), float(_TABLE_STEPS)]
        hundredth, part = divmod(min(100 * frame * self.audio.samples / self.samples, 99.99), 1)
        low, high = steps[int(hundredth) : int(hundredth) + 2]
        return round((low + part * (high - low)) / _TABLE_STEPS * self.audio_bytes)


def locate(source: BinaryIO, size_bytes: int, spans: Spans) -> list[Location] | None:
    """By the constant bit rate or the tag's table; None if only counting frames can find it.

    With a constant bit rate the location is exact, and the frame header there must confirm it. By a table it is as
    exact as the table, whose steps are 1/256 of the bytes: about half a second in four minutes.
    """
    stream = _stream(source, size_bytes)
    if stream is None:
        return None
    wanted = spans(stream.samples / stream.audio.sample_rate)
    locations = []
    for span in wanted:
        location = _locate_one(source, size_bytes, stream, span)
        if location is None:
            return None
        locations.append(location)
    return locations


def _locate_one(source: BinaryIO, size_bytes: int, stream: Mp3Stream, span: Span) -> Location | None:
    frames_per_s = stream.audio.sample_rate / stream.audio.samples
    target = int((span.start_s - SLACK_S) * frames_per_s) - WARM_UP_FRAMES
    last = int((span.end_s + SLACK_S) * frames_per_s)
    end = min(size_bytes, max(stream.bytes_of(last)) + _table_step_bytes(stream) + _READ_AHEAD_BYTES)
    if target <= WARM_UP_FRAMES:
        expect(source, 0, end)
        return Location(ByteRange(0, end))
    for byte in stream.bytes_of(target):
        expect(source, byte - _OFFSET_TOLERANCE_BYTES, end)
        landed = _frame_near(source, byte, stream)
        if landed is not None:
            known_end = last * stream.audio.samples if end < size_bytes else None
            pieces = (_tag_frame(source, stream, end - landed), ByteRange(landed, end))
            exact_from = (target + WARM_UP_FRAMES) * stream.audio.samples
            return Location(pieces[1], Splice(pieces, target * stream.audio.samples, exact_from, known_end))
    return None


def _stream(source: BinaryIO, size_bytes: int) -> Mp3Stream | None:
    """The stream; None unless its rate is constant or its tag has a table."""
    head = read_at(source, 0, PROBE_BYTES)
    first = parse_header(head)
    if first is None:
        return None
    tag = parse_vbr_tag(head, 0, first)
    if tag is None:
        rates = set(probe_rates(source, size_bytes, head, first))
        samples = size_bytes * first.sample_rate // (125 * first.bitrate_kbps)
        return Mp3Stream(first, 0, None, samples, constant=True, audio_bytes=size_bytes) if len(rates) == 1 else None
    audio = parse_header(head, first.frame_bytes)
    if audio is None or not audio.continues(first) or not tag.frames or not (tag.constant or tag.table):
        return None
    audio_bytes = min(tag.audio_bytes or size_bytes, size_bytes)
    return Mp3Stream(audio, first.frame_bytes, tag, tag.frames * first.samples, tag.constant, audio_bytes)


def _table_step_bytes(stream: Mp3Stream) -> int:
    return 0 if stream.constant else stream.audio_bytes // _TABLE_STEPS


def _frame_near(source: BinaryIO, byte: int, stream: Mp3Stream) -> int | None:
    """The byte of the frame near `byte`: at most a few bytes off if the rate is constant, else the next frame."""
    data = read_at(source, byte - _OFFSET_TOLERANCE_BYTES, _LANDING_BYTES)
    at = find_frame(data, search_bytes=2 * _OFFSET_TOLERANCE_BYTES + 1 if stream.constant else _LANDING_BYTES // 2)
    header = parse_header(data, at) if at is not None else None
    if at is None or header is None or not header.continues(stream.audio):
        return None
    if stream.constant and header.bitrate_kbps != stream.audio.bitrate_kbps:
        return None
    return byte - _OFFSET_TOLERANCE_BYTES + at


def _tag_frame(source: BinaryIO, stream: Mp3Stream, rest_bytes: int) -> bytes:
    """The frame with the tag, which decoders need, for a file with `rest_bytes` after it; empty without a tag.

    A first frame with sound is left out: decoders would take bits from it that the window's first frame does not have.
    """
    frame = read_at(source, 0, stream.offset)
    at = stream.tag.bytes_offset if stream.tag is not None else 0
    return frame[:at] + (len(frame) + rest_bytes).to_bytes(4, "big") + frame[at + 4 :] if at else frame


FORMATS = (
    Format(
        "mp3",
        sniff=find_frame,
        decoders=(Libsndfile(),),
        check_whole=check_whole,
        locate=locate,
        content_end=content_end,
        has_magic=False,
        search=lambda data: find_frame(data, _MANY_FRAMES, len(data)),
    ),
)
