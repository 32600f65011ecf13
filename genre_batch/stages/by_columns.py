"""Rows travel between driver and actors as columns: pickling each object takes ten times as long."""

from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from functools import cache
from operator import attrgetter
from typing import Any, TypeVar

from genre_batch.catalog.from_columns import from_columns

Row = TypeVar("Row")
_Parcel = tuple[Any, ...]
"""What kind of rows it has, and what they are made of: columns, which are parcels themselves, or the rows as they are.
"""

_AS_THEY_ARE, _MIXED = "as they are", "mixed"


class ByColumns(list[Row]):
    """Rows of frozen dataclasses with slots, or of tuples of them. Pickled as columns, they arrive as a plain list."""

    def __reduce__(self) -> tuple[Any, ...]:
        return unpacked, (packed(self),)


def packed(rows: Sequence[object]) -> _Parcel:
    """The rows as columns, as far as they are of one kind. Other objects are left as they are."""
    kinds = list(dict.fromkeys(map(type, rows)))
    if len(kinds) > 1:
        numbers = {kind: number for number, kind in enumerate(kinds)}
        groups = [packed([row for row in rows if type(row) is kind]) for kind in kinds]
        return _MIXED, bytes(numbers[type(row)] for row in rows), groups
    if kinds and _has_slots(kinds[0]):
        return kinds[0], list(zip(*map(_values(kinds[0]), rows), strict=True))
    if kinds == [tuple] and len({len(row) for row in rows}) == 1 and rows[0]:  # type: ignore[arg-type]
        return tuple, [packed(column) for column in zip(*rows, strict=True)]
    return _AS_THEY_ARE, list(rows)


def unpacked(parcel: _Parcel) -> list[Any]:
    """The rows that were packed, in the same order."""
    match parcel:
        case (kind, rows) if kind == _AS_THEY_ARE:
            return list(rows)
        case (kind, order, groups) if kind == _MIXED:
            remaining = [iter(unpacked(group)) for group in groups]
            return [next(remaining[number]) for number in order]
        case (kind, columns) if kind is tuple:
            return list(zip(*map(unpacked, columns), strict=True))
        case (kind, columns):
            return from_columns(kind, columns)
    raise ValueError("this is no parcel")


@cache
def _has_slots(kind: type) -> bool:
    return is_dataclass(kind) and "__slots__" in vars(kind) and len(fields(kind)) > 1


@cache
def _values(kind: type) -> Any:  # a tuple of whatever the fields hold
    return attrgetter(*(field.name for field in fields(kind)))
