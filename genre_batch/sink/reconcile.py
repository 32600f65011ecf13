"""Which rejects belong to the answers on storage, if another driver of the same run wrote those answers first."""

import pyarrow as pa
import pyarrow.compute as pc

from genre_batch.catalog.reject import Reject, RejectReason, RejectStage
from genre_batch.catalog.track_table import to_tracks
from genre_batch.errors import DamageFound
from genre_batch.sink.layout import repair_hint
from genre_batch.sink.run_facts import RunFacts
from genre_batch.sink.schema import RejectedTrack
from genre_batch.sink.tables import ShardTables, drop_tracks, one_row_per_track, rejects_table, version_keys

_GIVEN_UP = Reject(
    RejectReason.INTERNAL,
    RejectStage.MODEL,
    "given up by another driver of this run, which stopped before it recorded why; the next run tries it again",
)


def reconcile_rejects(stored: pa.Table, own: ShardTables, run: RunFacts) -> pa.Table:
    """One reject for each track of the shard that has no stored answer, sorted by track_id.

    The stored answers came first, so they stand. A track that this driver has an answer for, and they do not, becomes a
    transient reject. Raises DamageFound if the stored answers are not those of tracks of this shard.
    """
    answers = one_row_per_track(own.answers)
    found = one_row_per_track(stored)
    _check_tracks(found, answers, own.rejects)
    rejects, unanswered = (drop_tracks(rows, found["track_id"]) for rows in (own.rejects, answers))
    if not unanswered.num_rows:
        return rejects
    given_up = rejects_table([RejectedTrack(track, _GIVEN_UP, 1) for track in to_tracks(unanswered)], run)
    return pa.concat_tables([rejects, given_up]).sort_by("track_id").combine_chunks()


def _check_tracks(found: pa.Table, answers: pa.Table, rejects: pa.Table) -> None:
    keys = version_keys(found)
    known = pa.chunked_array([*version_keys(answers).chunks, *version_keys(rejects).chunks], pa.string())
    twice = pc.count_distinct(keys).as_py() != len(keys)
    if twice or not pc.all(pc.is_in(keys, value_set=known), min_count=0).as_py():
        raise DamageFound("the stored answers of a shard are not of its tracks", repair_hint())
