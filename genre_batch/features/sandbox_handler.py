"""The side of the sandboxed front end that runs in the disposable child process, for front ends without librosa."""

import io
from typing import BinaryIO

import numpy as np
import soundfile

from genre_batch.decode.audio_format import PCM_CODECS, Libav
from genre_batch.decode.av_decoder import AvReader
from genre_batch.features.allocator import keep_freed_memory
from genre_batch.features.front_end import FRONT_ENDS
from genre_batch.features.front_end_wire import (
    pack_each,
    pack_request,
    pack_segments,
    unpack_request,
    unpack_request_for_each,
)
from genre_batch.features.track_segments import extract_each, extract_segments

# Above the largest array of a usual track. Rare larger arrays are returned at once, so that a child stays far below its
# memory limit.
_KEPT_BLOCK_BYTES = 32 << 20
_KEPT_BYTES = 128 << 20


def handle(request: bytes, source: BinaryIO, size_bytes: int) -> bytes:
    """The packed segments of the track that `request` (of `pack_request`) names. Raises TrackRejected."""
    track_id, front_end = unpack_request(request)
    return pack_segments(extract_segments(source, size_bytes, track_id, front_end))


def handle_each(request: bytes, source: BinaryIO, size_bytes: int) -> bytes:
    """The packed segments or rejects of the track that `request` (of `pack_request_for_each`) names."""
    track_id, front_ends = unpack_request_for_each(request)
    return pack_each(extract_each(source, size_bytes, track_id, front_ends))


def rehearse(*, needs_librosa: bool) -> None:
    """Take one track through the front ends with or without librosa.

    Libraries import some of their modules on first use, and a child can open no file.
    """
    file = io.BytesIO()
    soundfile.write(file, np.sin(np.arange(88_200) / 10.0), 44_100, format="WAV", subtype="PCM_16")
    for kind in FRONT_ENDS:
        if kind.uses_librosa == needs_librosa:
            handle(pack_request("", kind.with_all_libraries()), file, len(file.getvalue()))
    reader = AvReader(file, Libav("wav", PCM_CODECS))
    reader.read(0, reader.frames)
    reader.close()


keep_freed_memory(block_bytes=_KEPT_BLOCK_BYTES, total_bytes=_KEPT_BYTES)
rehearse(needs_librosa=False)
