"""Labels of one taxonomy as those of another: `map.csv`, and the sums of the probabilities that it brings together."""

import csv
import io
from collections.abc import Collection, Sequence
from typing import Annotated, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict, Field, model_validator

from genre_batch.errors import UsageError
from genre_batch.model.scores import Floats
from genre_batch.storage.open_store import open_store
from genre_batch.storage.store import StorageError

_COLUMNS = ("label", "mapped", "parent")
_MOST_NAMED = 10
_Label = Annotated[str, Field(min_length=1)]


class TaxonomyMap(BaseModel):
    """mapped: the new label of each label that a model can answer. parents: broader labels of some of the new ones."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    mapped: dict[_Label, _Label] = Field(min_length=1)
    parents: dict[_Label, _Label] = {}

    @model_validator(mode="after")
    def _parents_belong_to_new_labels(self) -> Self:
        if unknown := sorted(self.parents.keys() - set(self.mapped.values())):
            raise ValueError(f"{unknown[0]!r} has a parent, but nothing is mapped to it")
        return self

    def to_parents(self) -> "TaxonomyMap":
        """The map to the parent of each new label, or to the new label itself if it has none."""
        return TaxonomyMap(mapped={label: self.parents.get(new, new) for label, new in self.mapped.items()})

    def new_labels(self, labels: Sequence[str]) -> list[str]:
        """What these labels are mapped to, each once, in the order of its first label.

        Raises UsageError, which names them, if labels are not in the map.
        """
        self.check(labels)
        return list(dict.fromkeys(self.mapped[label] for label in labels))

    def check(self, labels: Collection[str]) -> None:
        """Raise UsageError if some of these labels are not in the map: their probability would be lost."""
        if missing := [label for label in labels if label not in self.mapped]:
            named = ", ".join(map(repr, missing[:_MOST_NAMED]))
            more = f" and {len(missing) - _MOST_NAMED:,} more" if len(missing) > _MOST_NAMED else ""
            raise UsageError(
                f"the taxonomy map has no line for {named}{more}", "map a label to itself to keep it as it is"
            )

    def sums(self, probabilities: Floats, labels: Sequence[str]) -> Floats:
        """The probabilities [n, new labels] of what `labels` are mapped to, from those of `labels` [n, labels].

        The columns are in the order of `new_labels`. Raises what `new_labels` raises.
        """
        new = self.new_labels(labels)
        added = np.zeros((len(labels), len(new)))
        added[np.arange(len(labels)), [new.index(self.mapped[label]) for label in labels]] = 1.0
        return (probabilities.astype(np.float64) @ added).astype(np.float32)

    def relabel(self, top_k: pa.ListArray | pa.ChunkedArray) -> pa.ListArray:
        """The column `top_k` of `scores` with new labels: pairs of the same label are added up and sorted again.

        Of equal sums, the one whose first pair came first stays first.
        The probability of labels that are not in `top_k` is not known, so the sums are lower bounds. Raises what
        `new_labels` raises.
        """
        lists = top_k.combine_chunks() if isinstance(top_k, pa.ChunkedArray) else top_k
        rows = np.asarray(pc.list_parent_indices(lists), np.int64)
        pairs = pc.list_flatten(lists)
        known = pc.struct_field(pairs, "genre").dictionary_encode()
        labels = known.dictionary.to_pylist()
        new = self.new_labels(labels)
        code = np.array([new.index(self.mapped[label]) for label in labels], np.int64)[np.asarray(known.indices)]
        groups, first, group_of = np.unique(rows * max(1, len(new)) + code, return_index=True, return_inverse=True)
        summed = np.bincount(group_of, np.asarray(pc.struct_field(pairs, "probability"), np.float64), len(groups))
        row, code = groups // max(1, len(new)), groups % max(1, len(new))
        order = np.lexsort((first, -summed, row))
        kind = lists.type.value_type
        values = [pa.array(new, pa.string()).take(pa.array(code[order])), pa.array(summed[order], pa.float32())]
        starts = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=len(lists)))])
        new_pairs = pa.StructArray.from_arrays(values, fields=list(kind))
        return pa.ListArray.from_arrays(pa.array(starts, pa.int32()), new_pairs, type=lists.type)


def chosen_map(uri: str | None, *, parents: bool) -> TaxonomyMap | None:
    """The map that settings choose: with `parents`, to the broader labels. None without a file.

    Raises UsageError if there are to be parents without a file, and what `read_taxonomy_map` raises.
    """
    if uri is None:
        if parents:
            raise UsageError("parents=true needs a taxonomy map, which names the parents", "set taxonomy=FILE too")
        return None
    mapping = read_taxonomy_map(uri)
    return mapping.to_parents() if parents else mapping


def read_taxonomy_map(uri: str) -> TaxonomyMap:
    """The map in the CSV file at `uri`, with the columns label, mapped and optionally parent.

    Raises UsageError, which names the line at fault, if there is no such file or it is not such a map.
    """
    try:
        text = open_store(uri).read(uri).decode("utf-8-sig")
    except (StorageError, UnicodeDecodeError) as error:
        raise UsageError(f"the taxonomy map {uri} cannot be read: {error}", "give a CSV file in UTF-8") from error
    lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    mapped: dict[str, str] = {}
    parents: dict[str, str] = {}
    try:
        columns = [name.strip() for name in next(lines, [])]
        if tuple(columns) not in (_COLUMNS, _COLUMNS[:2]):
            raise _fault(uri, 1, f"the columns are {', '.join(columns) or 'missing'}")
        for cells in lines:
            if any(cells):
                _add_line(uri, lines.line_num, columns, [cell.strip() for cell in cells], mapped, parents)
    except csv.Error as error:
        raise _fault(uri, lines.line_num, str(error)) from error
    if not mapped:
        raise _fault(uri, 1, "there are no labels")
    return TaxonomyMap(mapped=mapped, parents=parents)


def _add_line(
    uri: str, number: int, columns: list[str], cells: list[str], mapped: dict[str, str], parents: dict[str, str]
) -> None:
    if len(cells) != len(columns) or not all(cells[:2]):
        raise _fault(uri, number, "a label or what it is mapped to is missing, or there are too many cells")
    label, new, parent = [*cells, ""][:3]
    if label in mapped:
        raise _fault(uri, number, f"{label!r} is mapped twice")
    mapped[label] = new
    if parent and parents.setdefault(new, parent) != parent:
        raise _fault(uri, number, f"{new!r} has two parents, {parents[new]!r} and {parent!r}")


def _fault(uri: str, line: int, what: str) -> UsageError:
    return UsageError(f"{uri}, line {line}: {what}", "the columns are label, mapped and, if you like, parent")
