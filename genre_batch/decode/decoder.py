"""From the bytes of one audio file to the samples of its window."""

from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO, Protocol

import numpy as np

from genre_batch.catalog.reject import RejectReason, TrackRejected
from genre_batch.decode.av_decoder import AvReader
from genre_batch.decode.container import Container, check_container
from genre_batch.decode.flac_decoder import HAS_DR_FLAC, FlacReader
from genre_batch.decode.place import Splice
from genre_batch.decode.placing import place_window
from genre_batch.decode.ranged_file import read_failure
from genre_batch.decode.rejected import rejected
from genre_batch.decode.sniff import AudioFormat, sniff_file
from genre_batch.decode.soundfile_decoder import SoundfileReader
from genre_batch.decode.spliced_file import skip_prefix, splice
from genre_batch.decode.waveform import Samples, Waveform
from genre_batch.decode.window import Window

SHORTEST_S = 1.0
LONGEST_S = 24 * 3600.0
SAMPLE_RATES = range(4_000, 768_001)
MOST_CHANNELS = 64

_SLACK_S = 0.5
_AS_IT_IS = Splice(pieces=(), omitted=0, start=0)
_NOTHING = np.empty(0, np.float32)
_DEMUXERS = {
    AudioFormat.M4A: "mp4",
    AudioFormat.OGG_VORBIS: "ogg",
    AudioFormat.OGG_OPUS: "ogg",
    AudioFormat.OGG_FLAC: "ogg",
    AudioFormat.WMA: "asf",
}
_SPARE_DEMUXERS = {**_DEMUXERS, AudioFormat.MP3: "mp3", AudioFormat.WAV: "wav"}


class AudioReader(Protocol):
    """One open file, as both decoders offer it, to read one part of; `frames` are samples per channel."""

    name: str
    sample_rate: int
    channels: int
    frames: int

    def read(self, start: int, count: int) -> Samples:
        """`count` frames from frame `start` on as mono [n] float32; n is smaller only where the file ends."""

    def close(self) -> None:
        """Free the decoder; the source stays open."""


def decode_window(source: BinaryIO, size_bytes: int, track_id: str, window: Window) -> Waveform:
    """The window of the track in `source`, mono at the file's own rate; only it (and some pre-roll) is decoded.

    Raises TrackRejected in stage `decode`: `empty`, `unsupported`, `truncated`, `corrupt`, `too_short`
    (below 1 s), `too_long` (above 24 h) or `not_finite`. A track that is merely shorter than the window
    comes back whole. Memory is that of the window, whatever the headers declare.
    An error of reading a RangedFile is raised as it is, even where a native decoder took it for the end of the file.
    """
    try:
        waveform = _decode(source, size_bytes, track_id, window)
    except TrackRejected:
        _raise_read_failure(source)
        raise
    _raise_read_failure(source)
    return waveform


def _raise_read_failure(source: BinaryIO) -> None:
    failure = read_failure(source)
    if failure is not None:
        raise failure


def _decode(source: BinaryIO, size_bytes: int, track_id: str, window: Window) -> Waveform:
    if size_bytes == 0:
        raise rejected(RejectReason.EMPTY, "the object has no bytes")
    sniffed = sniff_file(source, size_bytes)
    if sniffed is None:
        raise rejected(RejectReason.UNSUPPORTED, "the first bytes are those of no audio format that can be decoded")
    stream, size = skip_prefix(source, sniffed.offset, size_bytes), size_bytes - sniffed.offset
    container = check_container(stream, size, sniffed.format)
    place = place_window(stream, size, sniffed.format, partial(window.span_s, track_id))
    file = _File(stream, sniffed.format, container, track_id, window)
    if place is not None and place.splice is not None:
        with suppress(TrackRejected):  # whatever is wrong with a splice: the file itself has the last word
            return _window_of(file, place.splice)
    return _window_of(file, _AS_IT_IS)


@dataclass(frozen=True, slots=True)
class _File:
    """One file and what is wanted of it."""

    stream: BinaryIO
    format: AudioFormat
    container: Container
    track_id: str
    window: Window


def _window_of(file: _File, spliced: Splice) -> Waveform:
    stream = splice(file.stream, spliced.pieces) if spliced.pieces else file.stream
    with closing(_open(stream, file, spliced)) as reader:
        duration_s = _require_sane(reader, file.container.frames or reader.frames)
        frames = round(duration_s * reader.sample_rate)
        start_s = file.window.start_s(file.track_id, duration_s)
        start = round(start_s * reader.sample_rate)
        count = min(round(file.window.length_s * reader.sample_rate), frames - start)
        samples = reader.read(start - spliced.omitted, count) if spliced.covers(start, count) else _NOTHING
        _require_whole(samples, count, reader.sample_rate, exact=spliced.end is not None)
        return Waveform(samples, reader.sample_rate, duration_s, start_s, reader.name)


def _open(stream: BinaryIO, file: _File, spliced: Splice) -> AudioReader:
    if file.format is AudioFormat.FLAC and spliced.end is not None and HAS_DR_FLAC:
        return FlacReader(stream, spliced.end - spliced.omitted)
    demuxer = (_SPARE_DEMUXERS if file.container.needs_av else _DEMUXERS).get(file.format)
    return AvReader(stream, demuxer) if demuxer else SoundfileReader(stream)


def _require_sane(reader: AudioReader, frames: int) -> float:
    """The duration in seconds, if it and the rest of what the header declares can be true."""
    if reader.sample_rate not in SAMPLE_RATES or not 1 <= reader.channels <= MOST_CHANNELS:
        raise rejected(RejectReason.CORRUPT, f"{reader.channels} channels at {reader.sample_rate} Hz")
    duration_s = frames / reader.sample_rate
    if duration_s < SHORTEST_S:
        text = f"{max(0.0, duration_s):.3f} s of audio, at least {SHORTEST_S:.0f} s is needed"
        raise rejected(RejectReason.TOO_SHORT, text)
    if duration_s > LONGEST_S:
        raise rejected(RejectReason.TOO_LONG, f"{duration_s:.0f} s by its header, at most {LONGEST_S:.0f} s is taken")
    return duration_s


def _require_whole(samples: Samples, count: int, sample_rate: int, *, exact: bool) -> None:
    """Headers of lossy files may be off by some frames; where more than 0.5 s or 10 % is missing the file was cut."""
    if count - len(samples) > (0 if exact else min(_SLACK_S * sample_rate, 0.1 * count)):
        text = f"the window ends after {len(samples)} of {count} samples"
        raise rejected(RejectReason.TRUNCATED, text)
    if not np.isfinite(samples).all():
        raise rejected(RejectReason.NOT_FINITE, "the samples contain NaN or infinity")
