"""What a run's canaries answered, in words, and on storage."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from genre_batch.errors import DamageFound
from genre_batch.sink import layout
from genre_batch.sink.canary_record import (
    CanaryAnswer,
    CanaryCheck,
    CanaryRecord,
    Moment,
    canary_records,
    read_canary_record,
    write_canary_record,
)
from genre_batch.storage.local import LocalStore

RUN = "20261121T065212Z-000000"
EXPECTED = {"clip": "a.mp3", "expected": "jazz", "expected_probability": 0.75}
ALIKE = CanaryAnswer.model_validate({**EXPECTED, "genre": "jazz", "probability": 0.75, "change": 0.01})
OTHER = CanaryAnswer.model_validate({**EXPECTED, "genre": "rock", "probability": 0.25, "change": 0.5})
REJECTED = CanaryAnswer.model_validate({**EXPECTED, "reject": "corrupt: no\x1b frame"})


def check(*answers: CanaryAnswer, moment: Moment = "start", error: str | None = None) -> CanaryCheck:
    at = datetime(2026, 11, 21, tzinfo=UTC)
    return CanaryCheck(moment=moment, at=at, tolerance=0.02, answers=answers, error=error)


def test_a_change_within_the_tolerance_is_none() -> None:
    assert check(ALIKE).changes() == []
    assert check(ALIKE).changes(limit=0.005) != []
    assert check(OTHER).changes(limit=0.5) == []
    assert check(ALIKE, OTHER).largest_change == 0.5


def test_changes_are_said_in_words() -> None:
    (other,) = check(OTHER).changes()
    assert other == ("canary a.mp3: jazz at 0.750 is expected, found at 0.250, below rock (largest change 0.500)")
    (rejected,) = check(REJECTED).changes()
    assert rejected == "canary a.mp3: jazz at 0.750 is expected, rejected: corrupt: no\\x1b frame"
    assert check(error="the actor died").changes() == ["the canaries could not be scored: the actor died"]
    assert check(REJECTED).largest_change == check(error="x").largest_change == 1.0


def test_the_newest_change_comes_first() -> None:
    record = CanaryRecord(checks=(check(OTHER), check(ALIKE), check(REJECTED, moment="end")))
    assert [change.partition(",")[0] for change in record.changes()] == ["at its end", "at its start"]


def test_it_is_kept_with_the_run_and_damage_is_reported(tmp_path: Path) -> None:
    store, output, record = LocalStore(), str(tmp_path), CanaryRecord(checks=(check(ALIKE),))
    assert read_canary_record(store, output, RUN) is None
    write_canary_record(store, output, RUN, record)
    assert read_canary_record(store, output, RUN) == record
    assert canary_records(store, output, [RUN, RUN.replace("000000", "000001")]) == {RUN: record}
    (tmp_path / layout.canaries_path(RUN)).write_bytes(b"{")
    with pytest.raises(DamageFound, match=r"canaries\.json is not a CanaryRecord"):
        read_canary_record(store, output, RUN)
