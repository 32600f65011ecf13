"""The front end in a child process that a bad file may kill."""

from collections.abc import Sequence

from genre_batch.catalog.reject import RejectReason, RejectStage, TrackRejected
from genre_batch.catalog.track import Track
from genre_batch.features.front_end import FrontEnd, TrackSegments
from genre_batch.features.front_end_wire import pack_request, pack_request_for_each, unpack_each, unpack_segments
from genre_batch.sandbox.call import ReadRange
from genre_batch.sandbox.sandbox import Sandbox

_HANDLERS = {False: "genre_batch.features.sandbox_handler", True: "genre_batch.features.librosa_handler"}
"""The modules of the child's side, by whether a front end uses librosa."""
_MEMORY_BYTES = 1 << 30


class _InSandbox:
    """Runs a function of the child's side for these front ends; close it when done."""

    def __init__(self, function: str, front_ends: Sequence[FrontEnd], deadline_s: float) -> None:
        handler = f"{_HANDLERS[any(each.uses_librosa for each in front_ends)]}:{function}"
        stall_s = max(each.stall_s for each in front_ends)
        self._sandbox = Sandbox(handler, deadline_s=deadline_s, stall_s=stall_s, memory_bytes=_MEMORY_BYTES)

    def await_ready(self) -> None:
        """Return once the child processes can work. Raises RuntimeError if they do not start."""
        self._sandbox.await_ready()

    @property
    def cpu_s(self) -> float:
        """CPU seconds that the child processes have used so far."""
        return self._sandbox.cpu_s

    def close(self) -> None:
        """End the child processes."""
        self._sandbox.close()


class SandboxedFrontEnd(_InSandbox):
    """Turns one track at a time into segments; close it when done.

    deadline_s: CPU time a track may take, on a processor of the usual speed. A track that makes no progress is given
    up sooner, after `front_end.stall_s`.
    """

    def __init__(self, front_end: FrontEnd, deadline_s: float) -> None:
        super().__init__("handle", [front_end], deadline_s)
        self._front_end = front_end

    def extract(self, track: Track, read: ReadRange) -> TrackSegments:
        """The segments of `track`, whose bytes `read(start, length)` returns. Raises TrackRejected."""
        answer = self._sandbox.call(pack_request(track.track_id, self._front_end), read, track.size_bytes)
        try:
            return unpack_segments(answer, self._front_end)
        except ValueError as error:
            raise _invalid(error) from error


class SandboxedFrontEnds(_InSandbox):
    """Turns one track at a time into the segments of several front ends, and decodes it once for those that can share.

    deadline_s: as for `SandboxedFrontEnd`. A track that the child does not survive, or not in this time, is done again
    for each front end alone, so that it has the same outcome as there.
    """

    def __init__(self, front_ends: Sequence[FrontEnd], deadline_s: float) -> None:
        super().__init__("handle_each", front_ends, deadline_s)
        self._front_ends = front_ends

    def extract(self, track: Track, read: ReadRange) -> list[TrackSegments | TrackRejected]:
        """The segments of `track` for each front end, or why it has none. Raises what `read` raises."""
        found = self._call(track, read, self._front_ends)
        if not isinstance(found, TrackRejected):
            return found
        if len(self._front_ends) == 1 or found.reject.stage is RejectStage.READ:
            return [found for _ in self._front_ends]
        return [self._alone(track, read, front_end) for front_end in self._front_ends]

    def _alone(self, track: Track, read: ReadRange, front_end: FrontEnd) -> TrackSegments | TrackRejected:
        found = self._call(track, read, [front_end])
        return found if isinstance(found, TrackRejected) else found[0]

    def _call(
        self, track: Track, read: ReadRange, front_ends: Sequence[FrontEnd]
    ) -> list[TrackSegments | TrackRejected] | TrackRejected:
        try:
            answer = self._sandbox.call(pack_request_for_each(track.track_id, front_ends), read, track.size_bytes)
            return unpack_each(answer, front_ends)
        except TrackRejected as rejected:
            return rejected
        except ValueError as error:
            return _invalid(error)


def _invalid(error: ValueError) -> TrackRejected:
    message = f"the decoder's process returned an invalid answer: {error}"
    return TrackRejected(RejectReason.DECODER_CRASH, RejectStage.FEATURES, message)
