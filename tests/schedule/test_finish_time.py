"""`finish_by`: what it accepts, and when it ends a run."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from genre_batch.config import ScoreConfig, load
from genre_batch.errors import UsageError
from genre_batch.schedule.finish_time import FinishTime, seconds_until

NOW = datetime(2026, 11, 29, 23, 15, 30, tzinfo=ZoneInfo("Europe/Berlin"))


@pytest.mark.parametrize(
    ("finish_by", "seconds"),
    [
        ("23:16", 30), ("05:30", 22_470), ("0:00", 2_670), ("23:15", 86_370),
        ("6h", 21_600), ("90m", 5_400), ("1h30m", 5_400), ("45s", 45), ("0s", 0),
    ],
)  # fmt: skip
def test_a_time_of_day_is_the_next_one_and_a_duration_counts_from_now(finish_by: str, seconds: float) -> None:
    assert seconds_until(finish_by, NOW) == seconds


@pytest.mark.parametrize("finish_by", ["", "24:00", "5:3", "five", "-1h", "6", "1m1h"])
def test_anything_else_is_an_error_that_says_what_to_give(finish_by: str) -> None:
    with pytest.raises(UsageError, match="finish_by"):
        load(ScoreConfig, None, [f"finish_by='{finish_by}'"], {"source": "a", "output": "b"})


def test_a_time_that_yaml_takes_for_a_number_is_explained() -> None:
    with pytest.raises(UsageError, match=r"finish_by.*quotes"):
        load(ScoreConfig, None, ["finish_by=23:15"], {"source": "a", "output": "b"})
    assert load(ScoreConfig, None, ['finish_by="23:15"'], {"source": "a", "output": "b"}).finish_by == "23:15"


def test_work_is_put_off_from_then_on() -> None:
    clock_s = [100.0]
    time = FinishTime("1m", NOW, lambda: clock_s[0])
    assert time.put_off() is None
    clock_s[0] = 160.0
    reject = time.put_off()
    assert reject is not None
    assert (reject.reason, "finish_by=1m" in reject.message) == ("deferred", True)
    assert FinishTime(None, NOW, lambda: 1e12).put_off() is None


def test_the_end_is_known_as_unix_time() -> None:
    assert FinishTime("1m", NOW, lambda: 5.0).unix_s == NOW.timestamp() + 60
    assert FinishTime(None, NOW, lambda: 5.0).unix_s == 0.0


def test_an_end_that_was_fixed_before_may_have_passed() -> None:
    clock_s = [5.0]
    time = FinishTime("1m", NOW, lambda: clock_s[0])
    assert time.end == NOW + timedelta(minutes=1)
    assert time.ending(NOW - timedelta(hours=1)).put_off() is not None
    assert time.ending(None).put_off() is None
    later = time.ending(NOW + timedelta(minutes=5))
    assert later.unix_s == NOW.timestamp() + 300
    clock_s[0] += 299
    assert (time.put_off() is None, later.put_off()) == (False, None)
    clock_s[0] += 1
    assert later.put_off() is not None
