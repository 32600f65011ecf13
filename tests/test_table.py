"""The current answers of an output, as users read them: the rule, models, schema versions, both kinds of storage."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from aiobotocore.client import AioBaseClient
from botocore.client import BaseClient
from hypothesis import given, settings
from hypothesis import strategies as st
from outputs import Outcomes, make_run, write_rows, write_run
from s3_server import S3Server
from sink.test_tables import FRONT_END, described

from genre_batch import table
from genre_batch.catalog.reject import TRANSIENT, RejectReason
from genre_batch.errors import DamageFound, UsageError, UserError
from genre_batch.sink import layout
from genre_batch.sink.tables import features_maker
from genre_batch.storage.local import LocalStore
from genre_batch.storage.open_store import open_store

CORRUPT, GONE = RejectReason.CORRUPT, RejectReason.GONE


def write_runs(output: str, *runs: Outcomes) -> None:
    for day, outcomes in enumerate(runs):
        write_run(open_store(output), output, day, outcomes)


def genres(rows: pd.DataFrame) -> dict[str, str]:
    assert rows["track_id"].is_unique
    return dict(zip(rows["track_id"], rows["genre"], strict=True))


def read_all(output: str, name: str) -> pd.DataFrame:
    files = Path(output, name).rglob("*.parquet")  # without the package
    return pd.concat([pq.read_table(file, partitioning=None).to_pandas() for file in files], ignore_index=True)


CASES: dict[str, tuple[list[Outcomes], dict[str, str]]] = {
    "one run": ([{("a", "v1"): "jazz", ("b", "v1"): "rock"}], {"a": "jazz", "b": "rock"}),
    "a new track": ([{("a", "v1"): "jazz"}, {("b", "v1"): "rock"}], {"a": "jazz", "b": "rock"}),
    "changed bytes": ([{("a", "v1"): "jazz"}, {("a", "v2"): "rock"}], {"a": "rock"}),
    "scored twice": ([{("a", "v1"): "jazz"}, {("a", "v1"): "rock"}], {"a": "rock"}),
    "bad new bytes": ([{("a", "v1"): "jazz"}, {("a", "v2"): CORRUPT}], {}),
    "bad for a while": ([{("a", "v1"): "jazz"}, {("a", "v2"): CORRUPT}, {("a", "v3"): "pop"}], {"a": "pop"}),
    "new bytes unreadable for now": ([{("a", "v1"): "jazz"}, {("a", "v2"): GONE}], {"a": "jazz"}),
    "bad, then unreadable": ([{("a", "v1"): "jazz"}, {("a", "v2"): CORRUPT}, {("a", "v3"): GONE}], {}),
    "a retry succeeds": ([{("a", "v1"): CORRUPT}, {("a", "v1"): "jazz"}], {"a": "jazz"}),
    "rejected by one of two runs": ([{("a", "v1"): "jazz"}, {("a", "v1"): CORRUPT}], {"a": "jazz"}),
    "never scored": ([{("a", "v1"): CORRUPT}], {}),
}


@pytest.mark.parametrize("case", CASES)
def test_each_track_has_the_answer_of_its_newest_outcome(tmp_path: Path, case: str) -> None:
    runs, current = CASES[case]
    write_runs(str(tmp_path), *runs)
    assert genres(table.latest(tmp_path)) == current


def expected(runs: list[Outcomes]) -> dict[str, tuple[str, str]]:
    """The rule, track by track: (etag, genre) of what is current."""
    flat = [(*key, outcome) for outcomes in runs for key, outcome in sorted(outcomes.items())]
    answered = {(track, etag) for track, etag, outcome in flat if not isinstance(outcome, RejectReason)}
    newest: dict[str, tuple[str, str] | None] = {}
    for track, etag, outcome in flat:
        if not isinstance(outcome, RejectReason):
            newest[track] = etag, outcome
        elif outcome not in TRANSIENT and (track, etag) not in answered:
            newest[track] = None
    return {track: answer for track, answer in newest.items() if answer is not None}


OUTCOME = st.sampled_from(["jazz", "rock", CORRUPT, GONE])
RUN = st.dictionaries(st.sampled_from("abcde"), st.tuples(st.sampled_from(["v1", "v2", "v3"]), OUTCOME), min_size=1)


@pytest.mark.slow
@settings(max_examples=60)
@given(st.lists(RUN, min_size=1, max_size=5))
def test_any_history_has_the_same_current_rows_by_every_way(
    history: list[dict[str, tuple[str, str | RejectReason]]],
) -> None:
    runs = [{(track, etag): outcome for track, (etag, outcome) in run.items()} for run in history]
    with tempfile.TemporaryDirectory() as output:
        write_runs(output, *runs)
        wanted, rows = expected(runs), table.latest(output)
        found = zip(rows["track_id"], rows["etag"], rows["genre"], strict=True)
        assert sorted(found) == sorted((track, *answer) for track, answer in wanted.items())
        left = table.unanswered(output).to_table(["track_id"])["track_id"].to_pylist()
        assert sorted([*left, *wanted]) == sorted({track for run in history for track in run})
        has_rejects = Path(output, "rejects").exists()
        kept = table.dedupe(read_all(output, "scores"), read_all(output, "rejects") if has_rejects else None)
        assert sorted(kept["track_id"]) == sorted(wanted)
        assert kept.set_index("track_id")["etag"].to_dict() == {track: etag for track, (etag, _) in wanted.items()}


def test_dedupe_keeps_rows_as_they_are(tmp_path: Path) -> None:
    later = {("a", "v3"): GONE, ("b", "v2"): CORRUPT}
    write_runs(str(tmp_path), {("a", "v1"): "jazz", ("b", "v1"): "rock"}, {("a", "v2"): "pop"}, later)
    scores, rejects = read_all(str(tmp_path), "scores"), read_all(str(tmp_path), "rejects")
    shuffled = scores.sample(frac=1, random_state=3)
    assert table.dedupe(shuffled).equals(shuffled[shuffled["genre"] != "jazz"])
    assert table.dedupe(shuffled, rejects).equals(shuffled[shuffled["genre"] == "pop"])
    assert table.dedupe(scores.head(0)).empty


@pytest.fixture(params=["local", "s3", pytest.param("radosgw", marks=[pytest.mark.radosgw, pytest.mark.slow])])
def output(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Where an output goes. On S3, whose environment is that of a user who has never heard of checksums."""
    if request.param == "local":
        return str(tmp_path / "table")
    server: S3Server = request.getfixturevalue("moto_s3" if request.param == "s3" else "radosgw")
    monkeypatch.delenv("AWS_REQUEST_CHECKSUM_CALCULATION", raising=False)
    return f"s3://{server.new_bucket()}/genres"


def test_the_table_is_read_from_both_kinds_of_storage(output: str) -> None:
    write_runs(output, {("a", "v1"): "jazz", ("b", "v1"): "rock"}, {("a", "v2"): "pop", ("c", "v1"): CORRUPT})
    rows = table.latest(output)
    assert genres(rows) == {"a": "pop", "b": "rock"}
    assert rows.columns.tolist() == [*pq.read_schema(one_file(output)).names, "model", "dt"]
    assert str(rows["event_timestamp"].dtype) == "datetime64[us, UTC]"
    assert set(rows["model"]) == {"mel-cnn-1"}
    assert rows.set_index("track_id")["dt"].to_dict() == {"b": "2026-11-21", "a": "2026-11-22"}
    assert list(rows["top_k"][0]) == [{"genre": "rock", "probability": 0.75}, {"genre": "other", "probability": 0.25}]
    write_run(open_store(output), output, 2, {("b", "v2"): "blues"})
    assert genres(table.latest(output)) == {"a": "pop", "b": "blues"}


def one_file(output: str) -> pa.BufferReader:
    store = open_store(output)
    uri = next(found.uri for found in store.list(f"{output}/scores/") if found.uri.endswith(".parquet"))
    return pa.BufferReader(store.read(uri))


def test_the_records_of_runs_are_never_read(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    output = f"s3://{bucket}/genres"
    write_runs(output, {("a", "v1"): "jazz"}, {("a", "v2"): CORRUPT, ("b", "v1"): "pop"})
    seen: list[str] = []
    for client in (BaseClient, AioBaseClient):
        call = client._make_api_call

        def noted(self: object, name: str, request: dict[str, str], call: Callable[..., object] = call) -> object:
            seen.append(request.get("Prefix", request.get("Key", "")))
            return call(self, name, request)

        monkeypatch.setattr(client, "_make_api_call", noted)
    assert genres(table.latest(output)) == {"b": "pop"}
    assert {"genres/_latest.json", "genres/scores/"} <= set(seen)
    assert len([key for key in seen if key.endswith(".parquet")]) >= 3
    # a listing of the output itself would go through the records of all runs
    assert not [key for key in seen if key.startswith("genres/_runs") or key in ("", "genres", "genres/")]


@pytest.fixture
def two_models(tmp_path: Path) -> str:
    output = str(tmp_path / "table")
    write_run(LocalStore(), output, 0, {("a", "v1"): "jazz"}, model_id="old-1", fingerprint="1" * 64)
    write_run(LocalStore(), output, 1, {("a", "v1"): "rock"}, model_id="new-2", fingerprint="2" * 64)
    write_run(LocalStore(), output, 2, {("b", "v1"): "pop"}, model_id="new-2", fingerprint="2" * 64)
    return output


def test_models_are_never_mixed_and_the_newest_finished_run_names_the_one_that_is_served(two_models: str) -> None:
    assert genres(table.latest(two_models)) == {"a": "rock", "b": "pop"}
    assert genres(table.latest(two_models, model="old-1")) == {"a": "jazz"}
    assert table.dataset(two_models, "new-2").count_rows() == 2


def test_only_served_runs_are_read(two_models: str, monkeypatch: pytest.MonkeyPatch) -> None:
    served = table.Served("scores", "new-2", runs=frozenset({make_run(2, 1).run_id}))
    monkeypatch.setattr(table, "served_rows", lambda *_: served)
    assert genres(table.latest(two_models)) == {"b": "pop"}


def test_an_unknown_model_is_answered_with_those_that_there_are(two_models: str) -> None:
    with pytest.raises(UsageError, match="no model 'old'") as error:
        table.latest(two_models, model="old")
    assert error.value.hint == "there are new-2, old-1"


def test_before_the_first_run_has_finished_a_model_has_to_be_named(two_models: str) -> None:
    Path(two_models, layout.LATEST).unlink()
    with pytest.raises(UsageError, match=r"no run at .* has finished") as error:
        table.latest(two_models)
    assert "new-2, old-1" in error.value.hint
    assert len(table.latest(two_models, model="old-1")) == 1


@pytest.mark.parametrize("kind", ["missing", "empty", "the table itself"])
def test_a_place_without_a_table_is_named(two_models: str, tmp_path: Path, kind: str) -> None:
    (tmp_path / "empty").mkdir()
    place = {"missing": tmp_path / "nowhere", "empty": tmp_path / "empty", "the table itself": f"{two_models}/scores"}
    with pytest.raises(UsageError, match="there is no table at") as error:
        table.latest(place[kind])
    assert str(place[kind]) in str(error.value)


def test_a_missing_bucket_is_named(moto_s3: S3Server) -> None:
    with pytest.raises(UsageError, match="no-such-bucket"):
        table.latest("s3://no-such-bucket/genres")


def test_only_wanted_columns_come_in_the_wanted_order(two_models: str) -> None:
    rows = table.latest(two_models, columns=["genre", "dt", "track_id"])
    assert rows.columns.tolist() == ["genre", "dt", "track_id"]


@pytest.mark.parametrize("filters", [None, [("genr", "==", "jazz")], pc.field("genr") == "jazz"])
def test_an_unknown_column_is_answered_with_the_nearest(two_models: str, filters: table.Filters | None) -> None:
    with pytest.raises(UsageError, match="no column 'genr'") as error:
        table.latest(two_models, columns=None if filters is not None else ["track_id", "genr"], filters=filters)
    assert error.value.hint == "did you mean 'genre'?"
    with pytest.raises(UsageError, match="no column 'x'") as error:
        table.latest(two_models, columns=["x"])
    assert "track_id, uri, etag" in error.value.hint


@pytest.mark.parametrize(
    "filters", [[("genre", "==", "jazz")], [[("genre", "in", ["jazz"])]], pc.field("genre") == "jazz"]
)
def test_filters_choose_among_current_rows_only(tmp_path: Path, filters: table.Filters) -> None:
    write_runs(str(tmp_path), {("a", "v1"): "jazz", ("b", "v1"): "jazz"}, {("a", "v2"): "pop"})
    assert genres(table.latest(tmp_path, filters=filters)) == {"b": "jazz"}


def test_columns_that_came_later_are_null_in_older_rows(tmp_path: Path) -> None:
    write_runs(str(tmp_path), {("a", "v1"): "jazz"}, {("b", "v1"): "rock"}, {("c", "v1"): "pop"})
    newer = next(tmp_path.glob("scores/*/dt=2026-11-22/*.parquet"))
    rows = pq.read_table(newer, partitioning=None)
    pq.write_table(rows.append_column("tempo", pa.array([120.0])), newer)
    found = table.latest(tmp_path).set_index("track_id")
    assert found["tempo"].isna().to_dict() == {"a": True, "b": False, "c": True}
    assert table.latest(tmp_path, filters=[("tempo", ">", 100)])["track_id"].tolist() == ["b"]


def test_features_have_all_segments_of_the_newest_run(tmp_path: Path) -> None:
    facts = {"answers": "features", "model_id": "mlp-1"}
    output, make = str(tmp_path), features_maker(FRONT_END)
    write_rows(LocalStore(), output, make_run(0, 2, **facts), [described(0, 2), described(1, 3)], make_table=make)
    write_rows(LocalStore(), output, make_run(1, 1, **facts), [described(1, 4)], make_table=make)
    rows = table.latest(output, model="mlp-1", columns=["track_id", "segment", "front_end"])
    assert rows.groupby("track_id")["segment"].count().tolist() == [2, 4]
    assert set(rows["front_end"]) == {"mlp-1"}


def test_what_no_run_has_written_is_left_out(tmp_path: Path) -> None:
    write_runs(str(tmp_path), {("a", "v1"): "jazz"})
    (file,) = tmp_path.glob("scores/*/*/*.parquet")
    for name in ("part-00000.parquet", ".genre-batch-00.tmp", "20261121T065212Z-616263-00000000 (copy).parquet"):
        file.with_name(name).write_bytes(file.read_bytes())
    assert genres(table.latest(tmp_path)) == {"a": "jazz"}


@pytest.mark.parametrize("bytes_kept", [0, 100, -9])
def test_a_damaged_file_is_reported(tmp_path: Path, bytes_kept: int) -> None:
    write_runs(str(tmp_path), {("a", "v1"): "jazz"})
    file = next(tmp_path.glob("scores/*/*/*.parquet"))
    file.write_bytes(file.read_bytes()[:bytes_kept])
    with pytest.raises(DamageFound, match=file.name) as error:
        table.latest(tmp_path)
    assert error.value.hint == layout.repair_hint(str(tmp_path))


def test_a_file_that_is_removed_meanwhile_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_runs(str(tmp_path), {("a", "v1"): "jazz"}, {("b", "v1"): "jazz"})
    whole = table.dataset

    def then_removed(*arguments: object) -> object:
        rows = whole(*arguments)  # type: ignore[arg-type]
        next(tmp_path.glob("scores/*/*/*.parquet")).unlink()
        return rows

    monkeypatch.setattr(table, "dataset", then_removed)
    with pytest.raises(UserError, match="was removed while it was read"):
        table.latest(tmp_path)


@pytest.mark.slow
def test_a_table_of_a_thousand_runs_can_be_read(tmp_path: Path) -> None:
    """The expression that leaves superseded rows out has a clause per run."""
    write_run(LocalStore(), str(tmp_path), 0, {("a", "v0"): "jazz"})
    template = pq.read_table(next(tmp_path.glob("scores/*/*/*.parquet")), partitioning=None)
    runs = 1000
    for day in range(1, runs):
        plan = make_run(day, 1)
        rows = template.set_column(2, template.schema.field("etag"), pa.array([f"v{day}"]))
        rows = rows.set_column(rows.column_names.index("run_id"), rows.schema.field("run_id"), pa.array([plan.run_id]))
        path = tmp_path / layout.answers_path(plan, 0)
        path.parent.mkdir(parents=True)
        pq.write_table(rows, path)
    assert table.latest(tmp_path)["etag"].tolist() == [f"v{runs - 1}"]
