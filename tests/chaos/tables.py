"""Two tables compared, row by row and value by value."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from table_checks import Row, comparable


@dataclass(frozen=True, slots=True)
class Table:
    """What two runs over the same tracks have in common: all columns but run ids and times."""

    scores: list[Row]
    rejects: list[Row]


@dataclass(frozen=True, slots=True)
class Difference:
    """Tracks without a row, rows too many, rows with another value or in the other table; rejects of sound tracks."""

    lost: int
    doubled: int
    differing: int
    false_rejects: int


def read(output: Path) -> Table:
    """Both tables of an output."""
    return Table(comparable(output, "scores"), comparable(output, "rejects"))


def compare(expected: Table, found: Table) -> Difference:
    """What `found` has wrong."""
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
