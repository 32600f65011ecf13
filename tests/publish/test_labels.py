"""Other labels in the serving table: the map of a publication, kept, checked and taken back."""

from pathlib import Path

import pandas as pd
import pytest
from outputs import make_run, write_rows, write_run
from publish.histories import OTHER, Place, brief, night, rows, run
from sink.shard_rows import make_tracks, score
from sink.test_tables import FRONT_END, described

from genre_batch import table
from genre_batch.errors import DamageFound, UsageError
from genre_batch.model.taxonomy_map import TaxonomyMap, read_taxonomy_map
from genre_batch.publish.labels import keep_labels, labels_path, read_labels
from genre_batch.publish.pointer import read_published
from genre_batch.readers.compare import CompareConfig, compare
from genre_batch.sink.tables import features_maker
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


def test_current_answers_can_have_the_labels_that_a_publication_gives(place: Place, tmp_path: Path) -> None:
    night(place, 0, {"a:v1": "rock", "b:v1": "jazz"})
    night(place, 1, {"a:v2": "metal"})
    mapped = map_file(tmp_path, rock="loud", metal="loud", jazz="quiet", other="loud")
    run(place, taxonomy=mapped)
    columns = ["track_id", "genre", "confidence"]
    found = table.latest(place[1], columns=columns, taxonomy=mapped).sort_values("track_id", ignore_index=True)
    pd.testing.assert_frame_equal(found, rows(place)[columns])
    everything = table.latest(place[1], taxonomy=read_taxonomy_map(mapped), filters=[("genre", "==", "quiet")])
    assert everything["top_k"].tolist() == [
        [{"genre": "quiet", "probability": 0.75}, {"genre": "loud", "probability": 0.25}]
    ]
    assert list(everything) == list(table.latest(place[1]))
    assert table.latest(place[1], columns=["etag"], taxonomy=mapped, filters=[("genre", "==", "rock")]).empty
    with pytest.raises(UsageError, match="no column 'genr'"):
        table.latest(place[1], columns=["genr"], taxonomy=mapped)
    with pytest.raises(UsageError, match="no line for 'other'"):
        table.latest(place[1], taxonomy=map_file(tmp_path, metal="loud", jazz="quiet"))


def test_a_publication_and_a_comparison_can_have_the_parents(place: Place, tmp_path: Path) -> None:
    night(place, 0, {"a:v1": "rock", "b:v1": "jazz"})
    file = tmp_path / "parents.csv"
    file.write_text("label,mapped,parent\nrock,guitars,loud\njazz,jazz,\nother,other,\n")
    run(place, taxonomy=str(file), parents=True)
    assert dict(zip(rows(place)["track_id"], rows(place)["genre"], strict=True)) == {"a": "loud", "b": "jazz"}
    night(place, 1, {"a:v1": "rock", "b:v1": "rock"}, **OTHER)
    compared = compare(
        CompareConfig(output=place[1], model_a="mel-cnn-1", model_b="other-1", taxonomy=str(file), parents=True)
    )
    assert {(pair.genre_a, pair.genre_b) for pair in compared.pairs} == {("loud", "loud"), ("jazz", "loud")}
    with pytest.raises(UsageError, match="parents=true needs a taxonomy map"):
        run(place, parents=True)


def test_a_model_that_abstains_does_so_in_any_taxonomy(place: Place) -> None:
    tracks = make_tracks(2)
    write_rows(*place, make_run(0, 2), [score(tracks[0], genre=None), score(tracks[1], confidence=0.25)])
    mapping = TaxonomyMap(mapped={"jazz": "any", "rock": "other"})
    found = table.latest(place[1], columns=["genre", "confidence"], taxonomy=mapping)
    assert found.astype(object).where(found.notna(), None).to_numpy().tolist() == [[None, 0.75], ["other", 0.75]]


def test_features_have_no_labels(place: Place, tmp_path: Path) -> None:
    plan = make_run(0, 1, answers="features", model_id="mlp-1")
    write_rows(*place, plan, [described(0, 2)], make_table=features_maker(FRONT_END))
    with pytest.raises(UsageError, match="features have no labels"):
        table.latest(place[1], taxonomy=map_file(tmp_path, rock="loud"))
