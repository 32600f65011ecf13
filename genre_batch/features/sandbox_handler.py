"""The side of the sandboxed front end that runs in the disposable child process."""

import io
from typing import BinaryIO

import numpy as np
import soundfile

from genre_batch.decode.av_decoder import AvReader
from genre_batch.features.allocator import keep_freed_memory
from genre_batch.features.extract import extract_segments
from genre_batch.features.front_end import FrontEnd
from genre_batch.features.sandbox_wire import ExtractRequest, pack_segments


_KEPT_BLOCK_BYTES = 32 << 20  # above the largest array of a usual track; a rare larger one goes back at once,
_KEPT_BYTES = 128 << 20  # so that a child stays far below its memory limit


def handle(request: bytes, source: BinaryIO, size_bytes: int) -> bytes:
    """The packed segments of the track that `request` (an ExtractRequest as JSON) names. Raises TrackRejected."""
    wanted = ExtractRequest.model_validate_json(request)
    return pack_segments(extract_segments(source, size_bytes, wanted.track_id, wanted.front_end))


def _load_everything() -> None:
    """Take one track through all of it: a child can open no file, so what libraries import on first use must be here."""
    file = io.BytesIO()
    soundfile.write(file, np.sin(np.arange(88_200) / 10.0), 44_100, format="WAV", subtype="PCM_16")
    request = ExtractRequest(track_id="", front_end=FrontEnd()).model_dump_json().encode()
    handle(request, file, len(file.getvalue()))
    reader = AvReader(file, "wav")
    reader.read(0, reader.frames)
    reader.close()


keep_freed_memory(block_bytes=_KEPT_BLOCK_BYTES, total_bytes=_KEPT_BYTES)
_load_everything()
