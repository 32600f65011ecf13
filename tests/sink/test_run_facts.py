from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from sink.shard_rows import PLANNED_AT, RUN_ID, make_plan

from genre_batch.sink.run_facts import is_run_id, make_run_id, planned_at, planning_time


def test_a_run_id_says_the_utc_time_and_the_randomness() -> None:
    assert make_run_id(PLANNED_AT, b"\x3f\x09\xab") == RUN_ID
    assert make_run_id(PLANNED_AT.astimezone(timezone(timedelta(hours=9))), b"\x3f\x09\xab") == RUN_ID


def test_a_run_id_takes_three_random_bytes() -> None:
    with pytest.raises(ValueError, match="3 random bytes"):
        make_run_id(PLANNED_AT, b"\x00")


def test_the_date_partition_is_the_utc_date() -> None:
    late_in_tokyo = datetime(2026, 11, 22, 1, 0, tzinfo=timezone(timedelta(hours=9)))
    assert make_plan(planned_at=late_in_tokyo).dt == "2026-11-21"


@given(
    now=st.datetimes(PLANNED_AT.replace(tzinfo=None, year=2000), timezones=st.just(UTC)),
    behind=st.timedeltas(timedelta(days=-400), timedelta(days=400)),
    randomness=st.tuples(st.binary(min_size=3, max_size=3), st.binary(min_size=3, max_size=3)),
)
def test_a_run_sorts_after_all_it_has_seen_whatever_the_clock_says(
    now: datetime, behind: timedelta, randomness: tuple[bytes, bytes]
) -> None:
    newest = make_run_id(now + behind, randomness[0])
    planned_at = planning_time(now, newest)
    assert make_run_id(planned_at, randomness[1]) > newest
    assert planned_at >= now.replace(microsecond=0)


@pytest.mark.parametrize("model_id", ["", "../up", "a/b", "a=b", "a b", "_hidden", ".hidden"])
def test_a_model_id_is_safe_in_a_path(model_id: str) -> None:
    with pytest.raises(ValidationError):
        make_plan(model_id=model_id)


NO_RUNS = [
    "",
    "latest",
    f"{RUN_ID}/..",
    f"x{RUN_ID}",
    f"{RUN_ID}\n",
    "20269999T999999Z-000000",
    "20260229T000000Z-000000",
    "00000101T000000Z-000000",
    "99991231T235959Z-ffffff",
    "٢٠٢٦١١٢١T٠٦٥٢١٢Z-000000",
    "20261121T065212Z-00000A",
]


@pytest.mark.parametrize("name", NO_RUNS)
def test_names_that_are_not_run_ids(name: str) -> None:
    assert not is_run_id(name)


@given(st.datetimes(timezones=st.just(UTC)), st.binary(min_size=3, max_size=3))
def test_every_run_that_can_be_followed_has_a_name(time: datetime, randomness: bytes) -> None:
    last = datetime.max.replace(microsecond=0, tzinfo=UTC)
    name = make_run_id(time, randomness) if time.year >= 1000 else RUN_ID
    assert is_run_id(name) == (time.replace(microsecond=0) < last or name == RUN_ID)
    assert not is_run_id(name) or planning_time(PLANNED_AT, name) > planned_at(name)


@pytest.mark.parametrize("run_id", NO_RUNS)
def test_a_run_id_has_one_form(run_id: str) -> None:
    with pytest.raises(ValidationError):
        make_plan(run_id=run_id)


def test_a_planning_time_needs_its_time_zone() -> None:
    with pytest.raises(ValidationError):
        make_plan(planned_at=PLANNED_AT.replace(tzinfo=None))
