"""Where the window of an MP3 file is: by the arithmetic of a constant bit rate, or by the table in its Xing tag."""

from dataclasses import dataclass
from typing import BinaryIO

from genre_batch.decode.byte_source import read_at
from genre_batch.decode.mp3_length import PROBE_BYTES, probe_rates
from genre_batch.decode.mpeg_audio import FrameHeader, VbrTag, find_frame, parse_header, parse_vbr_tag
from genre_batch.decode.place import SLACK_S, Place, Span, Splice
from genre_batch.decode.ranged_file import expect
from genre_batch.decode.spliced_file import Part

WARM_UP_FRAMES = 16
"""Decoded before the window and dropped: a frame may take bits from 511 bytes before it, and overlaps with the last."""

_OFF_BYTES = 4
_LANDING_BYTES = 8 * 1024
_READ_AHEAD_BYTES = 4 * 1024
_TABLE_STEPS = 256


@dataclass(frozen=True, slots=True)
class Mp3Stream:
    """What the start of a stream tells. `audio`: its first frame with sound, which stands at byte `offset`."""

    audio: FrameHeader
    offset: int
    tag: VbrTag | None
    samples: int
    constant: bool
    audio_bytes: int

    def bytes_of(self, frame: int) -> tuple[int, ...]:
        """Where frame number `frame` may begin: with and without padding where the rate is constant."""
        if self.constant:
            exact = frame * self.audio.samples * self.audio.bitrate_kbps * 125 // self.audio.sample_rate
            unpadded = self.audio.samples * self.audio.bitrate_kbps * 125 // self.audio.sample_rate
            return self.offset + exact, self.offset + frame * unpadded
        return (self._by_table(frame),)

    def _by_table(self, frame: int) -> int:
        """By the tag's table: between its steps, which are rounded down, in proportion."""
        places = self.tag.places if self.tag else b""
        steps = [0.0, *(place + 0.5 for place in places[1:]), float(_TABLE_STEPS)]
        hundredth, part = divmod(min(100 * frame * self.audio.samples / self.samples, 99.99), 1)
        low, high = steps[int(hundredth) : int(hundredth) + 2]
        return round((low + part * (high - low)) / _TABLE_STEPS * self.audio_bytes)


def place_mp3(source: BinaryIO, size_bytes: int, span: Span) -> Place | None:
    """The bytes of the window of a stream whose first frame is at byte 0; None where only counting frames can tell.

    With a constant bit rate the place is exact, which the header that stands there confirms. By a table it is as good
    as the table, whose steps are 1/256 of the bytes: about half a second in four minutes.
    """
    stream = _stream(source, size_bytes)
    if stream is None:
        return None
    start_s, end_s = span(stream.samples / stream.audio.sample_rate)
    frames_per_s = stream.audio.sample_rate / stream.audio.samples
    target = int((start_s - SLACK_S) * frames_per_s) - WARM_UP_FRAMES
    last = int((end_s + SLACK_S) * frames_per_s)
    end = min(size_bytes, max(stream.bytes_of(last)) + _table_step_bytes(stream) + _READ_AHEAD_BYTES)
    if target <= WARM_UP_FRAMES:
        expect(source, 0, end)
        return Place(Part(0, end))
    for byte in stream.bytes_of(target):
        expect(source, byte - _OFF_BYTES, end)
        landed = _land(source, byte, stream)
        if landed is not None:
            known_end = last * stream.audio.samples if end < size_bytes else None
            pieces = (_tag(source, stream, end - landed), Part(landed, end))
            exact_from = (target + WARM_UP_FRAMES) * stream.audio.samples
            return Place(pieces[1], Splice(pieces, target * stream.audio.samples, exact_from, known_end))
    return None


def _stream(source: BinaryIO, size_bytes: int) -> Mp3Stream | None:
    """The stream, if its rate is constant or its tag has a table."""
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
    if audio is None or not audio.continues(first) or not tag.frames or not (tag.constant or tag.places):
        return None
    audio_bytes = min(tag.audio_bytes or size_bytes, size_bytes)
    return Mp3Stream(audio, first.frame_bytes, tag, tag.frames * first.samples, tag.constant, audio_bytes)


def _table_step_bytes(stream: Mp3Stream) -> int:
    return 0 if stream.constant else stream.audio_bytes // _TABLE_STEPS


def _land(source: BinaryIO, byte: int, stream: Mp3Stream) -> int | None:
    """The frame that begins at about `byte`: a few bytes off at most if its place was computed, else the next one."""
    data = read_at(source, byte - _OFF_BYTES, _LANDING_BYTES)
    at = find_frame(data, search_bytes=2 * _OFF_BYTES + 1 if stream.constant else _LANDING_BYTES // 2)
    header = parse_header(data, at) if at is not None else None
    if at is None or header is None or not header.continues(stream.audio):
        return None
    if stream.constant and header.bitrate_kbps != stream.audio.bitrate_kbps:
        return None
    return byte - _OFF_BYTES + at


def _tag(source: BinaryIO, stream: Mp3Stream, rest_bytes: int) -> bytes:
    """The frame with the tag, which a decoder has to see, for a file with `rest_bytes` behind it; none without a tag.

    A first frame with sound is left out: it would be taken for the bits that the first frame of the window lacks.
    """
    frame = read_at(source, 0, stream.offset)
    at = stream.tag.bytes_offset if stream.tag is not None else 0
    return frame[:at] + (len(frame) + rest_bytes).to_bytes(4, "big") + frame[at + 4 :] if at else frame
