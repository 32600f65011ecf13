"""Features for training, computed by the stages that score, and cached so that nothing is computed twice."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from genre_batch.catalog.corpora import LabelledTrack, read_track
from genre_batch.catalog.reject import Reject, TrackRejected
from genre_batch.catalog.track import Track
from genre_batch.catalog.work_units import Part, plan_parts
from genre_batch.config import JobConfig
from genre_batch.engine.cluster import connected
from genre_batch.engine.run_loop import RunLoop
from genre_batch.engine.usage import Usage
from genre_batch.engine.workload import Workload
from genre_batch.features.front_end import FrontEnd
from genre_batch.run.progress import Progress, shown
from genre_batch.sink.schema import AnsweredTrack, DescribedTrack, RejectedTrack
from genre_batch.stages.stage import Flow
from genre_batch.training.dataset import Example, Extract, SkippedTrack, as_pieces
from genre_batch.training.feature_cache import FeatureCache

_READERS = 8
_PART_TRACKS = 64


FlowForFrontEnd = Callable[[FrontEnd, JobConfig], Flow]


def extract_on_ray(config: JobConfig, flow: FlowForFrontEnd) -> Extract:
    """An `Extract` that runs on Ray. Ray is started only if the cache does not hold everything.

    Each part of 64 tracks enters the cache as soon as it is done, so a training that is killed continues from there.
    flow: makes the stages, from the front end and the settings.
    """
    return partial(_extract, config, flow)


def _extract(
    config: JobConfig, flow: FlowForFrontEnd, tracks: Sequence[LabelledTrack], front_end: FrontEnd, cache: Path
) -> Iterator[Example | SkippedTrack]:
    cached = FeatureCache(cache, front_end)
    with ThreadPoolExecutor(_READERS) as readers:
        contents = list(readers.map(_content, tracks))
    sha256s = {
        labelled.track.track_id: content
        for labelled, content in zip(tracks, contents, strict=True)
        if isinstance(content, str)
    }
    readable = [labelled.track for labelled in tracks if labelled.track.track_id in sha256s]
    missing = [track for track in readable if not cached.has(sha256s[track.track_id], track.track_id)]
    rejects = _compute(config, flow, missing, sha256s, front_end, cached) if missing else {}
    for labelled, content in zip(tracks, contents, strict=True):
        yield _outcome(labelled, rejects.get(labelled.track.track_id, content), cached)


def _content(labelled: LabelledTrack) -> str | Reject:
    """sha256 of the track's bytes, or the reject if they cannot be read."""
    try:
        return hashlib.sha256(read_track(labelled)).hexdigest()
    except TrackRejected as rejected:
        return rejected.reject


def _compute(
    config: JobConfig,
    flow: FlowForFrontEnd,
    tracks: list[Track],
    sha256s: dict[str, str],
    front_end: FrontEnd,
    cached: FeatureCache,
) -> dict[str, Reject]:
    """Fill the cache and return the rejects by track_id."""
    rejects: dict[str, Reject] = {}

    def save(_: Part, answered: Sequence[AnsweredTrack], rejected: Sequence[RejectedTrack]) -> None:
        for row in answered:
            assert isinstance(row, DescribedTrack)
            track_id = row.track.track_id
            cached.save(sha256s[track_id], track_id, as_pieces(row.segments, front_end))
        rejects.update({row.track.track_id: row.reject for row in rejected})

    size_bytes = sum(max(0, track.size_bytes) for track in tracks)
    with connected() as cluster, shown(Progress("reading", len(tracks), size_bytes)) as progress:
        work = Workload(
            plan_parts(len(tracks), _PART_TRACKS),
            len(tracks),
            config.batch_tracks,
            lambda start, stop: tracks[start:stop],
            save,
            lambda done, _: progress.add_tracks(done),
            progress.wait_for,
        )
        RunLoop(flow(front_end.whole(), config), cluster, work, Usage()).run()
    return rejects


def _outcome(labelled: LabelledTrack, content: str | Reject, cached: FeatureCache) -> Example | SkippedTrack:
    if isinstance(content, Reject):
        return SkippedTrack(labelled, content)
    pieces = cached.load(content, labelled.track.track_id)
    if pieces is None:
        raise OSError(f"the features of {labelled.track.uri} were cached but cannot be read back")
    return Example(labelled, pieces, content)
