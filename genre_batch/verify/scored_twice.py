"""Tracks that one model answered more than once in the same version: sorted on disk, so memory is bounded."""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import groupby
from operator import itemgetter
from typing import Self

import numpy as np
import pyarrow as pa

from genre_batch.catalog.reject import printable
from genre_batch.catalog.sorted_runs import TrackRuns
from genre_batch.sink.plan import RunPlan
from genre_batch.sink.tables import version_keys
from genre_batch.verify.findings import Findings, Kind

_SORTED_AT_ONCE = 50_000
_MERGED_AT_ONCE = 1024
_SCHEMA = pa.schema([("track_id", pa.string()), ("etag", pa.string()), ("file", pa.int32())])
_VERSION = itemgetter("track_id", "etag")


class AnsweredKeys:
    """The keys of all answers, collected file by file; `check` compares them.

    A context manager, because it keeps temporary files. Memory holds the keys of 50,000 tracks a model, or of the
    largest file if that has more.
    """

    def __init__(self) -> None:
        self._models: dict[tuple[str, str], _ModelKeys] = {}
        self._paths: list[str] = []
        self._scratch = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._scratch.close()

    def add(self, plan: RunPlan, path: str, keys: pa.Table) -> None:
        """Add the track_id and etag of each answer in the file at `path`."""
        model = plan.model_id, plan.fingerprint
        if model not in self._models:
            self._models[model] = _ModelKeys(self._scratch.enter_context(TrackRuns(_SCHEMA)))
        file = pa.repeat(pa.scalar(len(self._paths), pa.int32()), keys.num_rows)
        self._paths.append(path)
        self._models[model].add(pa.table([keys["track_id"], keys["etag"], file], schema=_SCHEMA))

    def check(self, findings: Findings) -> None:
        """Report each pair of files that answer the same tracks in the same version, with the number of tracks."""
        pairs: Counter[tuple[str, str]] = Counter()
        examples: dict[tuple[str, str], str] = {}
        for model in self._models.values():
            for track_id, files in model.answered_again():
                first, *others = sorted((self._paths[file] for file in files), key=_run_and_shard)
                for other in others:
                    pairs[first, other] += 1
                    examples.setdefault((first, other), track_id)
        for (first, other), tracks in pairs.items():
            example = printable(examples[first, other])
            message = f"the same versions of tracks are in {first}, such as {example}"
            findings.add(Kind.SCORED_TWICE, other, message, tracks=tracks)


class _ModelKeys:
    """The keys of one model, each with the number of its file."""

    def __init__(self, runs: TrackRuns) -> None:
        self._runs = runs
        self._waiting: list[pa.Table] = []
        self._waiting_rows = 0

    def add(self, keys: pa.Table) -> None:
        self._waiting.append(keys)
        self._waiting_rows += keys.num_rows
        if self._waiting_rows >= _SORTED_AT_ONCE:
            self._sort_waiting()

    def answered_again(self) -> Iterator[tuple[str, list[int]]]:
        """The track_id and the files of each version that has several answers, in the order of the track_ids."""
        self._sort_waiting()
        for batch in self._runs.merged_batches():
            # all rows of a track are in one batch; only those that have a twin are worth a look in Python
            codes = version_keys(batch).dictionary_encode().indices.to_numpy()
            repeated = batch.filter(pa.array(np.bincount(codes)[codes] > 1)).to_pylist()
            for (track_id, _), rows in groupby(sorted(repeated, key=_VERSION), key=_VERSION):
                yield track_id, [row["file"] for row in rows]

    def _sort_waiting(self) -> None:
        if self._waiting_rows:
            keys = pa.concat_tables(self._waiting).sort_by("track_id")
            self._runs.add_batches(keys.to_batches(max_chunksize=_MERGED_AT_ONCE))
        self._waiting, self._waiting_rows = [], 0


def _run_and_shard(path: str) -> str:
    return path.rsplit("/", 1)[-1]
