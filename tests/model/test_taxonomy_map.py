"""Maps from one taxonomy to another: files, sums and relabelled pairs."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from genre_batch.errors import UsageError
from genre_batch.model.taxonomy_map import TaxonomyMap, chosen_map, read_taxonomy_map
from genre_batch.sink.schema import SCORES

MAP = TaxonomyMap(
    mapped={"metal": "rock", "punk": "rock", "rock": "rock", "jazz": "jazz", "bebop": "jazz"}, parents={"rock": "loud"}
)
TOP_K = SCORES.field("top_k").type


def top_k(*rows: dict[str, float]) -> pa.ListArray:
    return pa.array([[{"genre": genre, "probability": p} for genre, p in row.items()] for row in rows], TOP_K)


def pairs(column: pa.Array) -> list[list[tuple[str, float]]]:
    return [[(pair["genre"], round(pair["probability"], 5)) for pair in row] for row in column.to_pylist()]


def test_probabilities_of_labels_that_become_one_are_added() -> None:
    labels = ["jazz", "metal", "rock", "bebop"]
    probabilities = np.array([[0.1, 0.2, 0.3, 0.4], [1.0, 0.0, 0.0, 0.0]], np.float32)
    assert MAP.new_labels(labels) == ["jazz", "rock"]
    summed = MAP.sums(probabilities, labels)
    assert summed.dtype == np.float32
    assert summed == pytest.approx(np.array([[0.5, 0.5], [1.0, 0.0]]))


def test_pairs_are_added_and_sorted_again() -> None:
    mapped = MAP.relabel(
        top_k({"jazz": 0.4, "metal": 0.3, "punk": 0.2}, {"bebop": 0.9}, {}, {"rock": 0.5, "jazz": 0.5})
    )
    assert mapped.type == TOP_K
    assert pairs(mapped) == [[("rock", 0.5), ("jazz", 0.4)], [("jazz", 0.9)], [], [("rock", 0.5), ("jazz", 0.5)]]


def test_slices_and_chunks_of_a_column_are_relabelled_too() -> None:
    whole = top_k({"jazz": 0.6}, {"metal": 0.5, "rock": 0.25}, {"punk": 0.7})
    chunked = pa.chunked_array([whole.slice(1, 1), whole.slice(2), whole.slice(0, 0)])
    assert pairs(MAP.relabel(chunked)) == [[("rock", 0.75)], [("rock", 0.7)]]
    assert pairs(MAP.relabel(pa.chunked_array([], TOP_K))) == []


def test_a_label_without_a_line_is_an_error() -> None:
    for relabel in (
        lambda: MAP.new_labels(["jazz", "polka"]),
        lambda: MAP.relabel(top_k({"polka": 0.5})),
        lambda: MAP.sums(np.ones((1, 1), np.float32), ["polka"]),
    ):
        with pytest.raises(UsageError, match="no line for 'polka'") as error:
            relabel()
        assert error.value.hint == "map a label to itself to keep it as it is"
    with pytest.raises(UsageError, match="and 2 more"):
        MAP.check([f"x{number}" for number in range(12)])


def test_parents_take_the_place_of_their_children() -> None:
    assert MAP.to_parents().mapped == {
        "metal": "loud", "punk": "loud", "rock": "loud", "jazz": "jazz", "bebop": "jazz"
    }  # fmt: skip
    with pytest.raises(ValueError, match="'pop' has a parent, but nothing is mapped to it"):
        TaxonomyMap(mapped={"a": "b"}, parents={"pop": "x"})


def test_a_file_is_read_with_and_without_parents(tmp_path: Path) -> None:
    file = tmp_path / "map.csv"
    file.write_bytes('\ufefflabel,mapped,parent\r\nmetal, rock ,loud\r\n\r\n"R&B, soul",soul,\r\n'.encode())
    assert read_taxonomy_map(str(file)) == TaxonomyMap(
        mapped={"metal": "rock", "R&B, soul": "soul"}, parents={"rock": "loud"}
    )
    file.write_text("label,mapped\nmetal,rock\n")
    assert read_taxonomy_map(str(file)) == TaxonomyMap(mapped={"metal": "rock"})


def test_settings_choose_a_map_and_its_parents(tmp_path: Path) -> None:
    file = tmp_path / "map.csv"
    file.write_text("label,mapped,parent\nmetal,rock,loud\njazz,jazz,\n")
    plain, broader = (chosen_map(str(file), parents=parents) for parents in (False, True))
    assert plain is not None
    assert broader is not None
    assert (plain.mapped, broader.mapped) == ({"metal": "rock", "jazz": "jazz"}, {"metal": "loud", "jazz": "jazz"})
    assert chosen_map(None, parents=False) is None
    with pytest.raises(UsageError, match="needs a taxonomy map"):
        chosen_map(None, parents=True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: the columns are missing"),
        ("genre,mapped\n", "line 1: the columns are genre, mapped"),
        ("label,mapped\n", "line 1: there are no labels"),
        ("label,mapped\na,b\na,c\n", "line 3: 'a' is mapped twice"),
        ("label,mapped\na,\n", "line 2: a label or what it is mapped to is missing"),
        ("label,mapped\na,b,c\n", "line 2: .*too many cells"),
        ("label,mapped,parent\na,b,c\nd,b,e\n", "line 3: 'b' has two parents, 'c' and 'e'"),
        ('label,mapped\n"a,b\n', "line 2: "),
    ],
)
def test_a_fault_is_named_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "map.csv"
    file.write_text(text)
    with pytest.raises(UsageError, match=message):
        read_taxonomy_map(str(file))


def test_a_missing_file_and_one_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "map.csv").write_bytes(b"\xff\xfe")
    for name in ("map.csv", "none.csv"):
        with pytest.raises(UsageError, match=f"the taxonomy map .*{name} cannot be read"):
            read_taxonomy_map(str(tmp_path / name))
