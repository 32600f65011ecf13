"""What a step changes: by example, and for random histories."""

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from outputs import make_run
from publish.histories import OTHER, Place, brief, lacks, night, replayed, rows, run, said
from sink.shard_rows import score

from genre_batch.catalog.reject import RejectReason
from genre_batch.catalog.track import Track
from genre_batch.errors import UsageError
from genre_batch.publish import changes
from genre_batch.publish.pointer import read_published, steps
from genre_batch.sink.finish import finish
from genre_batch.sink.ledger import Ledger
from genre_batch.storage.local import LocalStore

CORRUPT, GONE = RejectReason.CORRUPT, RejectReason.GONE


def test_each_step_adds_the_rows_of_what_it_changed(place: Place) -> None:
    night(place, 0, {"a:v1": "rock", "b:v1": "jazz", "c:v1": "pop", "d:v1": "folk", "x:v1": CORRUPT})
    assert run(place).serving_rows == 4
    assert brief(place, 1) == [
        ("a", "rock", False), ("b", "jazz", False), ("c", "pop", False), ("d", "folk", False)
    ]  # fmt: skip
    second = night(place, 1, {"a:v2": "metal", "c:v2": CORRUPT, "d:v2": GONE, "e:v1": "rock", "x:v2": CORRUPT})
    lacks(place, second.run_id, "b")
    run(place)
    assert brief(place, 2) == [("a", "metal", False), ("b", None, True), ("c", None, False), ("e", "rock", False)]
    assert run(place).serving_rows == 0
    run(place, rollback=True)
    assert brief(place, 3) == [("a", "rock", False), ("b", "jazz", False), ("c", "pop", False), ("e", None, False)]
    night(place, 2, {"a:v2": "blues", "b:v1": "soul"}, **OTHER)
    run(place, model="other-1")
    assert brief(place, 4) == [("a", "blues", False), ("b", "soul", False), ("c", None, False), ("d", None, False)]
    found = rows(place)
    last = found[found["step"].str.startswith("00000004")].set_index("track_id")
    assert set(last["model_id"]) == {"other-1"}
    assert last.loc["a", ["confidence", "genre_2", "confidence_2", "abstained"]].tolist() == [
        0.75,
        "other",
        0.25,
        False,
    ]
    assert last[["genre_3", "confidence_3", "embedding"]].isna().all().all()
    assert last.loc["c", ["genre", "confidence", "genre_2", "abstained", "etag"]].isna().all()
    assert (found["created_timestamp"] >= found["event_timestamp"]).all()
    assert found.groupby("step")["event_timestamp"].nunique().eq(1).all()


def test_a_run_that_does_the_newest_tracks_first_is_served_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "_RANGE_ROWS", 1)
    place = store, output = LocalStore(), str(tmp_path)
    night(place, 0, {"a:v1": "rock", "c:v1": "jazz"})
    run(place)
    plan = make_run(1, 4, shard_tracks=2, order="newest")
    ledger = Ledger(store, output, plan)
    for number, names in enumerate(("cd", "ab")):
        tracks = [Track(name, f"s3://music/{name}", "v2", 1000) for name in names]
        ledger.commit(number, [score(track, "pop") for track in tracks], [])
    finish(store, output, plan, ledger.records())
    run(place)
    assert brief(place, 2) == [(name, "pop", False) for name in "abcd"]
    assert replayed(rows(place)) == said(output)


EVENT = st.one_of(
    st.tuples(
        st.just("night"),
        st.integers(0, 9),
        st.dictionaries(
            st.sampled_from([f"{name}:{etag}" for name in "abcd" for etag in ("v1", "v2")]),
            st.sampled_from(["jazz", "rock", CORRUPT, GONE]),
            min_size=1,
            max_size=5,
        ),
        st.booleans(),
    ),
    st.tuples(st.just("lacks"), st.integers(0, 9), st.sets(st.sampled_from("abcd"), max_size=2)),
    st.sampled_from(["publish", "publish", "other", "again", "rollback", "unwritten"]),
)


@pytest.mark.slow
@settings(max_examples=50)
@given(st.lists(EVENT, min_size=2, max_size=10), st.sampled_from([1, 3, 250_000]))
def test_replaying_the_rows_up_to_a_step_gives_what_the_table_served_then(history: list[Any], range_rows: int) -> None:
    told: dict[str, dict[str, tuple[object, ...]]] = {}
    with tempfile.TemporaryDirectory() as output, pytest.MonkeyPatch.context() as patch:
        patch.setattr(changes, "_RANGE_ROWS", range_rows)
        place = LocalStore(), output
        night(place, 10, {"a:v1": "rock", "b:v1": "jazz"})
        used = {10}
        for event in [*history, "publish"]:
            match event:
                case ("night", day, outcomes, other):
                    if day in used or len({name[0] for name in outcomes}) < len(outcomes):
                        continue
                    used.add(day)
                    night(place, day, outcomes, **(OTHER if other else {}))
                case ("lacks", day, names):
                    lacks(place, f"202611{21 + day}T065212Z-616263", *names)
                case "unwritten":
                    run(place, serving=False)
                case name:
                    flags = {"other": {"model": "other-1"}, "again": {"again": True}, "rollback": {"rollback": True}}
                    try:
                        run(place, **flags.get(name, {}))
                    except UsageError:
                        continue
            now = read_published(*place)
            if now is not None:
                told[now.step] = said(output)
        found = rows(place)
        for step, served in told.items():
            assert replayed(found[found["step"] <= step]) == served
        assert {step.step for step in steps(*place)} == told.keys()
        assert not found.duplicated(["track_id", "step"]).any()
