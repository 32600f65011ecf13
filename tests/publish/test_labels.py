"""Other labels in the serving table: the map of a publication, kept, checked and taken back."""

from pathlib import Path

import pytest
from outputs import write_run
from publish.histories import OTHER, Place, brief, night, rows, run

from genre_batch import table
from genre_batch.errors import DamageFound, UsageError
from genre_batch.model.taxonomy_map import TaxonomyMap
from genre_batch.publish.labels import keep_labels, labels_path, read_labels
from genre_batch.publish.pointer import read_published
from genre_batch.storage.local import LocalStore


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return LocalStore(), str(tmp_path / "table")


def map_file(folder: Path, **mapped: str) -> str:
    path = folder / f"{'-'.join(mapped.values())}.csv"
    path.write_text("label,mapped\n" + "".join(f"{label},{new}\n" for label, new in mapped.items()))
    return str(path)


def test_a_map_relabels_what_is_served_from_now_on_and_a_rollback_takes_it_back(place: Place, tmp_path: Path) -> None:
    night(place, 0, {"a:v1": "rock", "b:v1": "jazz"})
    run(place)
    loud = map_file(tmp_path, rock="loud", metal="loud", jazz="quiet", other="loud")
    assert run(place, taxonomy=loud).serving_rows == 2
    assert brief(place, 2) == [("a", "loud", False), ("b", "quiet", False)]
    summed = rows(place).query("step > '00000002'").set_index("track_id")
    assert summed["confidence"].tolist() == [1.0, 0.75]
    assert summed["genre_2"].isna().tolist() == [True, False]
    assert run(place, taxonomy=loud).outcome == "unchanged"
    night(place, 1, {"c:v1": "metal"})
    run(place)
    assert brief(place, 3) == [("c", "loud", False)]
    assert table.latest(place[1], columns=["genre"])["genre"].tolist() == ["rock", "jazz", "metal"]
    run(place, rollback=True)
    assert brief(place, 4) == [("c", None, False)]
    run(place, rollback=True)
    assert brief(place, 5) == [("a", "rock", False), ("b", "jazz", False)]
    run(place, taxonomy=loud)
    run(place, taxonomy="none")
    assert brief(place, 7) == [("a", "rock", False), ("b", "jazz", False)]


def test_a_map_without_a_label_is_refused_before_anything_changes(place: Place, tmp_path: Path) -> None:
    night(place, 0, {"a:v1": "rock"})
    run(place)
    with pytest.raises(UsageError, match="no line for 'other'"):
        run(place, taxonomy=map_file(tmp_path, rock="loud"))
    now = read_published(*place)
    assert now is not None
    assert (now.number, now.taxonomy) == (1, None)
    kept = map_file(tmp_path, rock="loud", other="loud")
    run(place, taxonomy=kept)
    night(place, 1, {"b:v1": "polka"}, **OTHER)
    with pytest.raises(UsageError, match="no line for 'polka'"):
        run(place, model="other-1")
    write_run(*place, 2, {("b", "v1"): "rock"})
    assert run(place).serving_rows == 1


def test_a_kept_map_is_read_as_it_was(place: Place) -> None:
    mapping = TaxonomyMap(mapped={"rock": "loud"})
    keep_labels(*place, mapping)
    keep_labels(*place, mapping)
    assert read_labels(*place, labels_path(mapping)) == mapping
    Path(place[1], labels_path(mapping)).write_text("{}")
    with pytest.raises(DamageFound):
        read_labels(*place, labels_path(mapping))
