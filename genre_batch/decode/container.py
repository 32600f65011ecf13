"""What a container's headers promise, held against the bytes that are there."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from genre_batch.catalog.reject import RejectReason
from genre_batch.decode.asf_header import declared_file_bytes
from genre_batch.decode.chunks import SampleChunk, aiff_samples, au_samples, w64_samples, wav_samples
from genre_batch.decode.flac_frames import last_sample, read_stream_info
from genre_batch.decode.mp3_length import measure_mp3
from genre_batch.decode.mp4_boxes import require_boxes
from genre_batch.decode.ogg_pages import last_page_end
from genre_batch.decode.rejected import rejected, require_bytes
from genre_batch.decode.sniff import AudioFormat


@dataclass(frozen=True, slots=True)
class Container:
    """What the check found out on its way.

    frames: samples per channel of the whole track, where the decoder's own figure cannot be trusted, or is that of a
        part.
    needs_av: the file is one of those that libsndfile misreads although it knows their format.
    """

    frames: int | None = None
    needs_av: bool = False


def check_container(source: BinaryIO, size_bytes: int, audio_format: AudioFormat) -> Container:
    """Look at the headers (and the tail) of a file that begins at byte 0 of `source`.

    Raises TrackRejected: `truncated` where they declare clearly more than the file has, `corrupt` where
    they are missing.
    """
    return _CHECKS[audio_format](source, size_bytes)


def _check_samples(find: Callable[[BinaryIO, int], SampleChunk | None]) -> Callable[[BinaryIO, int], Container]:
    def check(source: BinaryIO, size_bytes: int) -> Container:
        chunk = find(source, size_bytes)
        if chunk is None:
            raise rejected(RejectReason.CORRUPT, "the file has no chunk with samples")
        present = max(0, size_bytes - chunk.offset)
        if chunk.declared_bytes is not None:
            require_bytes("the chunk with the samples", chunk.declared_bytes, present)
        return Container(needs_av=_declares_nothing(source, chunk) and present > 4096)

    return check


def _declares_nothing(source: BinaryIO, chunk: SampleChunk) -> bool:
    """Whether the length of a RIFF chunk is 0: libsndfile then reads no samples, libav reads up to the end."""
    source.seek(0)
    is_riff = source.read(4) == b"RIFF"
    source.seek(max(0, chunk.offset - 4))
    return is_riff and source.read(4) == bytes(4)


def _check_flac(source: BinaryIO, size_bytes: int) -> Container:
    info = read_stream_info(source)
    if info is None:
        raise rejected(RejectReason.CORRUPT, "the FLAC file has no stream info or endless metadata")
    reached = last_sample(source, size_bytes, info)
    if info.total_samples == 0 and reached is None:
        raise rejected(RejectReason.CORRUPT, "the FLAC file does not say how long it is, nor does its last frame")
    if info.total_samples == 0:
        return Container(frames=reached)
    if reached is not None and info.total_samples - reached > max(4096, info.total_samples // 1000):
        text = f"the header declares {info.total_samples} samples, the last frame ends at {reached}"
        raise rejected(RejectReason.TRUNCATED, text)
    return Container(frames=info.total_samples)


def _check_mp3(source: BinaryIO, size_bytes: int) -> Container:
    length = measure_mp3(source, size_bytes)
    if length is None:
        raise rejected(RejectReason.CORRUPT, "no MPEG audio frame at the start")
    if length.tag is not None and length.tag.audio_bytes is not None:
        require_bytes("the Xing or VBRI tag", length.tag.audio_bytes, size_bytes)
    return Container(frames=length.frames, needs_av=length.frames is not None and not length.constant_bitrate)


def _check_ogg(source: BinaryIO, size_bytes: int) -> Container:
    end = last_page_end(source, size_bytes)
    if end is not None and end > size_bytes:
        raise rejected(RejectReason.TRUNCATED, "the last Ogg page is cut")
    return Container()


def _check_mp4(source: BinaryIO, size_bytes: int) -> Container:
    require_boxes(source, size_bytes)
    return Container()


def _check_asf(source: BinaryIO, size_bytes: int) -> Container:
    declared = declared_file_bytes(source)
    if declared is not None:
        require_bytes("the ASF header", declared, size_bytes)
    return Container()


_CHECKS: dict[AudioFormat, Callable[[BinaryIO, int], Container]] = {
    AudioFormat.WAV: _check_samples(wav_samples),
    AudioFormat.RF64: _check_samples(wav_samples),
    AudioFormat.W64: _check_samples(w64_samples),
    AudioFormat.AIFF: _check_samples(aiff_samples),
    AudioFormat.AU: _check_samples(au_samples),
    AudioFormat.FLAC: _check_flac,
    AudioFormat.MP3: _check_mp3,
    AudioFormat.OGG_VORBIS: _check_ogg,
    AudioFormat.OGG_FLAC: _check_ogg,
    AudioFormat.OGG_OPUS: _check_ogg,
    AudioFormat.M4A: _check_mp4,
    AudioFormat.WMA: _check_asf,
}
