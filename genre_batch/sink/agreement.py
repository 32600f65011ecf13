"""Which rejects go with the scores on storage, when another driver of the same run wrote those scores first."""

from collections.abc import Mapping, Sequence

from genre_batch.catalog.reject import Reject, RejectReason, Stage
from genre_batch.catalog.track import Track
from genre_batch.errors import DamageFound
from genre_batch.sink.schema import AnsweredTrack, RejectedTrack

_GIVEN_UP = Reject(
    RejectReason.INTERNAL,
    Stage.MODEL,
    "given up by another driver of this run, which stopped before it recorded why; the next run tries it again",
)


def shard_tracks(answered: Sequence[AnsweredTrack], rejected: Sequence[RejectedTrack]) -> dict[str, Track]:
    """The tracks of a shard by track_id. Raises ValueError where one has two outcomes."""
    rows = [row.track for row in answered] + [row.track for row in rejected]
    tracks = {track.track_id: track for track in rows}
    if len(tracks) != len(rows):
        raise ValueError("a track of the shard has two outcomes")
    return tracks


def rejects_beside(
    stored: Sequence[tuple[str, str]], tracks: Mapping[str, Track], rejected: Sequence[RejectedTrack]
) -> list[RejectedTrack]:
    """The tracks of the shard that the stored scores, as (track_id, etag), lack: one reject each, sorted by track_id.

    Where this driver has a score for such a track, the stored scores stand, since they came first: the track becomes
    a reject of the transient kind. Raises DamageFound where the stored scores hold anything but tracks of this shard.
    """
    found = dict(stored)
    if len(found) != len(stored) or any(id_ not in tracks or tracks[id_].etag != etag for id_, etag in found.items()):
        raise DamageFound("the stored scores of a shard are not of its tracks", "start a run into a new output folder")
    own = {row.track.track_id: row for row in rejected}
    lacking = (track for track_id, track in tracks.items() if track_id not in found)
    rows = [own.get(track.track_id) or RejectedTrack(track, _GIVEN_UP, 1) for track in lacking]
    return sorted(rows, key=by_track_id)


def by_track_id(row: AnsweredTrack | RejectedTrack) -> str:
    """The sort key of rows: the order of the listing."""
    return row.track.track_id
