"""A table whose first runs were written by a version with fewer columns: it stays whole, resumable and readable.

golden/output_v1.zip holds a catalog and its table as that version wrote them; golden/make_output_v1.py says how.
"""

import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import audio_samples
import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from s3_server import S3Server

from genre_batch import table
from genre_batch.config import ScoreConfig
from genre_batch.pipeline import score
from genre_batch.sink.schema import REJECTS, SCHEMA_VERSION, SCORES
from genre_batch.storage.open_store import open_store
from genre_batch.verify.gc import collect_garbage
from genre_batch.verify.repair import verify_and_repair
from genre_batch.verify.verify_config import GcConfig, VerifyConfig

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

BUCKET = "genre-batch-v1"
SOURCE, OUTPUT = f"s3://{BUCKET}/music", f"s3://{BUCKET}/table"
UNFINISHED = "20261129T004044Z-9e5f7c"
ARCHIVE = Path(__file__).parent / "golden" / "output_v1.zip"
BUNDLE = "cheap"
"""The default bundle of the version that wrote the archive."""
ADDED = {"sample_rate", "channels", "embedding", "in_scope", "tags"}


@pytest.fixture(scope="module")
def old_output(moto_s3: S3Server) -> S3Server:
    """The bucket of the archive, as it was."""
    moto_s3.client.create_bucket(Bucket=BUCKET)
    with zipfile.ZipFile(ARCHIVE) as archive:
        for name in archive.namelist():
            moto_s3.client.put_object(Bucket=BUCKET, Key=name, Body=archive.read(name))
    return moto_s3


def objects() -> dict[str, bytes]:
    store = open_store(OUTPUT)
    return {found.uri.removeprefix(f"{OUTPUT}/"): store.read(found.uri) for found in store.list(f"{OUTPUT}/")}


def check_whole(runs: int, unfinished: int) -> None:
    """`verify --repair` finds no damage and does nothing, and `gc` has nothing to remove."""
    before = objects()
    report = verify_and_repair(VerifyConfig(output=OUTPUT, repair=True))
    assert (report.runs, report.unfinished, report.damage, report.repair) == (runs, unfinished, 0, None)
    assert set(report.counts) == ({"unfinished"} if unfinished else set())
    assert collect_garbage(GcConfig(output=OUTPUT, min_age_h=0.0)).leftovers == ()
    assert objects() == before


@pytest.fixture(scope="module")
def resumed(old_output: S3Server) -> S3Server:
    """The same, after the unfinished run was finished: its parts are all staged, so that no actor is needed."""
    check_whole(runs=4, unfinished=1)
    report = score(ScoreConfig(source=SOURCE, output=OUTPUT, bundle=BUNDLE))
    assert (report.run_id, report.resumed, report.scored) == (UNFINISHED, True, 8)
    return old_output


def test_an_unfinished_run_is_finished_in_the_version_that_it_began_with(resumed: S3Server) -> None:
    check_whole(runs=4, unfinished=0)
    files = {path: data for path, data in objects().items() if path.startswith("scores/")}
    tables = {path: pq.read_table(io.BytesIO(data)) for path, data in files.items()}
    (old,) = {table.schema.remove_metadata() for table in tables.values()}
    assert set(SCORES.names) - set(old.names) == ADDED
    metadata = [table.schema.metadata for path, table in tables.items() if UNFINISHED in path]
    assert [each[b"output_schema_version"] for each in metadata] == [b"1", b"1"]


@pytest.fixture(scope="module")
def grown(resumed: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The table on this machine after a nightly run over one new track and one that has changed."""
    for name in ("new", "mp3"):
        sound = audio_samples.chirp(1.2, 16_000, 2, seed=9)
        resumed.client.put_object(
            Bucket=BUCKET, Key=f"music/{name}.bin", Body=audio_samples.encode(sound, 16_000, "mp3")
        )
    before = objects()
    command = [sys.executable, "-m", "genre_batch", "score", SOURCE, OUTPUT, "--set", f"bundle={BUNDLE}", "--json"]
    environment = os.environ | {"RAY_ADDRESS": "local"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["listed"], report["skipped"], report["scored"], report["resumed"]) == (18, 16, 2, False)
    after = objects()
    changed = {path.rpartition("/")[0] for path, data in before.items() if after[path] != data}
    assert changed == {"", "_runs/_heads"}, "only the pointers move"
    check_whole(runs=5, unfinished=0)
    folder = tmp_path_factory.mktemp("grown")
    for path, data in after.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


def test_a_new_run_has_the_newest_version(grown: Path) -> None:
    plans = [json.loads(path.read_text()) for path in sorted(grown.glob("_runs/*/plan.json"))]
    assert [plan.get("schema_version", 1) for plan in plans] == [1, 1, 1, 1, SCHEMA_VERSION]


def test_pyarrow_reads_both_versions(grown: Path) -> None:
    dataset = ds.dataset(grown / "scores", schema=SCORES)
    check_scores(dataset.to_table().to_pandas())
    assert ds.dataset(grown / "rejects", schema=REJECTS).to_table().num_rows == 6


def test_pandas_reads_both_versions(grown: Path) -> None:
    check_scores(pd.read_parquet(grown / "scores", schema=SCORES))
    plain = pd.read_parquet(grown / "scores")
    assert len(plain) == 18
    assert set(SCORES.names) - set(plain.columns) <= ADDED


def test_duckdb_reads_both_versions(grown: Path) -> None:
    query = "select * from read_parquet($files, union_by_name = true, hive_partitioning = true)"
    frame = duckdb.execute(query, {"files": str(grown / "scores/*/*/*.parquet")}).df()
    assert set(frame.columns) == {*SCORES.names, "model", "dt"}
    check_scores(frame)


def test_the_current_answers_come_from_both_versions(grown: Path) -> None:
    rows, answers = table.latest(grown), table.dataset(grown)
    assert len(rows) == rows["track_id"].nunique() == 16
    assert rows["channels"].isna().sum() == 14
    assert sorted(rows.loc[rows["channels"] == 2, "uri"]) == [f"{SOURCE}/mp3.bin", f"{SOURCE}/new.bin"]
    columns = ["track_id", "etag", "run_id"]
    found = duckdb.sql("select track_id, etag, run_id from answers").fetchall()
    assert sorted(found) == sorted(answers.to_table(columns).to_pandas().itertuples(index=False, name=None))


def check_scores(frame: pd.DataFrame) -> None:
    """18 rows, of which two are of the new version; the others have nulls in the added columns."""
    assert len(frame) == 18
    new = frame[frame["sample_rate"].notna()]
    assert sorted(new["uri"]) == [f"{SOURCE}/mp3.bin", f"{SOURCE}/new.bin"]
    assert new["sample_rate"].tolist() == [16_000, 16_000]
    assert new["channels"].tolist() == [2, 2]
    assert frame.drop(columns=[*ADDED, "genre"]).notna().all().all()


def test_the_added_columns_are_nullable() -> None:
    assert {field.name for field in SCORES if field.nullable} == ADDED | {"genre"}
    assert pa.types.is_integer(SCORES.field("channels").type)
