"""From the bytes of one audio file to the samples of its window."""

from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import BinaryIO

import numpy as np

from genre_batch.catalog.reject import RejectReason, TrackRejected
from genre_batch.catalog.track import TrackFacts
from genre_batch.decode.audio_file import HEAD_BYTES, AudioFile, open_audio
from genre_batch.decode.audio_format import Checked, Decoder, Joined, Libav, Splice
from genre_batch.decode.audio_reader import AudioReader
from genre_batch.decode.mix import Channels, MeasuredMean, Mix, WatchedMean, loudest_channel, only_channel
from genre_batch.decode.open_reader import open_reader
from genre_batch.decode.other_files import what_else
from genre_batch.decode.rejected import rejected
from genre_batch.decode.sounding import is_faint, is_mostly_quiet, probe_starts_s, window_where_it_sounds
from genre_batch.decode.waveform import Samples, Waveform, downmix
from genre_batch.decode.window import Span, Window
from genre_batch.storage.ranged_file import expect, read_at, read_failure, report_progress
from genre_batch.storage.spliced_file import ByteRange, splice

MIN_DURATION_S = 1.0
MAX_DURATION_S = 24 * 3600.0
SAMPLE_RATES = range(4_000, 768_001)
MAX_CHANNELS = 64

_SLACK_S = 0.5
_MAX_TRACKS = 8
_WHOLE_FILE = Splice(pieces=(), omitted=0, start=0)


def decode_window(
    source: BinaryIO, size_bytes: int, track_id: str, window: Window, channels: Channels = "audible"
) -> Waveform:
    """The window of the track in `source`, mono at the file's own rate. Decodes only the window and some pre-roll.

    Raises TrackRejected in stage `decode`: `empty`, `unsupported`, `truncated`, `corrupt`, `too_short` (below 1 s),
    `too_long` (above 24 h) or `not_finite`. A track that is only shorter than the window is returned whole. Memory is
    bounded by the window, even if the headers declare more.
    An error while reading `source` is raised unchanged, even if a native decoder took it for the end of the file.

    >>> from pathlib import Path
    >>> path = Path("music/song.wav")
    >>> with path.open("rb") as file:
    ...     waveform = decode_window(file, path.stat().st_size, "song", Window(length_s=3.0))
    >>> waveform.samples.shape, waveform.sample_rate, waveform.facts.duration_s
    ((132300,), 44100, 20.0)
    """
    try:
        waveform = _decode(source, size_bytes, track_id, window, channels)
    except TrackRejected:
        _raise_read_failure(source)
        raise
    _raise_read_failure(source)
    return waveform


def _raise_read_failure(source: BinaryIO) -> None:
    failure = read_failure(source)
    if failure is not None:
        raise failure


@dataclass(frozen=True, slots=True)
class _Request:
    """A file, what its headers say, and the window that is wanted from it.

    key: draws the window (Window.key). start_s: where the window begins instead, in one piece; None to draw it.
    """

    audio: AudioFile
    decoders: tuple[Decoder, ...]
    checked: Checked
    key: str
    window: Window
    channels: Channels
    start_s: float | None = None

    def spans_s(self, duration_s: float) -> tuple[Span, ...]:
        """What is wanted, in order; a shorter track ends before that."""
        if self.start_s is None:
            return self.window.spans_s(self.key, duration_s)
        return (Span(max(0.0, min(self.start_s, duration_s)), self.window.total_s),)


def _decode(source: BinaryIO, size_bytes: int, track_id: str, window: Window, channels: Channels) -> Waveform:
    if size_bytes == 0:
        raise rejected(RejectReason.EMPTY, "the object has no bytes")
    audio = open_audio(source, size_bytes)
    if audio is None:
        raise rejected(RejectReason.UNSUPPORTED, what_else(read_at(source, 0, HEAD_BYTES)))
    checked = audio.check_whole()
    key = window.key(track_id, audio.read)
    request = _Request(audio, checked.decoders or audio.format.decoders, checked, key, window, channels)
    found = _decode_located(request)
    if not is_mostly_quiet(found.samples, found.sample_rate):
        return found
    return _where_it_sounds(request, found)


def _decode_located(request: _Request) -> Waveform:
    """The window, from splices if there are some."""
    locations = request.audio.locate(request.spans_s) or ()
    splices = [location.splice for location in locations if location.splice is not None]
    is_joined = any(isinstance(decoder, Joined) for decoder in request.checked.decoders)
    if splices and len(splices) == len(locations) and not is_joined:
        with suppress(TrackRejected):  # if a splice fails, the whole file decides
            return _decode_splices(request, splices)
    return _decode_splices(request, [_WHOLE_FILE], [location.part for location in locations])


def _where_it_sounds(request: _Request, silent: Waveform) -> Waveform:
    """A window that sounds, in another audio track of the file or elsewhere in this one; `silent` if nothing does."""
    for decoders in _other_tracks(request):
        with suppress(TrackRejected):
            other = _decode_splices(replace(request, decoders=decoders, checked=Checked()), [_WHOLE_FILE])
            if not is_mostly_quiet(other.samples, other.sample_rate):
                return other
    duration_s, drawn_s = silent.facts.duration_s, silent.facts.window_start_s
    if duration_s <= request.window.total_s:
        return silent
    with suppress(TrackRejected):
        sounding_s = _sounding_s(request, duration_s)
        start_s = window_where_it_sounds(sounding_s, drawn_s, request.window.total_s, duration_s)
        if start_s is not None:
            return _decode_located(replace(request, start_s=start_s))
    return silent


def _other_tracks(request: _Request) -> Iterator[tuple[Decoder, ...]]:
    """The decoders of the other audio tracks of the file."""
    for decoder in request.decoders:
        if isinstance(decoder, Libav):
            with closing(open_reader(request.audio.source, (decoder,))) as reader:
                tracks = reader.tracks
            yield from ((replace(decoder, track=track),) for track in range(1, min(tracks, _MAX_TRACKS)))


def _sounding_s(request: _Request, duration_s: float) -> list[float]:
    """Where seconds begin that sound, of some all over the track."""
    found = []
    with closing(open_reader(request.audio.source, request.decoders)) as reader:
        for start_s in probe_starts_s(duration_s):
            probe = reader.read(round(start_s * reader.sample_rate), reader.sample_rate, loudest_channel)
            if not is_faint(probe):
                found.append(start_s)
            report_progress(request.audio.source)
    return found


def _decode_splices(request: _Request, splices: Sequence[Splice], located: Sequence[ByteRange] = ()) -> Waveform:
    """What `request` wants: each span from its own splice, or all from the whole file, where they are `located`."""
    mean = WatchedMean() if request.channels == "audible" else downmix
    readings: list[_Reading] = []
    pieces: list[Samples] = []
    for number, spliced in enumerate(splices):
        source = splice(request.audio.source, spliced.pieces) if spliced.pieces else request.audio.source
        decoders = spliced.decoders or request.decoders
        with closing(open_reader(source, decoders)) as reader:
            duration_s = _check_header(reader, request.checked.frames_at(reader.sample_rate) or reader.frames)
            spans = request.spans_s(duration_s)
            parts = [_frames_of(span, duration_s, reader.sample_rate) for span in spans]
            if spliced is not _WHOLE_FILE:
                parts = parts[number : number + 1] if len(parts) == len(splices) else []
                if not parts or not spliced.covers(*parts[0]):
                    raise rejected(RejectReason.TRUNCATED, "the splice does not have the window")
            parts_here = [(start - spliced.omitted, count) for start, count in parts]
            readings.append(_Reading(source, decoders, parts_here, located if len(located) == len(parts) else ()))
            for (_, count), samples in zip(parts, readings[-1].read(reader, mean), strict=True):
                _check_samples(samples, count, reader.sample_rate, exact=spliced.end is not None)
                pieces.append(samples)
            if number == 0:
                facts = TrackFacts(duration_s, spans[0].start_s, reader.name, reader.sample_rate, reader.channels)
    if isinstance(mean, WatchedMean) and mean.may_cancel:
        measured = MeasuredMean()
        _read_again(readings, measured)
        channel = measured.channel_instead()
        pieces = pieces if channel is None else _read_again(readings, only_channel(channel))
    return Waveform(tuple(pieces), facts.sample_rate, facts)


@dataclass(frozen=True, slots=True)
class _Reading:
    """What is read from one file: (first frame, number of frames) of each part, in order, and its bytes if known."""

    source: BinaryIO
    decoders: tuple[Decoder, ...]
    parts: list[tuple[int, int]]
    located: Sequence[ByteRange]

    def read(self, reader: AudioReader, mix: Mix) -> Iterator[Samples]:
        """The parts as mono."""
        for (start, count), part in zip_longest(self.parts, self.located):
            if part is not None:
                expect(self.source, part.start, part.end)
            yield reader.read(start, count, mix)
            report_progress(self.source)


def _read_again(readings: list[_Reading], mix: Mix) -> list[Samples]:
    """All parts with another `mix`."""
    found: list[Samples] = []
    for reading in readings:
        with closing(open_reader(reading.source, reading.decoders)) as reader:
            found += reading.read(reader, mix)
    return found


def _frames_of(span: Span, duration_s: float, sample_rate: int) -> tuple[int, int]:
    """The first frame of `span` and the number of its frames, of which those after the end are left out."""
    start = round(span.start_s * sample_rate)
    return start, min(round(span.length_s * sample_rate), round(duration_s * sample_rate) - start)


def _check_header(reader: AudioReader, frames: int) -> float:
    """The duration in seconds. Raises TrackRejected if what the header declares cannot be true or is not accepted."""
    if reader.sample_rate not in SAMPLE_RATES or not 1 <= reader.channels <= MAX_CHANNELS:
        raise rejected(RejectReason.CORRUPT, f"{reader.channels} channels at {reader.sample_rate} Hz")
    duration_s = frames / reader.sample_rate
    if duration_s < MIN_DURATION_S:
        text = f"{max(0.0, duration_s):.3f} s of audio, at least {MIN_DURATION_S:.0f} s is needed"
        raise rejected(RejectReason.TOO_SHORT, text)
    if duration_s > MAX_DURATION_S:
        text = f"{duration_s:.0f} s by its header, at most {MAX_DURATION_S:.0f} s is accepted"
        raise rejected(RejectReason.TOO_LONG, text)
    return duration_s


def _check_samples(samples: Samples, count: int, sample_rate: int, *, exact: bool) -> None:
    """Raise TrackRejected if samples are missing or not finite.

    Headers of lossy files may be off by some frames; if more than 0.5 s or 10 % is missing, the file was cut.
    """
    if count - len(samples) > (0 if exact else min(_SLACK_S * sample_rate, 0.1 * count)):
        text = f"the window ends after {len(samples)} of {count} samples"
        raise rejected(RejectReason.TRUNCATED, text)
    if not np.isfinite(samples).all():
        raise rejected(RejectReason.NOT_FINITE, "the samples contain NaN or infinity")
