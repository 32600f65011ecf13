"""Objects from columns are those that the initialiser makes."""

import pytest

from genre_batch.catalog.from_columns import from_columns
from genre_batch.catalog.reject import Reject, RejectReason, RejectStage


def test_they_are_equal_to_those_made_one_by_one() -> None:
    rows = [(reason, RejectStage.READ, f"no {reason}", "") for reason in RejectReason]
    made = from_columns(Reject, list(zip(*rows, strict=True)))
    assert made == [Reject(*row) for row in rows]
    assert len(set(made)) == len(rows)


def test_a_missing_column_is_noticed() -> None:
    with pytest.raises(ValueError, match="shorter"):
        from_columns(Reject, [[RejectReason.GONE], [RejectStage.READ], ["gone"]])
