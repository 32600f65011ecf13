"""The CPU stage: read, decode and features. A batch of tracks becomes one feature block."""

import time
from collections.abc import Callable, Sequence

import numpy as np

from genre_batch.catalog.reject import Reject, TrackRejected
from genre_batch.catalog.track import Track, TrackFacts
from genre_batch.features.front_end import FrontEnd, TrackSegments
from genre_batch.features.sandboxed import SandboxedFrontEnd
from genre_batch.features.segments import Segments
from genre_batch.model.bundle import load_bundle
from genre_batch.model.canaries import read_canaries
from genre_batch.model.golden import check_segments
from genre_batch.sandbox.call import ReadRange
from genre_batch.stages.feature_block import FeatureBlock
from genre_batch.stages.object_reader import ObjectReader, require_listed
from genre_batch.stages.stage import StageReport, limit_threads
from genre_batch.storage.open_store import RequestPayer
from genre_batch.storage.request_counts import requests_so_far


class ExtractWithFrontEnd:
    """Reads, decodes and computes features, one track at a time, in a child process that a bad file may kill."""

    def __init__(self, front_end: FrontEnd, deadline_s: float, request_payer: RequestPayer | None = None) -> None:
        limit_threads()
        self._settings = front_end
        self._front_end = SandboxedFrontEnd(front_end, deadline_s)
        self._request_payer = request_payer
        self._reader = ObjectReader(front_end.window, request_payer=request_payer)

    def ready(self) -> None:
        """Return once the actor can work. Raises RuntimeError if its child process does not start."""
        self._front_end.await_ready()

    def run(self, tracks: list[Track]) -> tuple[FeatureBlock, StageReport]:
        """The segments of all tracks that have some, and for each track its TrackFacts or a Reject."""
        meter = Meter(self._reader, self._cpu_s)
        results = [self._one(track, read) for track, read in self._reader.ranges(tracks)]
        return block_of(self._settings, results), meter.report(facts_of(results))

    def _one(self, track: Track, read: ReadRange) -> TrackSegments | Reject:
        try:
            require_listed(track, self._request_payer)
            return self._front_end.extract(track, read)
        except TrackRejected as rejected:
            return rejected.reject

    def _cpu_s(self) -> float:
        return time.process_time() + self._front_end.cpu_s


class ExtractFeatures(ExtractWithFrontEnd):
    """Takes the front end from a bundle and checks its golden segments first. Raises UserError if they differ."""

    def __init__(self, bundle_uri: str, deadline_s: float, request_payer: RequestPayer | None = None) -> None:
        self._bundle = bundle = load_bundle(bundle_uri)
        # first the child process, which takes longer to start than the check
        super().__init__(bundle.manifest.front_end, deadline_s, request_payer)
        check_segments(bundle)

    def probe(self) -> tuple[FeatureBlock, StageReport]:
        """The segments and outcomes of the bundle's canaries, as `run` returns them for tracks."""
        cpu_start_s = self._cpu_s()
        results: list[TrackSegments | Reject] = []
        for canary in read_canaries(self._bundle):
            try:
                results.append(self._front_end.extract(canary.track(), canary.read))
            except TrackRejected as rejected:
                results.append(rejected.reject)
        return block_of(self._settings, results), StageReport(facts_of(results), self._cpu_s() - cpu_start_s)


class Meter:
    """What the calls to a worker use from now on: CPU seconds by `cpu_s`, and what `reader` reads."""

    def __init__(self, reader: ObjectReader, cpu_s: Callable[[], float]) -> None:
        self._reader, self._cpu_s = reader, cpu_s
        self._cpu_start_s, self._bytes_start, self._reads_start = cpu_s(), reader.bytes_read, reader.reads
        self._requests_start = requests_so_far()

    def report(self, outcomes: tuple[object, ...]) -> StageReport:
        """The report of a call with these outcomes."""
        return StageReport(
            outcomes=outcomes,
            cpu_s=self._cpu_s() - self._cpu_start_s,
            bytes_read=self._reader.bytes_read - self._bytes_start,
            reads=self._reader.reads - self._reads_start,
            requests=tuple((*key, count) for key, count in (requests_so_far() - self._requests_start).items()),
        )


Extracted = TrackSegments | Reject
"""What became of one track."""


def block_of(front_end: FrontEnd, results: Sequence[Extracted]) -> FeatureBlock:
    """The segments of `front_end` in the results of a batch, one result a track."""
    parts: list[Segments] = [np.empty((0, *front_end.segment_shape), front_end.dtype)]
    rows: list[int] = []
    for row, result in enumerate(results):
        if isinstance(result, TrackSegments):
            parts.append(result.segments)
            rows += [row] * len(result.segments)
    return FeatureBlock(np.concatenate(parts), np.asarray(rows, np.int32), len(results))


def facts_of(results: Sequence[Extracted]) -> tuple[TrackFacts | Reject, ...]:
    """The TrackFacts or the Reject of each track."""
    return tuple(result if isinstance(result, Reject) else result.facts for result in results)
