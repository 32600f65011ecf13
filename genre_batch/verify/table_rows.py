"""Whether the rows of a shard are those of its tracks, each once, and carry the facts of their run."""

import itertools
from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from genre_batch.catalog.reject import RejectReason, Stage, printable
from genre_batch.catalog.track import Track
from genre_batch.catalog.track_table import to_tracks
from genre_batch.sink.run_facts import RunFacts

Fault = tuple[str, int]
"""What is wrong, and with how many tracks."""


def wrong_facts(table: pa.Table, run: RunFacts) -> Iterator[Fault]:
    """Faults of the columns that are the same for the whole run."""
    expected = {"run_id": run.run_id, "event_timestamp": run.planned_at, "created_timestamp": run.planned_at}
    if "fingerprint" in table.column_names:
        expected["fingerprint"] = run.fingerprint
    for name, value in expected.items():
        other = pc.not_equal(table[name], pa.scalar(value, table[name].type))
        yield f"{name} is not that of the run", pc.sum(other).as_py() or 0


def wrong_tracks(answers: pa.Table, rejects: pa.Table | None, tracks: Sequence[Track] | None) -> Iterator[Fault]:
    """Faults of the tracks that rows are about; `tracks` are the listed ones, None where they are not known."""
    answered, rejected = to_tracks(_once_a_track(answers)), [] if rejects is None else to_tracks(rejects)
    for rows in (answered, rejected):
        ids = [track.track_id for track in rows]
        yield "rows are not in the order of the listing", sum(b < a for a, b in itertools.pairwise(ids))
    found = [*answered, *rejected]
    by_id = {track.track_id: track for track in found}
    yield "tracks have more than one outcome", len(found) - len(by_id)
    if tracks is not None:
        listed = {track.track_id: track for track in tracks}
        yield "listed tracks have no outcome", len(listed.keys() - by_id.keys())
        yield "rows are of no listed track", len(by_id.keys() - listed.keys())
        other = sum(by_id[track_id] != listed[track_id] for track_id in by_id.keys() & listed.keys())
        yield "rows have another etag, uri or size than the listing", other


def wrong_rejects(rejects: pa.Table) -> Iterator[Fault]:
    """Faults of what rejects say."""
    for name, known in (("reason", RejectReason), ("stage", Stage)):
        inside = pc.is_in(rejects[name], pa.array([str(value) for value in known]))
        yield f"the {name} is unknown", rejects.num_rows - (pc.sum(inside).as_py() or 0)
    yield "there were no attempts", pc.sum(pc.less(rejects["attempts"], 1)).as_py() or 0
    messages = rejects["message"].to_pylist()
    yield "the message is not printable", sum(printable(message) != message for message in messages)


def _once_a_track(answers: pa.Table) -> pa.Table:
    return answers.filter(pc.equal(answers["segment"], 0)) if "segment" in answers.column_names else answers
