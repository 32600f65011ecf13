"""Channels that cancel, constants and silence, against the song they were made of."""

import pytest
from oracle.case import Case
from oracle.channels import cases
from oracle.check import check, of_one_track


@pytest.mark.slow
@pytest.mark.parametrize(("case", "track_id"), of_one_track(cases()))
def test_the_outcome_is_right(case: Case, track_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert check(case, track_id, monkeypatch) == ""
