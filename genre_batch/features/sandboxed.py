"""The front end in a child process that a bad file may kill."""

from genre_batch.catalog.reject import RejectReason, Stage, TrackRejected
from genre_batch.catalog.track import Track
from genre_batch.decode.conversation import ReadRange
from genre_batch.decode.sandbox import Sandbox
from genre_batch.features.front_end import (
    DescriptorFrontEnd,
    FrontEnd,
    LogMelFrontEnd,
    MfccFrontEnd,
    TrackSegments,
    WaveformFrontEnd,
)
from genre_batch.features.sandbox_wire import pack_request, unpack_segments

_HANDLER = "genre_batch.features.sandbox_handler:handle"
_HANDLER_WITH_LIBROSA = "genre_batch.features.descriptor_handler:handle"
_MEMORY_BYTES = 1 << 30


_QUICK = (LogMelFrontEnd, MfccFrontEnd, WaveformFrontEnd)
_QUICK_STALL_S, _SLOW_STALL_S = 1.0, 20.0
_USUAL_WINDOW_S = 30.0


def stall_s(front_end: FrontEnd) -> float:
    """CPU seconds without progress after which a track is given up: over ten times what its usual window takes."""
    usual_s = _QUICK_STALL_S if isinstance(front_end, _QUICK) else _SLOW_STALL_S
    return usual_s * max(1.0, front_end.window.length_s / _USUAL_WINDOW_S)


class SandboxedFrontEnd:
    """Turns one track at a time into segments; close it when done.

    deadline_s: time a track may take, not counting the reading of its bytes. One that makes no progress is given up
    sooner, after `stall_s`.
    """

    def __init__(self, front_end: FrontEnd, deadline_s: float) -> None:
        self._front_end = front_end
        handler = _HANDLER_WITH_LIBROSA if isinstance(front_end, DescriptorFrontEnd) else _HANDLER
        self._sandbox = Sandbox(handler, deadline_s=deadline_s, stall_s=stall_s(front_end), memory_bytes=_MEMORY_BYTES)

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
            message = f"the decoder's process gave an answer that makes no sense: {error}"
            raise TrackRejected(RejectReason.DECODER_CRASH, Stage.FEATURES, message) from error

    def close(self) -> None:
        """End the child processes."""
        self._sandbox.close()
