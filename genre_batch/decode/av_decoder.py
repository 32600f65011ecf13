"""AAC and ALAC in M4A; Vorbis, Opus and FLAC in Ogg; and WMA through libav.

Libav gets the file object and a forced demuxer, never a name: nothing else can be opened from here, neither a
protocol nor a file that a container refers to, and only the decoders listed below may run.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import BinaryIO, NoReturn

import av
import av.subtitles.stream  # libav's binding loads it on first use, when a sandboxed child can open no file
import numpy as np
from av.audio.fifo import AudioFifo
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.stream import Discard

from genre_batch.catalog.reject import RejectReason
from genre_batch.decode.av_samples import to_mono
from genre_batch.decode.ranged_file import tell_alive
from genre_batch.decode.rejected import rejected
from genre_batch.decode.waveform import Samples

CODECS = frozenset(
    {
        *("aac", "alac", "opus", "libopus", "vorbis", "flac", "mp3float", "mp3", "mp2float", "mp2"),
        *("wmav1", "wmav2", "wmapro", "wmalossless", "wmavoice"),
        *("pcm_u8", "pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_f32le", "pcm_f64le", "pcm_s16be", "pcm_s24be"),
    }
)
"""Decoders that may run, by their names in libav."""

_PREROLL_S = 0.5
_BLOCK_FRAMES = 1 << 16
_FIRST_PACKETS = 64


class AvReader:
    """One open audio stream: the first one of the file. Attributes as in SoundfileReader.

    demuxer: libav's name of the container format. The first frame is decoded at once, since a container may
    declare half the rate of what its decoder puts out (HE-AAC).
    Opening raises TrackRejected: `unsupported` without an audio stream that has a decoder, else `corrupt`.
    """

    name = "av"

    def __init__(self, source: BinaryIO, demuxer: str) -> None:
        self._source = source
        source.seek(0)
        options = {"codec_whitelist": ",".join(sorted(CODECS)), "protocol_whitelist": "none"}
        with _errors_as_rejects():
            self._container = av.open(
                source, "r", format=demuxer, container_options=options, metadata_errors="replace", io_open=_refuse
            )
            self._stream = self._first_audio_stream()
            first = self._first_frame()
        self.sample_rate = int(first.sample_rate)
        self.channels = first.layout.nb_channels
        self._layout = (self.sample_rate, self.channels, first.format.name)
        self._origin = first.pts if first.pts is not None else self._stream.start_time or 0
        self.frames = self._declared_frames() or self._counted_frames()

    def read(self, start: int, count: int) -> Samples:
        """`count` frames from frame `start` on as mono [n] float32; n is smaller only where the file ends.

        Decoding begins half a second earlier, since lossy decoders need some frames to settle. Open the file again for
        another part: libav misplaces packets of FLAC in Ogg when it seeks back to where it has read before.
        Raises TrackRejected: `corrupt` where a packet of the window cannot be decoded.
        """
        with _errors_as_rejects():
            self._seek(max(0, start - round(_PREROLL_S * self.sample_rate)))
            pieces = list(self._mono_pieces(start, count))
        return np.concatenate(pieces) if pieces else np.empty(0, np.float32)

    def close(self) -> None:
        """Free the decoder; the source stays open."""
        self._container.close()

    def _first_audio_stream(self) -> AudioStream:
        streams = self._container.streams
        if not streams.audio:
            raise rejected(RejectReason.UNSUPPORTED, "the file has no audio stream")
        stream = streams.audio[0]
        codec = getattr(stream.codec_context, "name", "unknown")
        if codec not in CODECS:
            raise rejected(RejectReason.UNSUPPORTED, f"no decoder for {codec}")
        stream.codec_context.thread_count = 1
        for other in streams:
            if other.index != stream.index:
                other.discard = Discard.all
        return stream

    def _first_frame(self) -> AudioFrame:
        for number, packet in enumerate(self._container.demux(self._stream)):
            for frame in packet.decode():
                if frame.samples and frame.sample_rate:
                    return frame
            if number >= _FIRST_PACKETS:
                break
        raise rejected(RejectReason.CORRUPT, "no frame at the start of the audio stream can be decoded")

    def _declared_frames(self) -> int | None:
        """Frames by the stream's or else the file's duration; None where neither is written."""
        if self._stream.duration and self._stream.time_base:
            return round(self._stream.duration * self._stream.time_base * self.sample_rate)
        if self._container.duration:
            return round(Fraction(self._container.duration, av.time_base) * self.sample_rate)
        return None

    def _counted_frames(self) -> int:
        """Frames up to the end of the last packet: reads the whole file, but decodes nothing."""
        end = 0
        with _errors_as_rejects():
            self._seek(0)
            for packet in self._container.demux(self._stream):
                if packet.pts is not None and packet.time_base is not None:
                    ticks = packet.pts - self._origin + (packet.duration or 0)
                    end = max(end, round(ticks * packet.time_base * self.sample_rate))
        return end

    def _seek(self, frame: int) -> None:
        time_base = self._stream.time_base or Fraction(1, self.sample_rate)
        ticks = int(Fraction(frame, self.sample_rate) / time_base)
        self._container.seek(self._origin + ticks, stream=self._stream)
        self._stream.codec_context.flush_buffers()

    def _mono_pieces(self, start: int, count: int) -> Iterator[Samples]:
        """What belongs to the frames `start` to `start + count`, and no others, in large pieces."""
        for position, block in self._blocks(start, start + count):
            first, last = max(0, start - position), min(block.samples, start + count - position)
            if first < last:
                yield to_mono(block, first, last)
            tell_alive(self._source)

    def _blocks(self, start: int, end: int) -> Iterator[tuple[int, AudioFrame]]:
        """Frames from one that holds `start` to one that reaches `end`, joined to large ones, with their places.

        Those of libav have about a thousand samples each, and numpy's calls for one take longer than its decoding.
        """
        queue, position = AudioFifo(), None
        for frame in self._decoded(start):
            position = self._position(frame, position) + frame.samples
            if position > start:
                frame.pts = None  # the queue would have them count from its own start
                queue.write(frame)
            if queue.samples >= _BLOCK_FRAMES or position >= end:
                yield from _emptied(queue, position)
            if position >= end:
                return
        if position is not None:
            yield from _emptied(queue, position)

    def _decoded(self, start: int) -> Iterator[AudioFrame]:
        """Frames from the current place on; what cannot be decoded before frame `start` is skipped."""
        for packet in self._container.demux(self._stream):
            try:
                frames = packet.decode()
            except av.error.InvalidDataError:
                if packet.pts is None or self._frames_at(packet.pts) >= start:
                    raise
                continue
            for frame in frames:
                self._require_same_layout(frame)
                if frame.samples:
                    yield frame

    def _require_same_layout(self, frame: AudioFrame) -> None:
        if (frame.sample_rate, frame.layout.nb_channels, frame.format.name) != self._layout:
            raise rejected(RejectReason.UNSUPPORTED, "rate, channels or sample format change within the stream")

    def _position(self, frame: AudioFrame, expected: int | None) -> int:
        """The place of `frame` in the track, in frames: its time stamp says it after a seek, then they are counted."""
        if expected is not None:
            return expected
        position = self._frames_at(frame.pts) if frame.pts is not None else 0
        coarse = frame.time_base is not None and frame.time_base * self.sample_rate > 1
        return round(position / frame.samples) * frame.samples if coarse else position

    def _frames_at(self, ticks: int) -> int:
        time_base = self._stream.time_base or Fraction(1, self.sample_rate)
        return round((ticks - self._origin) * time_base * self.sample_rate)


def _emptied(queue: AudioFifo, end: int) -> Iterator[tuple[int, AudioFrame]]:
    """All that is in `queue` as one frame, and its place, where it ends at `end`; nothing if there is nothing."""
    block = queue.read()
    if block is not None:
        yield end - block.samples, block


def _refuse(*_: object) -> NoReturn:
    raise PermissionError("a container may not open other files")


@contextmanager
def _errors_as_rejects() -> Iterator[None]:
    try:
        yield
    except av.error.DecoderNotFoundError as error:
        raise rejected(RejectReason.UNSUPPORTED, f"libav: {error}") from error
    except av.error.MemoryError:
        raise
    except av.error.FFmpegError as error:
        raise rejected(RejectReason.CORRUPT, f"libav: {error}") from error
