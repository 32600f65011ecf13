"""Tags, zeros and other bytes around the sound, against the song they were made of."""

import pytest
from oracle.case import Case
from oracle.check import check, of_one_track
from oracle.tagged import cases


# half of the pairs of a format and a tag: each format has many tags, and each tag many formats
@pytest.mark.slow
@pytest.mark.parametrize(("case", "track_id"), of_one_track(cases(), every_other=pytest.mark.soak))
def test_the_outcome_is_right(case: Case, track_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert check(case, track_id, monkeypatch) == ""
