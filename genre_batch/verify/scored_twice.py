"""Tracks that one model has answered twice in the same version, over all runs: sorted on disk, so in bounded memory."""

from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from types import TracebackType
from typing import Self

import pyarrow as pa

from genre_batch.catalog.reject import printable
from genre_batch.catalog.track import Track
from genre_batch.catalog.track_runs import TrackRuns
from genre_batch.sink.plan import RunPlan
from genre_batch.verify.findings import Findings, Kind

_KEPT_AT_ONCE = 50_000


class AnsweredKeys:
    """The keys of all answers by model, as they come; `check` compares them. A context manager: it keeps files."""

    def __init__(self) -> None:
        self._runs: dict[tuple[str, str], TrackRuns] = {}
        self._waiting: dict[str, list[Track]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for runs in self._runs.values():
            runs.__exit__(kind, error, trace)

    def add(self, plan: RunPlan, path: str, keys: pa.Table) -> None:
        """Note the track_id and etag of each answer of one file, at `path`."""
        model = plan.model_id, plan.fingerprint
        self._runs.setdefault(model, TrackRuns())
        for batch in keys.to_batches(max_chunksize=_KEPT_AT_ONCE):
            ids, etags = batch["track_id"].to_pylist(), batch["etag"].to_pylist()
            waiting = self._waiting.setdefault(plan.run_id, [])
            # the place of a track's address says which file answered it
            waiting += [Track(track_id, path, etag, 0) for track_id, etag in zip(ids, etags, strict=True)]
            if len(waiting) >= _KEPT_AT_ONCE:
                self._flush(model, plan.run_id)

    def end_run(self, plan: RunPlan) -> None:
        """Note that all files of a run have been added."""
        self._flush((plan.model_id, plan.fingerprint), plan.run_id)

    def check(self, findings: Findings) -> None:
        """Note each pair of files that answer the same tracks in the same version, with the number of those."""
        pairs: Counter[tuple[str, str]] = Counter()
        examples: dict[tuple[str, str], str] = {}
        for runs in self._runs.values():
            for first, second in _twice(runs.merged()):
                pair = first.uri, second.uri
                pairs[pair] += 1
                examples.setdefault(pair, second.track_id)
        for (first_path, second_path), tracks in pairs.items():
            example = printable(examples[first_path, second_path])
            said = f"tracks that {first_path} has in the same version, such as {example}"
            findings.add(Kind.SCORED_TWICE, second_path, said, tracks=tracks)

    def _flush(self, model: tuple[str, str], run_id: str) -> None:
        waiting = self._waiting.pop(run_id, [])
        if waiting:
            self._runs[model].add(waiting)


def _twice(tracks: Iterator[Track]) -> Iterator[tuple[Track, Track]]:
    """Each answer of a version that an earlier run has answered already, with that one."""
    for _, versions in groupby(tracks, key=lambda track: track.track_id):
        seen: dict[str, Track] = {}
        for track in sorted(versions, key=lambda track: track.uri.rsplit("/", 1)[-1]):
            if track.etag in seen:
                yield seen[track.etag], track
            else:
                seen[track.etag] = track
