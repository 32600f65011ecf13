"""Features for training, computed by the same actors that score, and kept so that nothing is computed twice."""

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from genre_batch.catalog.corpora import LabelledTrack
from genre_batch.catalog.reject import Reject, TrackRejected
from genre_batch.catalog.shards import plan_shards
from genre_batch.catalog.track import Track
from genre_batch.config import JobConfig
from genre_batch.engine.cluster import connected
from genre_batch.engine.crew import features_crew
from genre_batch.engine.drive import Drive, Work
from genre_batch.engine.usage import Usage
from genre_batch.features.front_end import FrontEnd
from genre_batch.run.progress import Progress, shown
from genre_batch.sink.schema import AnsweredTrack, DescribedTrack, RejectedTrack
from genre_batch.training.dataset import Example, Extract, SkippedTrack, as_pieces, read_track
from genre_batch.training.feature_cache import FeatureCache

_READERS = 8
_SHARD_TRACKS = 64


def extract_on_ray(config: JobConfig) -> Extract:
    """`Extract` on Ray's actors; Ray is started only where the cache lacks something.

    Each shard of 64 tracks is in the cache once it is done: what is killed goes on there.
    """
    return partial(_extract, config)


def _extract(
    config: JobConfig, tracks: Sequence[LabelledTrack], front_end: FrontEnd, cache: Path
) -> Iterator[Example | SkippedTrack]:
    kept = FeatureCache(cache, front_end)
    with ThreadPoolExecutor(_READERS) as readers:
        contents = list(readers.map(_content, tracks))
    digests = {
        labelled.track.track_id: content
        for labelled, content in zip(tracks, contents, strict=True)
        if isinstance(content, str)
    }
    readable = [labelled.track for labelled in tracks if labelled.track.track_id in digests]
    missing = [track for track in readable if not kept.has(digests[track.track_id], track.track_id)]
    rejects = _compute(config, missing, digests, front_end, kept) if missing else {}
    for labelled, content in zip(tracks, contents, strict=True):
        yield _outcome(labelled, rejects.get(labelled.track.track_id, content), kept)


def _content(labelled: LabelledTrack) -> str | Reject:
    """sha256 of the track's bytes, or why they cannot be read."""
    try:
        return hashlib.sha256(read_track(labelled)).hexdigest()
    except TrackRejected as rejected:
        return rejected.reject


def _compute(
    config: JobConfig, tracks: list[Track], digests: dict[str, str], front_end: FrontEnd, kept: FeatureCache
) -> dict[str, Reject]:
    """Fill the cache; the rejects by track_id."""
    rejects: dict[str, Reject] = {}

    def keep(_: int, answered: Sequence[AnsweredTrack], rejected: Sequence[RejectedTrack]) -> None:
        for row in answered:
            assert isinstance(row, DescribedTrack)
            track_id = row.track.track_id
            kept.save(digests[track_id], track_id, as_pieces(row.segments, front_end))
        rejects.update({row.track.track_id: row.reject for row in rejected})

    size_bytes = sum(max(0, track.size_bytes) for track in tracks)
    with connected() as cluster, shown(Progress("reading", len(tracks), size_bytes)) as progress:
        shards = plan_shards(len(tracks), _SHARD_TRACKS)
        work = Work(
            shards,
            len(tracks),
            lambda start, stop: tracks[start:stop],
            keep,
            lambda done, _: progress.add_tracks(done),
        )
        Drive(features_crew(front_end.whole(), config), config, cluster, work, Usage()).run()
    return rejects


def _outcome(labelled: LabelledTrack, content: str | Reject, kept: FeatureCache) -> Example | SkippedTrack:
    if isinstance(content, Reject):
        return SkippedTrack(labelled, content)
    pieces = kept.load(content, labelled.track.track_id)
    if pieces is None:
        raise OSError(f"what was computed of {labelled.track.uri} cannot be read back")
    return Example(labelled, pieces, content)
