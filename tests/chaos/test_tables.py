"""The comparison of tables finds every kind of difference."""

import pytest
from chaos.tables import Difference, Table, compare
from table_checks import Row

SOUND: list[Row] = [{"track_id": name, "confidence": share} for name, share in (("a", 0.5), ("b", 0.25), ("c", 0.125))]
BAD: list[Row] = [{"track_id": "d", "reason": "empty"}]
EXPECTED = Table(SOUND, BAD)


def test_equal_tables_do_not_differ() -> None:
    assert compare(EXPECTED, Table(list(SOUND), list(BAD))) == Difference(0, 0, 0, 0)


@pytest.mark.parametrize(
    ("found", "difference"),
    [
        (Table(SOUND[1:], BAD), Difference(1, 0, 0, 0)),
        (Table(SOUND, []), Difference(1, 0, 0, 0)),
        (Table([*SOUND, SOUND[0]], BAD), Difference(0, 1, 0, 0)),
        (Table(SOUND, [*BAD, *BAD]), Difference(0, 1, 0, 0)),
        (Table([*SOUND[:2], {"track_id": "c", "confidence": 0.1250001}], BAD), Difference(0, 0, 1, 0)),
        (Table(SOUND, [{"track_id": "d", "reason": "silent"}]), Difference(0, 0, 1, 0)),
        (Table(SOUND[1:], [*BAD, {"track_id": "a", "reason": "internal"}]), Difference(0, 0, 1, 1)),
        (Table([*SOUND, {"track_id": "x", "confidence": 0.5}], BAD), Difference(0, 1, 1, 0)),
        (Table([], []), Difference(4, 0, 0, 0)),
    ],
)
def test_every_difference_is_counted(found: Table, difference: Difference) -> None:
    assert compare(EXPECTED, found) == difference
