"""Lengths that are missing, wrong or count from somewhere else, against the song they were made of."""

import pytest
from oracle.case import Case
from oracle.check import check, of_two_tracks
from oracle.lengths import cases


@pytest.mark.slow
@pytest.mark.parametrize(("case", "track_id"), of_two_tracks(cases()))
def test_the_outcome_is_right(case: Case, track_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert check(case, track_id, monkeypatch) == ""
