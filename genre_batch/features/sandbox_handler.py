"""The side of the sandboxed front end that runs in the disposable child process."""

from typing import BinaryIO

from genre_batch.features.extract import extract_segments
from genre_batch.features.sandbox_wire import ExtractRequest, pack_segments


def handle(request: bytes, source: BinaryIO, size_bytes: int) -> bytes:
    """The packed segments of the track that `request` (an ExtractRequest as JSON) names. Raises TrackRejected."""
    wanted = ExtractRequest.model_validate_json(request)
    return pack_segments(extract_segments(source, size_bytes, wanted.track_id, wanted.front_end))
