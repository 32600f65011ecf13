"""AAC, Vorbis, Opus, WMA and others through libav."""

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import BinaryIO, NoReturn

import av
import av.subtitles.stream  # PyAV loads it on first use, when a sandboxed child can open no file
import numpy as np
from av.audio.fifo import AudioFifo
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.container.streams import StreamContainer
from av.stream import Discard

from genre_batch.catalog.reject import RejectReason
from genre_batch.decode.audio_format import Libav
from genre_batch.decode.av_samples import to_mono
from genre_batch.decode.mix import Mix
from genre_batch.decode.rejected import rejected
from genre_batch.decode.search import PREROLL_S
from genre_batch.decode.waveform import Samples, downmix
from genre_batch.storage.ranged_file import report_progress

_BLOCK_FRAMES = 1 << 16
_MAX_FIRST_PACKETS = 64
_HIGHEST_RATE = 768_000
"""What is higher (DSD256 and above) is resampled block by block, since a window of it would take too much memory."""
_LATEST_ORIGIN_S = 0.25


class AvReader:
    """One open audio stream. Attributes as in SoundfileReader.

    kind: as in Libav, with the number of the track among those that may be decoded.
    The first frame is decoded at once, since a container may declare half the rate of what its decoder yields (HE-AAC).
    Opening raises TrackRejected: `unsupported` without an audio stream that may be decoded, else `corrupt`.
    """

    name = "av"

    def __init__(self, source: BinaryIO, kind: Libav) -> None:
        self._source = source
        self._kind = kind
        self.tracks = 0
        with _errors_as_rejects():
            self._container, self._stream = self._open()
            first = self._first_frame()
        self.sample_rate = int(first.sample_rate)
        while self.sample_rate > _HIGHEST_RATE:
            self.sample_rate //= 2
        self.channels = first.layout.nb_channels
        self._first_samples = first.samples
        self._origin = first.pts if first.pts is not None else self._stream.start_time or 0
        near_zero = self._begins_near_zero()
        if kind.from_zero and not near_zero:
            raise rejected(RejectReason.UNSUPPORTED, "the time stamps of the stream do not begin at 0")
        self.frames = (self._declared_frames() if near_zero and not kind.counted else None) or self._counted_frames()

    def _open(self) -> tuple[InputContainer, AudioStream]:
        self._source.seek(0)
        options = {"codec_whitelist": ",".join(sorted(self._kind.codecs)), "protocol_whitelist": "none"}
        demuxer = self._kind.demuxer
        container = av.open(
            self._source, "r", format=demuxer, container_options=options, metadata_errors="replace", io_open=_refuse
        )
        return container, self._choose(container.streams)

    def read(self, start: int, count: int, mix: Mix = downmix) -> Samples:
        """`count` frames from frame `start` on as mono [n] float32; n is smaller only at the end of the file.

        Decoding begins half a second earlier, since lossy decoders need some frames to settle. Open the file again for
        another part: libav misplaces packets of FLAC in Ogg when it seeks back to what it has read before.
        Raises TrackRejected: `corrupt` if a packet of the window cannot be decoded.
        """
        with _errors_as_rejects():
            begin = max(0, start - round(PREROLL_S * self.sample_rate))
            self._seek(begin if self._kind.seeks else 0)
            pieces = list(self._mono_pieces(start, count, mix))
        return np.concatenate(pieces) if pieces else np.empty(0, np.float32)

    def close(self) -> None:
        """Free the decoder; the source stays open."""
        self._container.close()

    def _choose(self, streams: StreamContainer) -> AudioStream:
        """The audio stream that is asked for; the others are not read."""
        if not streams.audio:
            raise rejected(RejectReason.UNSUPPORTED, "the file has no audio stream")
        readable = [stream for stream in streams.audio if _codec(stream) in self._kind.codecs]
        self.tracks = len(readable)
        if len(readable) <= self._kind.track:
            names = ", ".join(_codec(stream) for stream in streams.audio)
            raise rejected(RejectReason.UNSUPPORTED, f"no decoder for {names}")
        stream = readable[self._kind.track]
        stream.codec_context.thread_count = 1
        for other in streams:
            if other.index != stream.index:
                other.discard = Discard.all
        return stream

    def _first_frame(self) -> AudioFrame:
        for number, packet in enumerate(self._container.demux(self._stream)):
            try:
                frames = packet.decode()
            except av.error.PatchWelcomeError as error:
                text = f"libav decodes {_codec(self._stream)} ({self._stream.profile}) only in part: {error.strerror}"
                raise rejected(RejectReason.UNSUPPORTED, text) from error
            for frame in frames:
                if frame.samples and frame.sample_rate:
                    return frame
            if number >= _MAX_FIRST_PACKETS:
                break
        raise rejected(RejectReason.CORRUPT, "no frame at the start of the audio stream can be decoded")

    def _begins_near_zero(self) -> bool:
        """Whether the time stamps begin near 0. If not, some containers declare the last one as the duration."""
        time_base = self._stream.time_base
        return time_base is None or self._origin * time_base < _LATEST_ORIGIN_S

    def _declared_frames(self) -> int | None:
        """Frames by the duration of the stream, or else of the file; None if neither is declared."""
        if self._stream.duration and self._stream.time_base:
            return round(self._stream.duration * self._stream.time_base * self.sample_rate)
        if self._container.duration:
            return round(Fraction(self._container.duration, av.time_base) * self.sample_rate)
        return None

    def _counted_frames(self) -> int:
        """Frames up to the end of the last packet. Reads the whole file, but decodes nothing."""
        end, last, usual = 0, 0, 0
        with _errors_as_rejects():
            self._seek(0)
            for packet in self._container.demux(self._stream):
                if packet.pts is not None and packet.time_base is not None:
                    usual, last = packet.duration or packet.pts - last or usual, packet.pts
                    end = max(end, round((packet.pts - self._origin + usual) * packet.time_base * self.sample_rate))
        return end

    def _seek(self, frame: int) -> None:
        """Go to the packet with `frame`. For the first one, open the file again: some demuxers seek past it."""
        if frame <= 0:
            self._container.close()
            self._container, self._stream = self._open()
            return
        time_base = self._stream.time_base or Fraction(1, self.sample_rate)
        ticks = int(Fraction(frame, self.sample_rate) / time_base)
        self._container.seek(self._origin + ticks, stream=self._stream)
        self._stream.codec_context.flush_buffers()

    def _mono_pieces(self, start: int, count: int, mix: Mix) -> Iterator[Samples]:
        """Exactly the frames `start` to `start + count`, in large pieces."""
        for position, block in self._blocks(start, start + count):
            first, last = max(0, start - position), min(block.samples, start + count - position)
            if first < last:
                yield to_mono(block, first, last, mix)
            report_progress(self._source)

    def _blocks(self, start: int, end: int) -> Iterator[tuple[int, AudioFrame]]:
        """The frames from that with `start` to that with `end`, joined into large ones, each with its position.

        libav's own frames have about a thousand samples each, and numpy takes longer for one than its decoding.
        """
        queue, position, kind = AudioFifo(), None, ("", "", False)
        for frame, is_resampled in self._at_one_rate(self._decoded(start)):
            kind, last = (frame.layout.name, frame.format.name, is_resampled), kind
            if position is not None and kind != last:  # the queue requires frames of one kind
                yield from _drain(queue, position)
                queue = AudioFifo()
            position = self._position(frame, position) + frame.samples
            if position > start:
                frame.pts = None  # the queue requires time stamps that start with it
                queue.write(frame)
            if queue.samples >= _BLOCK_FRAMES or position >= end:
                yield from _drain(queue, position)
            if position >= end:
                return
        if position is not None:
            yield from _drain(queue, position)

    def _decoded(self, start: int) -> Iterator[AudioFrame]:
        """Frames from the current position on.

        Skips packets that cannot be decoded before frame `start`, and at the end, where a file may have been cut.
        """
        damage: av.error.InvalidDataError | None = None
        begin = start - round(PREROLL_S * self.sample_rate)
        for packet in self._container.demux(self._stream):
            if damage is not None and packet.size:
                raise damage
            passes = packet.pts is not None and not self._kind.seeks
            if passes and self._frames_at((packet.pts or 0) + (packet.duration or 0)) <= begin:
                continue
            try:
                frames = packet.decode()
            except av.error.InvalidDataError as error:
                damage = error if packet.pts is None or self._frames_at(packet.pts) >= start else None
                continue
            for frame in frames:
                if frame.samples:
                    yield frame

    def _at_one_rate(self, frames: Iterator[AudioFrame]) -> Iterator[tuple[AudioFrame, bool]]:
        """The frames at the rate of the first one of the file, and whether they are resampled from another rate."""
        resampler, resampled = None, None
        for frame in frames:
            if resampler is not None and resampled != (frame.sample_rate, _layout(frame)):
                yield from ((piece, True) for piece in resampler.resample(None))
                resampler = None
            if resampler is None and frame.sample_rate != self.sample_rate:
                resampler = AudioResampler(frame.format.name, frame.layout.name, self.sample_rate)
                resampled = (frame.sample_rate, _layout(frame))
            if resampler is None:
                yield frame, False
            else:
                yield from ((piece, True) for piece in resampler.resample(frame))
        if resampler is not None:
            yield from ((piece, True) for piece in resampler.resample(None))

    def _position(self, frame: AudioFrame, expected: int | None) -> int:
        """The position of `frame` in the track: by its time stamp after a seek, `expected` from then on.

        Time stamps may be coarser than samples (1 ms in Matroska). If all frames but the first are of one size, their
        positions are known all the same.
        """
        if expected is not None:
            return expected
        position = self._frames_at(frame.pts, frame.time_base) if frame.pts is not None else 0
        tick = frame.time_base * self.sample_rate if frame.time_base is not None else 0
        if tick <= 1:
            return position
        on_grid = self._first_samples + round((position - self._first_samples) / frame.samples) * frame.samples
        return on_grid if abs(on_grid - position) <= tick else position

    def _frames_at(self, ticks: int, time_base: Fraction | None = None) -> int:
        """The position at `ticks` of `time_base`, or else of the stream's."""
        of_stream = self._stream.time_base or Fraction(1, self.sample_rate)
        return round((ticks * (time_base or of_stream) - self._origin * of_stream) * self.sample_rate)


def _codec(stream: AudioStream) -> str:
    """Libav's name of the codec of `stream`, or else its tag in the file."""
    context = getattr(stream, "codec_context", None)
    return str(getattr(context, "name", None) or getattr(context, "codec_tag", None) or "an unknown codec")


def _layout(frame: AudioFrame) -> tuple[str, str, Fraction | None]:
    """What must be equal in all frames of a resampler, apart from the sample rate."""
    return frame.layout.name, frame.format.name, frame.time_base


def _drain(queue: AudioFifo, end: int) -> Iterator[tuple[int, AudioFrame]]:
    """All that is in `queue` as one frame that ends at `end`, with its position; nothing if the queue is empty."""
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
