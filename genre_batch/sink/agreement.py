"""Which rejects go with the answers on storage, when another driver of the same run wrote those answers first."""

import pyarrow as pa
import pyarrow.compute as pc

from genre_batch.catalog.reject import Reject, RejectReason, Stage
from genre_batch.catalog.track_table import to_tracks
from genre_batch.errors import DamageFound
from genre_batch.sink.answers import once_a_track, versions, without
from genre_batch.sink.mending import mend
from genre_batch.sink.run_facts import RunFacts
from genre_batch.sink.schema import RejectedTrack
from genre_batch.sink.shard_tables import ShardTables
from genre_batch.sink.tables import rejects_table

_GIVEN_UP = Reject(
    RejectReason.INTERNAL,
    Stage.MODEL,
    "given up by another driver of this run, which stopped before it recorded why; the next run tries it again",
)


def rejects_beside(stored: pa.Table, own: ShardTables, run: RunFacts) -> pa.Table:
    """The tracks of the shard that the stored answers lack: one reject each, sorted by track_id.

    Where this driver has an answer for such a track, the stored answers stand, since they came first: the track becomes
    a reject of the transient kind. Raises DamageFound where the stored answers hold anything but tracks of this shard.
    """
    answers = once_a_track(own.answers)
    found = once_a_track(stored)
    _check_tracks(found, answers, own.rejects)
    rejects, lacking = (without(rows, found["track_id"]) for rows in (own.rejects, answers))
    if not lacking.num_rows:
        return rejects
    given_up = rejects_table([RejectedTrack(track, _GIVEN_UP, 1) for track in to_tracks(lacking)], run)
    return pa.concat_tables([rejects, given_up]).sort_by("track_id").combine_chunks()


def _check_tracks(found: pa.Table, answers: pa.Table, rejects: pa.Table) -> None:
    keys = versions(found)
    known = pa.chunked_array([*versions(answers).chunks, *versions(rejects).chunks], pa.string())
    twice = pc.count_distinct(keys).as_py() != len(keys)
    if twice or not pc.all(pc.is_in(keys, value_set=known), min_count=0).as_py():
        raise DamageFound("the stored answers of a shard are not of its tracks", mend())
