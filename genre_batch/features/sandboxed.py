"""The front end in a child process that a bad file may kill."""

from genre_batch.catalog.reject import RejectReason, RejectStage, TrackRejected
from genre_batch.catalog.track import Track
from genre_batch.features.front_end import FrontEnd, TrackSegments
from genre_batch.features.sandbox_wire import pack_request, unpack_segments
from genre_batch.sandbox.call import ReadRange
from genre_batch.sandbox.sandbox import Sandbox

_HANDLER = "genre_batch.features.sandbox_handler:handle"
_HANDLER_WITH_LIBROSA = "genre_batch.features.librosa_handler:handle"
_MEMORY_BYTES = 1 << 30


class SandboxedFrontEnd:
    """Turns one track at a time into segments; close it when done.

    deadline_s: CPU time a track may take, on a processor of the usual speed. A track that makes no progress is given
    up sooner, after `front_end.stall_s`.
    """

    def __init__(self, front_end: FrontEnd, deadline_s: float) -> None:
        self._front_end = front_end
        handler = _HANDLER_WITH_LIBROSA if front_end.uses_librosa else _HANDLER
        self._sandbox = Sandbox(handler, deadline_s=deadline_s, stall_s=front_end.stall_s, memory_bytes=_MEMORY_BYTES)

    def await_ready(self) -> None:
        """Return once the child processes can work. Raises RuntimeError if they do not start."""
        self._sandbox.await_ready()

    @property
    def cpu_s(self) -> float:
        """CPU seconds that the child processes have used so far."""
        return self._sandbox.cpu_s

    def extract(self, track: Track, read: ReadRange) -> TrackSegments:
        """The segments of `track`, whose bytes `read(start, length)` returns. Raises TrackRejected."""
        answer = self._sandbox.call(pack_request(track.track_id, self._front_end), read, track.size_bytes)
        try:
            return unpack_segments(answer, self._front_end)
        except ValueError as error:
            message = f"the decoder's process returned an invalid answer: {error}"
            raise TrackRejected(RejectReason.DECODER_CRASH, RejectStage.FEATURES, message) from error

    def close(self) -> None:
        """End the child processes."""
        self._sandbox.close()
