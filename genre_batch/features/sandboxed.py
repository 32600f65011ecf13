"""The front end in a child process that a bad file may kill."""

from collections.abc import Callable

from genre_batch.catalog.reject import RejectReason, Stage, TrackRejected
from genre_batch.catalog.track import Track
from genre_batch.decode.sandbox import Sandbox
from genre_batch.features.front_end import DescriptorFrontEnd, FrontEnd, TrackSegments
from genre_batch.features.sandbox_wire import pack_request, unpack_segments

_HANDLER = "genre_batch.features.sandbox_handler:handle"
_HANDLER_WITH_LIBROSA = "genre_batch.features.descriptor_handler:handle"
_MEMORY_BYTES = 1 << 30


class SandboxedFrontEnd:
    """Turns one track at a time into segments; close it when done.

    deadline_s: time a track may take, not counting the reading of its bytes.
    """

    def __init__(self, front_end: FrontEnd, deadline_s: float) -> None:
        self._front_end = front_end
        handler = _HANDLER_WITH_LIBROSA if isinstance(front_end, DescriptorFrontEnd) else _HANDLER
        self._sandbox = Sandbox(handler, deadline_s=deadline_s, memory_bytes=_MEMORY_BYTES)

    @property
    def cpu_s(self) -> float:
        """CPU seconds that the child processes have used so far."""
        return self._sandbox.cpu_s

    def extract(self, track: Track, read: Callable[[int, int], bytes]) -> TrackSegments:
        """The segments of `track`, whose bytes `read(start, length)` returns. Raises TrackRejected."""
        answer = self._sandbox.call(pack_request(track.track_id, self._front_end), read, track.size_bytes)
        try:
            return unpack_segments(answer, self._front_end)
        except ValueError as error:
            message = f"the decoder's process gave an answer that makes no sense: {error}"
            raise TrackRejected(RejectReason.DECODER_CRASH, Stage.FEATURES, message) from error

    def close(self) -> None:
        """End the child processes."""
        self._sandbox.close()
