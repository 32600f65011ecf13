"""Numbers as people read them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genre_batch.wording import duration, plural, size


@pytest.mark.parametrize(("count", "text"), [(0, "0 shards"), (1, "1 shard"), (2, "2 shards"), (1024, "1,024 shards")])
def test_a_noun_takes_its_plural_unless_there_is_one(count: int, text: str) -> None:
    assert plural(count, "shard") == text


def test_an_irregular_plural_is_given() -> None:
    assert (plural(1, "entry", "entries"), plural(3, "entry", "entries")) == ("1 entry", "3 entries")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0 s"),
        (0.04, "0.04 s"),
        (9.07, "9.1 s"),
        (9.96, "10 s"),
        (90.0, "90 s"),
        (119.6, "2.0 min"),
        (3600.0, "60 min"),
        (7200.0, "2.0 h"),
        (4_500_000.0, "1,250 h"),
    ],
)
def test_a_duration_is_in_the_unit_that_suits(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [
        (1, "1 byte"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (12_345, "12 kB"),
        (999_600, "1.0 MB"),
        (48_000_000, "48 MB"),
        (5e12, "5,000 GB"),
    ],
)
def test_a_size_is_in_the_unit_that_suits(size_bytes: float, text: str) -> None:
    assert size(size_bytes) == text


@given(st.floats(1.0, 1e9))
def test_a_duration_keeps_two_digits_at_least(seconds: float) -> None:
    value, unit = duration(seconds).split()
    read_back = float(value.replace(",", "")) * {"s": 1, "min": 60, "h": 3600}[unit]
    assert read_back == pytest.approx(seconds, rel=0.05)
