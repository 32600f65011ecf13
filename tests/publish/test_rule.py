"""The rule for current answers on rows in memory; `tests/test_table.py` has the cases."""

import pandas as pd

from genre_batch.catalog.reject import RejectReason
from genre_batch.publish.rule import TRANSIENT_REASONS, are_newest


def test_newest_outcomes_by_names_or_numbers_of_runs() -> None:
    rows = [("a", "v1", 0), ("b", "v1", 0), ("b", "v2", 2), ("c", "v1", 1), ("a", "v2", 3), ("c", "v1", 2)]
    outcomes = pd.DataFrame(rows, columns=["track_id", "etag", "run_id"], index=[9, 8, 7, 6, 5, 4])
    # the last two are rejects: of new bytes, and of bytes that have an answer
    expected = [False, False, True, True, True, False]
    assert are_newest(outcomes, 4).tolist() == expected
    named = outcomes.assign(run_id=outcomes["run_id"].map("2026-{}".format))
    newest = are_newest(named, 4)
    assert newest.tolist() == expected
    assert newest.index.tolist() == outcomes.index.tolist()
    assert are_newest(outcomes.head(0), 0).empty


def test_what_may_pass_is_no_outcome() -> None:
    assert RejectReason.GONE in TRANSIENT_REASONS
    assert RejectReason.CORRUPT not in TRANSIENT_REASONS
