"""Each track counts once, by its current answer; memory does not grow with the table."""

from pathlib import Path

import numpy as np
import pytest
from outputs import write_rows, write_run
from reports.finished_catalog import finished_catalog
from sink.shard_rows import make_plan, make_tracks, score

from genre_batch import table
from genre_batch.catalog.reject import RejectReason
from genre_batch.reports import catalog_tally
from genre_batch.reports.catalog_tally import EXAMPLES, LEAST_SURE, tally_catalog
from genre_batch.storage.local import LocalStore

MODEL = "mel-cnn-1"


def test_the_sums_are_those_of_the_current_answers(tmp_path: Path) -> None:
    finished_catalog(tmp_path)
    rows = table.latest(str(tmp_path))
    found = tally_catalog(str(tmp_path), MODEL)
    assert found.answers.scored == len(rows)
    assert dict(found.answers.genres) == rows["genre"].value_counts().to_dict()
    assert found.answers.abstained.sum() == rows["abstained"].sum()
    for genre, mean in rows.groupby("genre")["confidence"].mean().items():
        assert found.answers.mean_confidence(genre) == pytest.approx(mean)
    least = rows[~rows["abstained"]].sort_values("confidence").head(LEAST_SURE)
    assert [row["track_id"] for row in found.least_sure] == least["track_id"].tolist()


def test_a_changed_and_a_retried_track_count_once(tmp_path: Path) -> None:
    corrupt, gone = RejectReason.CORRUPT, RejectReason.GONE
    store, output = LocalStore(), str(tmp_path)
    write_run(store, output, 0, {("a", "1"): "rock", ("b", "1"): corrupt, ("c", "1"): gone, ("d", "1"): gone})
    write_run(store, output, 1, {("a", "2"): "jazz", ("b", "2"): "jazz", ("c", "1"): corrupt})
    found = tally_catalog(output, MODEL)
    assert found.answers.genres == {"jazz": 2}
    assert found.answers.reasons == {"corrupt": 1, "gone": 1}
    assert {reason: [row["track_id"] for row in rows] for reason, rows in found.examples.items()} == {
        "corrupt": ["c"],
        "gone": ["d"],
    }


def test_examples_are_few_and_batches_do_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    finished_catalog(tmp_path)
    whole = tally_catalog(str(tmp_path), MODEL)
    assert [len(rows) for rows in whole.examples.values()] == [EXAMPLES, 1]
    monkeypatch.setattr(catalog_tally, "_ROWS_AT_ONCE", 7)
    parts = tally_catalog(str(tmp_path), MODEL)
    assert parts.answers.genres == whole.answers.genres
    assert parts.answers.reasons == whole.answers.reasons
    np.testing.assert_array_equal(parts.answers.answered, whole.answers.answered)
    assert parts.least_sure == whole.least_sure


def test_a_table_whose_tracks_all_abstained_has_no_least_sure_answer(tmp_path: Path) -> None:
    write_rows(LocalStore(), str(tmp_path), make_plan(2), [score(track, None) for track in make_tracks(2)])
    found = tally_catalog(str(tmp_path), MODEL)
    assert (found.least_sure, found.examples, found.answers.scored) == ([], {}, 2)
