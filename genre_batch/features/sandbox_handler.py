"""The side of the sandboxed front end that runs in the disposable child process, for all that needs no librosa."""

import io
from typing import BinaryIO

import numpy as np
import soundfile

from genre_batch.decode.av_decoder import AvReader
from genre_batch.features.allocator import keep_freed_memory
from genre_batch.features.extract import extract_segments
from genre_batch.features.front_end import FrontEnd, ImageFrontEnd, LogMelFrontEnd, MfccFrontEnd
from genre_batch.features.sandbox_wire import pack_request, pack_segments, unpack_request

_KEPT_BLOCK_BYTES = 32 << 20  # above the largest array of a usual track; a rare larger one goes back at once,
_KEPT_BYTES = 128 << 20  # so that a child stays far below its memory limit


def handle(request: bytes, source: BinaryIO, size_bytes: int) -> bytes:
    """The packed segments of the track that `request` (of `pack_request`) names. Raises TrackRejected."""
    track_id, front_end = unpack_request(request)
    return pack_segments(extract_segments(source, size_bytes, track_id, front_end))


def rehearse(front_end: FrontEnd) -> None:
    """Take one track through everything: libraries import some modules on first use, and a child can open no file."""
    file = io.BytesIO()
    soundfile.write(file, np.sin(np.arange(88_200) / 10.0), 44_100, format="WAV", subtype="PCM_16")
    handle(pack_request("", front_end), file, len(file.getvalue()))
    reader = AvReader(file, "wav")
    reader.read(0, reader.frames)
    reader.close()


keep_freed_memory(block_bytes=_KEPT_BLOCK_BYTES, total_bytes=_KEPT_BYTES)
for _front_end in (LogMelFrontEnd(), MfccFrontEnd(), ImageFrontEnd(images=["spectrogram", "scalogram"])):
    rehearse(_front_end)
