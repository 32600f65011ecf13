"""The CPU actor: a batch of tracks becomes one feature block."""

import time

import numpy as np
from pydantic import PositiveFloat

from genre_batch.actors.blocks import Extraction, ExtractReport, FeatureBlock
from genre_batch.actors.object_reader import ObjectReader, ReadRange, require_listed
from genre_batch.actors.pool import Pool
from genre_batch.actors.threads import limit_threads
from genre_batch.catalog.reject import Reject, TrackRejected
from genre_batch.catalog.track import Track
from genre_batch.features.front_end import FrontEnd, Segments, TrackSegments
from genre_batch.features.sandboxed import SandboxedFrontEnd
from genre_batch.model.bundle import load_bundle
from genre_batch.model.golden import check_segments


class ExtractPool(Pool):
    """How many extract actors a run has; `max_size: null` means as many as the cluster's CPUs allow."""

    num_cpus: PositiveFloat = 1.0


class ExtractWithFrontEnd:
    """Reads, decodes and computes features, one track at a time, in a child process that a bad file may kill."""

    def __init__(self, front_end: FrontEnd, deadline_s: float) -> None:
        limit_threads()
        self._settings = front_end
        self._front_end = SandboxedFrontEnd(front_end, deadline_s)
        self._reader = ObjectReader(front_end.window)

    def ready(self) -> None:
        """Return once the actor can work."""

    def extract(self, tracks: list[Track]) -> tuple[FeatureBlock, ExtractReport]:
        """The segments of all tracks that have some, and one outcome a track."""
        cpu_start_s, bytes_start, reads_start = self._cpu_s(), self._reader.bytes_read, self._reader.reads
        results = [self._one(track, read) for track, read in self._reader.ranges(tracks)]
        block = self._block(results)
        report = ExtractReport(
            outcomes=tuple(_outcome(result) for result in results),
            bytes_read=self._reader.bytes_read - bytes_start,
            reads=self._reader.reads - reads_start,
            cpu_s=self._cpu_s() - cpu_start_s,
        )
        return block, report

    def _one(self, track: Track, read: ReadRange) -> TrackSegments | Reject:
        try:
            require_listed(track)
            return self._front_end.extract(track, read)
        except TrackRejected as rejected:
            return rejected.reject

    def _block(self, results: list[TrackSegments | Reject]) -> FeatureBlock:
        parts: list[Segments] = [np.empty((0, *self._settings.segment_shape), self._settings.dtype)]
        rows: list[int] = []
        for row, result in enumerate(results):
            if isinstance(result, TrackSegments):
                parts.append(result.segments)
                rows += [row] * len(result.segments)
        return FeatureBlock(np.concatenate(parts), np.asarray(rows, np.int32), len(results))

    def _cpu_s(self) -> float:
        return time.process_time() + self._front_end.cpu_s


class ExtractFeatures(ExtractWithFrontEnd):
    """Takes the front end from a bundle and checks its golden segments first. Raises UserError if they differ."""

    def __init__(self, bundle_uri: str, deadline_s: float) -> None:
        bundle = load_bundle(bundle_uri)
        check_segments(bundle)
        super().__init__(bundle.manifest.front_end, deadline_s)


def _outcome(result: TrackSegments | Reject) -> Extraction | Reject:
    if isinstance(result, Reject):
        return result
    return Extraction(result.duration_s, result.window_start_s, result.decoder)
