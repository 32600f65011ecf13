"""A front end without a sandbox, for tests of what comes after it: starting a sandbox takes seconds of CPU time."""

from io import BytesIO

import pytest

from genre_batch.catalog.track import Track
from genre_batch.evaluation import bundle_answers
from genre_batch.features.front_end import FrontEnd, TrackSegments
from genre_batch.features.track_segments import extract_segments
from genre_batch.model import canaries
from genre_batch.sandbox.call import ReadRange
from genre_batch.training import dataset


class FrontEndHere:
    """Takes the place of a `SandboxedFrontEnd`, and runs the same code in this process."""

    cpu_s = 0.0

    def __init__(self, front_end: FrontEnd, deadline_s: float) -> None:
        self._front_end = front_end

    def extract(self, track: Track, read: ReadRange) -> TrackSegments:
        data = bytes(read(0, track.size_bytes))
        return extract_segments(BytesIO(data), len(data), track.track_id, self._front_end)

    def close(self) -> None:
        pass


def without_sandboxes(patch: pytest.MonkeyPatch) -> None:
    """Let training and evaluation compute features in this process, those of the canaries as well."""
    for module in (bundle_answers, canaries, dataset):
        patch.setattr(module, "SandboxedFrontEnd", FrontEndHere)
