"""Whether the rows of a shard are those of its tracks, each once, and carry the facts of their run."""

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from genre_batch.catalog.reject import RejectReason, Stage, printable
from genre_batch.catalog.track_table import SCHEMA
from genre_batch.sink.answers import once_a_track, without
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


def wrong_tracks(answers: pa.Table, rejects: pa.Table | None, tracks: pa.Table | None) -> Iterator[Fault]:
    """Faults of the tracks that rows are about; `tracks` are the listed ones, None where they are not known."""
    tables = [once_a_track(answers)] if rejects is None else [once_a_track(answers), rejects]
    for rows in tables:
        yield "rows are not in the order of the listing", unsorted(rows["track_id"])
    found = pa.concat_tables([rows.select(SCHEMA.names) for rows in tables])
    yield "tracks have more than one outcome", found.num_rows - _distinct(found)
    if tracks is None:
        return
    yield "listed tracks have no outcome", _distinct(without(tracks, found["track_id"]))
    strangers = without(found, tracks["track_id"])
    yield "rows are of no listed track", _distinct(strangers)
    unlike = found.filter(pc.invert(pc.is_in(_as_text(found), value_set=_as_text(tracks))))
    yield "rows have another etag, uri or size than the listing", _distinct(unlike) - _distinct(strangers)


def unsorted(ids: pa.ChunkedArray, *, unique: bool = False) -> int:
    """How many of `ids` are less than the one before, or the same where they are to be unique."""
    wrong = (pc.less_equal if unique else pc.less)(ids[1:], ids[:-1])
    return pc.sum(wrong).as_py() or 0


def wrong_rejects(rejects: pa.Table) -> Iterator[Fault]:
    """Faults of what rejects say."""
    for name, known in (("reason", RejectReason), ("stage", Stage)):
        inside = pc.is_in(rejects[name], pa.array([str(value) for value in known]))
        yield f"the {name} is unknown", rejects.num_rows - (pc.sum(inside).as_py() or 0)
    yield "there were no attempts", pc.sum(pc.less(rejects["attempts"], 1)).as_py() or 0
    messages = rejects["message"].to_pylist()
    yield "the message is not printable", sum(printable(message) != message for message in messages)


def _distinct(rows: pa.Table) -> int:
    return int(pc.count_distinct(rows["track_id"]).as_py())


def _as_text(rows: pa.Table) -> pa.ChunkedArray:
    """All that is known of each track; the lengths in front make it one of those values alone."""
    columns = [rows[name] for name in ("track_id", "uri", "etag")]
    lengths = [pc.binary_length(column).cast(pa.string()) for column in columns]
    return pc.binary_join_element_wise(*lengths, *columns, rows["size_bytes"].cast(pa.string()), ":")
