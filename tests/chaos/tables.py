"""Row-by-row comparison of two tables."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from table_checks import Row, comparable


@dataclass(frozen=True, slots=True)
class Table:
    """The columns on which two runs over the same tracks agree: all except run ids and times."""

    scores: list[Row]
    rejects: list[Row]


@dataclass(frozen=True, slots=True)
class Difference:
    """lost: missing rows. doubled: surplus rows. differing: rows that the expected table does not have.

    false_rejects: rejects of tracks that should have a score.
    """

    lost: int
    doubled: int
    differing: int
    false_rejects: int


def read(output: Path) -> Table:
    """Both tables of an output."""
    return Table(comparable(output, "scores"), comparable(output, "rejects"))


def compare(expected: Table, found: Table) -> Difference:
    """How `found` differs from `expected`."""
    wanted, there = _ids(expected), _ids(found)
    rows = {str(row["track_id"]): (name, row) for name, row in _named(expected)}
    others = [row for row in _named(found) if rows.get(str(row[1]["track_id"])) != row]
    sound = {str(row["track_id"]) for row in expected.scores}
    return Difference(
        lost=sum((wanted - there).values()),
        doubled=sum((there - wanted).values()),
        differing=len(others),
        false_rejects=sum(str(row["track_id"]) in sound for row in found.rejects),
    )


def _named(table: Table) -> list[tuple[str, Row]]:
    return [("scores", row) for row in table.scores] + [("rejects", row) for row in table.rejects]


def _ids(table: Table) -> Counter[str]:
    return Counter(str(row["track_id"]) for _, row in _named(table))
