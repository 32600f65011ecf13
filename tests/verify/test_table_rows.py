from collections.abc import Iterable, Sequence

import pyarrow as pa
import pytest
from sink.shard_rows import make_plan, make_track, make_tracks, reject, score

from genre_batch.catalog.track import Track
from genre_batch.catalog.track_table import to_batch
from genre_batch.sink.tables import rejects_table, scores_table
from genre_batch.verify.table_rows import Fault, wrong_facts, wrong_rejects, wrong_tracks

RUN = make_plan()
TRACKS = make_tracks(5)
SCORES = scores_table([score(track) for track in TRACKS[:3]], RUN)
REJECTS = rejects_table([reject(track) for track in TRACKS[3:]], RUN)


def listed(tracks: Sequence[Track]) -> pa.Table:
    return pa.Table.from_batches([to_batch(tracks)])


def told(faults: Iterable[Fault]) -> dict[str, int]:
    return {fault: tracks for fault, tracks in faults if tracks}


def test_whole_tables_have_no_fault() -> None:
    assert told(wrong_tracks(SCORES, REJECTS, listed(TRACKS))) == {}
    assert told(wrong_tracks(SCORES, None, listed(TRACKS[:3]))) == {}
    assert told([*wrong_facts(SCORES, RUN), *wrong_facts(REJECTS, RUN), *wrong_rejects(REJECTS)]) == {}


@pytest.mark.parametrize(
    ("scores", "tracks", "fault"),
    [
        (SCORES.slice(1), TRACKS, {"listed tracks have no outcome": 1}),
        (SCORES, TRACKS[1:], {"rows are of no listed track": 1}),
        (SCORES, [make_track(0, "v2"), *TRACKS[1:]], {"rows have another etag, uri or size than the listing": 1}),
        (pa.concat_tables([SCORES, SCORES.slice(2)]), TRACKS, {"tracks have more than one outcome": 1}),
        (SCORES.take([1, 0, 2]), TRACKS, {"rows are not in the order of the listing": 1}),
        (SCORES.take([1, 0, 2]), None, {"rows are not in the order of the listing": 1}),
    ],
)
def test_wrong_rows_are_told(scores: pa.Table, tracks: list[Track] | None, fault: dict[str, int]) -> None:
    assert told(wrong_tracks(scores, REJECTS, None if tracks is None else listed(tracks))) == fault


def test_rows_of_another_run_are_told() -> None:
    other = make_plan(fingerprint="0" * 64, run_id="20261121T065212Z-000000")
    assert told(wrong_facts(SCORES, other)) == {
        "run_id is not that of the run": 3,
        "fingerprint is not that of the run": 3,
    }


@pytest.mark.parametrize(("column", "value"), [("reason", "bored"), ("stage", "x"), ("attempts", 0), ("message", "\n")])
def test_wrong_rejects_are_told(column: str, value: object) -> None:
    field = REJECTS.schema.field(column)
    table = REJECTS.set_column(REJECTS.column_names.index(column), field, pa.array([value] * 2, field.type))
    assert list(told(wrong_rejects(table)).values()) == [2]
