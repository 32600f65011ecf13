"""The CPU stage for several models: each track is read once, and decoded once for all front ends that can share it."""

import time
from collections.abc import Iterable, Sequence

from genre_batch.catalog.reject import TrackRejected
from genre_batch.catalog.track import Track
from genre_batch.features.front_end import FrontEnd
from genre_batch.features.sandboxed import SandboxedFrontEnds
from genre_batch.model.bundle import load_bundle
from genre_batch.model.canaries import read_canaries
from genre_batch.model.golden import check_segments
from genre_batch.sandbox.call import ReadRange
from genre_batch.stages.extract import Extracted, Meter, block_of, facts_of
from genre_batch.stages.feature_block import FeatureBlock
from genre_batch.stages.object_reader import ObjectReader, require_listed
from genre_batch.stages.stage import StageReport, limit_threads, same_or_all
from genre_batch.storage.open_store import RequestPayer


class ExtractForSeveral:
    """Reads and decodes for several bundles, and checks the golden segments of each first.

    Raises UserError if they differ.
    """

    def __init__(
        self, bundle_uris: Sequence[str], deadline_s: float, request_payer: RequestPayer | None = None
    ) -> None:
        limit_threads()
        self._bundles = [load_bundle(uri) for uri in bundle_uris]
        of_bundles = [bundle.manifest.front_end for bundle in self._bundles]
        self._front_ends: list[FrontEnd] = []
        for front_end in of_bundles:
            if front_end not in self._front_ends:
                self._front_ends.append(front_end)
        self._front_end_of = [self._front_ends.index(front_end) for front_end in of_bundles]
        # first the child process, which takes longer to start than the check
        self._sandboxed = SandboxedFrontEnds(self._front_ends, deadline_s)
        windows = dict.fromkeys(front_end.window for front_end in self._front_ends)
        self._reader = ObjectReader(*windows, request_payer=request_payer)
        self._request_payer = request_payer
        for bundle in self._bundles:
            check_segments(bundle)

    def ready(self) -> None:
        """Return once the actor can work. Raises RuntimeError if its child process does not start."""
        self._sandboxed.await_ready()

    def run(self, tracks: list[Track]) -> tuple[list[FeatureBlock], StageReport]:
        """For each bundle the segments of all tracks, and for each track its TrackFacts or Reject for every bundle.

        If all bundles have the same Reject for a track, that is its outcome.
        """
        meter = Meter(self._reader, self._cpu_s)
        results = [self._one(track, read) for track, read in self._reader.ranges(tracks)]
        return self._blocks(results), meter.report(self._outcomes(results))

    def probe(self) -> tuple[list[FeatureBlock], StageReport]:
        """The same for the canaries of all bundles, one bundle after the other."""
        meter = Meter(self._reader, self._cpu_s)
        canaries = (canary for bundle in self._bundles for canary in read_canaries(bundle))
        results = [_extracted(self._sandboxed.extract(canary.track(), canary.read)) for canary in canaries]
        return self._blocks(results), meter.report(self._outcomes(results))

    def _one(self, track: Track, read: ReadRange) -> list[Extracted]:
        """What became of a track, for each front end."""
        try:
            require_listed(track, self._request_payer)
            return _extracted(self._sandboxed.extract(track, read))
        except TrackRejected as rejected:
            return [rejected.reject for _ in self._front_ends]

    def _blocks(self, results: Sequence[Sequence[Extracted]]) -> list[FeatureBlock]:
        blocks = [
            block_of(front_end, [result[number] for result in results])
            for number, front_end in enumerate(self._front_ends)
        ]
        return [blocks[number] for number in self._front_end_of]

    def _outcomes(self, results: Sequence[Sequence[Extracted]]) -> tuple[object, ...]:
        return tuple(same_or_all(facts_of([result[number] for number in self._front_end_of])) for result in results)

    def _cpu_s(self) -> float:
        return time.process_time() + self._sandboxed.cpu_s


def _extracted(found: Iterable[object]) -> list[Extracted]:
    return [each.reject if isinstance(each, TrackRejected) else each for each in found]  # type: ignore[misc]
