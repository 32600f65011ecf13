"""The rule that says which answer of a track is current (see `table.py`), for rows in memory."""

import pandas as pd

from genre_batch.catalog.reject import TRANSIENT

TRANSIENT_REASONS = tuple(sorted(reason.value for reason in TRANSIENT))
"""Reasons of rejects that are not outcomes, because the next run tries the track again."""


def are_newest(outcomes: pd.DataFrame, answers: int) -> "pd.Series[bool]":
    """Whether each row is the newest outcome of its track, or one of several from the same run.

    outcomes: track_id, etag and run_id of answers, which are the first `answers` rows, and of permanent rejects. A
    run_id may be anything that sorts by time. A reject of a version that has an answer is not an outcome.
    """
    track = pd.Series(pd.factorize(outcomes["track_id"])[0])
    run = outcomes["run_id"].astype("category").cat.codes.astype("int64").reset_index(drop=True)
    is_reject = pd.Series(range(len(outcomes))) >= answers
    version = outcomes.reset_index(drop=True)[track.isin(track[is_reject])].groupby(["track_id", "etag"]).ngroup()
    answered = version[version.index < answers]
    run[version.index[(version.index >= answers) & version.isin(answered)]] = -1
    newest = (run == run.groupby(track).transform("max")) & (run >= 0)
    return pd.Series(newest.to_numpy(), outcomes.index)
