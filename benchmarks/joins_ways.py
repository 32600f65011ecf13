"""The ways of joining that `joins.py` compares: ours, DuckDB's and pyarrow's, over the runs of `joins_data.py`."""

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from joins_data import CATALOG

from genre_batch.catalog.track_table import SCHEMA
from genre_batch.history.anti_join import new_rows
from genre_batch.history.past_outcomes import done_runs, retryable_reasons
from genre_batch.sink import layout
from genre_batch.sink.ledger import Ledger
from genre_batch.sink.parquet import read_columns
from genre_batch.sink.plan import RunPlan, read_plan, run_ids
from genre_batch.sink.schema import REJECTS
from genre_batch.storage.local import LocalStore
from genre_batch.verify.findings import Findings
from genre_batch.verify.scored_twice import AnsweredKeys

KEY = ["track_id", "etag"]
KEYS = pa.schema([SCHEMA.field(name) for name in KEY])
AGAIN = retryable_reasons(())
SMALL = "1GB"
CHECKED = ds.ParquetFileFormat(
    default_fragment_scan_options=ds.ParquetFragmentScanOptions(page_checksum_verification=True)
)
Pairs = Counter[tuple[str, str]]


def catalog(folder: Path) -> pa.RecordBatchReader:
    """The catalog, in batches as a listing has them."""
    file = pq.ParquetFile(folder / CATALOG, page_checksum_verification=True)
    return pa.RecordBatchReader.from_batches(SCHEMA, file.iter_batches(1024, use_threads=False))


def first_plan(folder: Path) -> RunPlan:
    """The plan of the oldest run."""
    output = str(folder / "output")
    return read_plan(LocalStore(), output, next(run_ids(LocalStore(), output)))


class Outcomes:
    """The outcomes of all runs, read as ours are. Answers are passed on; rejects are few and kept, oldest first."""

    def __init__(self, runs: list[Iterator[pa.RecordBatch]]) -> None:
        self._runs = runs
        self.rejects: list[pa.RecordBatch] = []

    def answers(self) -> pa.RecordBatchReader:
        """Keys of all answers."""
        return pa.RecordBatchReader.from_batches(KEYS, self._answers())

    def _answers(self) -> Iterator[pa.RecordBatch]:
        for run in self._runs:
            for batch in run:
                answered = pc.is_null(batch["reason"])
                self.rejects.append(batch.filter(pc.invert(answered)))
                keys = batch.filter(answered)
                yield pa.RecordBatch.from_arrays([keys[name] for name in KEY], schema=KEYS)

    def final(self) -> pa.Table:
        """Keys of the tracks whose newest reject is final; call it when all answers are read."""
        return final_rejects(pa.Table.from_batches(self.rejects))


def final_rejects(rejects: pa.Table) -> pa.Table:
    """The keys whose last row has a reason that is final."""
    newest = rejects.group_by(KEY, use_threads=False).aggregate([("reason", "last")])
    return newest.filter(pc.invert(pc.is_in(newest["reason_last"], pa.array(AGAIN)))).select(KEY)


def without_final(left: pa.Table, final: pa.Table) -> pa.Table:
    """The rows of `left` without those keys, in order."""
    return left.join(final, KEY, join_type="left anti").sort_by("track_id")


def left_by(folder: Path, join: Callable[[Path, Outcomes], pa.Table]) -> pa.Table:
    """What a join leaves that reads through our reader: committed shards only, checksums verified, damage named."""
    plan = first_plan(folder)
    with done_runs(LocalStore(), str(folder / "output"), plan.model_id, plan.fingerprint) as runs:
        return join(folder, Outcomes(list(runs.values())))


def anti_reading(folder: Path) -> None:
    """No join: what reading both sides takes."""
    plan = first_plan(folder)
    with done_runs(LocalStore(), str(folder / "output"), plan.model_id, plan.fingerprint) as runs:
        for stream in (catalog(folder), *runs.values()):
            for _ in stream:
                pass


def anti_ours(folder: Path) -> pa.Table:
    """Sorted streams, compared by blocks."""
    plan = first_plan(folder)
    with done_runs(LocalStore(), str(folder / "output"), plan.model_id, plan.fingerprint) as runs:
        return pa.Table.from_batches(new_rows(catalog(folder), runs, AGAIN), SCHEMA)


def anti_duckdb(memory: str) -> Callable[[Path], pa.Table]:
    """DuckDB over our readers."""

    def join(folder: Path, found: Outcomes) -> pa.Table:
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            connection = connect(memory, scratch)
            connection.register("catalog", catalog(folder)).register("answers", found.answers())
            left = connection.sql("FROM catalog ANTI JOIN answers USING (track_id, etag)").to_arrow_table()
            return without_final(left, found.final())

    return lambda folder: left_by(folder, join)


def anti_duckdb_files(folder: Path) -> pa.Table:
    """DuckDB over the committed files themselves: no checksums."""
    answers, rejects = committed_files(folder)
    sql = """
        WITH final AS (
            FROM (FROM read_parquet($rejects) SELECT track_id, etag, arg_max(reason, parse_filename(filename)) AS reason
                  GROUP BY ALL)
            SELECT track_id, etag WHERE NOT list_contains($again, reason))
        FROM read_parquet($catalog)
        ANTI JOIN (FROM read_parquet($answers) SELECT track_id, etag UNION ALL FROM final) USING (track_id, etag)
        ORDER BY track_id"""
    given = {"answers": answers, "rejects": rejects, "again": sorted(AGAIN), "catalog": str(folder / CATALOG)}
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        return connect("", scratch).sql(sql, params=given).to_arrow_table()


def anti_arrow(folder: Path) -> pa.Table:
    """Table.join, all in memory."""

    def join(folder: Path, found: Outcomes) -> pa.Table:
        answers = found.answers().read_all()
        return without_final(catalog(folder).read_all().join(answers, KEY, join_type="left anti"), found.final())

    return left_by(folder, join)


def anti_dataset(folder: Path) -> pa.Table:
    """Dataset.join over the committed files: checksums verified, but an error does not say in which file."""
    answers, rejects = committed_files(folder)
    keys = ds.dataset(answers, KEYS, CHECKED)
    reasons = ds.dataset(rejects, KEYS.append(REJECTS.field("reason")), CHECKED).to_table()
    left = ds.dataset(folder / CATALOG, format=CHECKED).join(keys, KEY, join_type="left anti").to_table()
    return without_final(left, final_rejects(reasons))


def connect(memory: str, scratch: str, database: str = ":memory:"):
    """A DuckDB with this memory limit ("": its default), which spills to `scratch`."""
    import duckdb

    limit = {"memory_limit": memory} if memory else {}
    return duckdb.connect(database, config=limit | {"temp_directory": scratch, "preserve_insertion_order": "false"})


def committed_files(folder: Path) -> tuple[list[str], list[str]]:
    """Files of answers and of rejects that a marker of our model names, oldest run first."""
    output, model = str(folder / "output"), first_plan(folder).fingerprint
    plans = [read_plan(LocalStore(), output, run_id) for run_id in run_ids(LocalStore(), output)]
    records = [
        each for plan in plans if plan.fingerprint == model for each in Ledger(LocalStore(), output, plan).records()
    ]
    paths = [layout.at(output, file.path) for record in records for file in record.files]
    return [path for path in paths if "/scores/" in path], [path for path in paths if "/rejects/" in path]


def answered(folder: Path) -> Iterator[tuple[RunPlan, str, pa.Table]]:
    """The keys of each committed file of answers, of all models, as `verify` meets them."""
    output = str(folder / "output")
    for run_id in run_ids(LocalStore(), output):
        plan = read_plan(LocalStore(), output, run_id)
        for record in Ledger(LocalStore(), output, plan).records():
            path = record.files[0].path
            yield plan, path, read_columns(LocalStore().read(layout.at(output, path)), KEY, path)


def twice_reading(folder: Path) -> None:
    """No comparison: what reading the keys takes."""
    for _ in answered(folder):
        pass


def twice_ours(folder: Path) -> Pairs:
    """What `verify` does."""
    findings = Findings()
    with AnsweredKeys() as keys:
        for plan, path, rows in answered(folder):
            keys.add(plan, path, rows)
        keys.check(findings)
    files = [each.message.partition(" are in ")[2].partition(",")[0] for each in findings.kept]
    return Counter({(first, each.path): each.tracks for first, each in zip(files, findings.kept, strict=True)})


def twice_duckdb(memory: str) -> Callable[[Path], Pairs]:
    """Keys in a DuckDB file, grouped."""

    def find(folder: Path) -> Pairs:
        names: list[str] = []
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            connection = connect(memory, scratch, f"{scratch}/keys.duckdb")
            connection.sql("CREATE TABLE keys (model VARCHAR, file INTEGER, track_id VARCHAR, etag VARCHAR)")
            for plan, path, rows in answered(folder):
                connection.register("rows", rows)
                connection.execute(
                    "INSERT INTO keys SELECT ?, ?, track_id, etag FROM rows", [plan.fingerprint, len(names)]
                )
                names.append(path)
            again = "SELECT model, track_id, etag FROM keys GROUP BY ALL HAVING count(*) > 1"
            files = f"SELECT list(file ORDER BY file) FROM keys SEMI JOIN ({again}) USING (model, track_id, etag) "
            return pairs(names, (row[0] for row in connection.sql(files + "GROUP BY model, track_id, etag").fetchall()))

    return find


def twice_arrow(folder: Path) -> Pairs:
    """Table.group_by and Table.join, all in memory."""
    names: list[str] = []
    models: dict[str, list[pa.Table]] = {}
    for plan, path, rows in answered(folder):
        number = pa.repeat(pa.scalar(len(names), pa.int32()), rows.num_rows)
        models.setdefault(plan.fingerprint, []).append(rows.append_column("file", number))
        names.append(path)
    found: Pairs = Counter()
    for tables in models.values():
        keys = pa.concat_tables(tables)
        groups = keys.group_by(KEY).aggregate([("file", "count")])
        again = groups.filter(pc.greater(groups["file_count"], 1)).select(KEY)
        lists = keys.join(again, KEY, join_type="left semi").group_by(KEY).aggregate([("file", "list")])
        found += pairs(names, map(sorted, lists["file_list"].to_pylist()))
    return found


def pairs(names: list[str], files_of_keys: Iterator[list[int]]) -> Pairs:
    """The first file of each key with each later one."""
    return Counter((names[first], names[other]) for first, *others in files_of_keys for other in others)


ANTI: dict[str, Callable[[Path], pa.Table | None]] = {
    "reading alone": anti_reading,
    "ours": anti_ours,
    "duckdb": anti_duckdb(""),
    f"duckdb, {SMALL}": anti_duckdb(SMALL),
    "duckdb, files": anti_duckdb_files,
    "pyarrow Table.join": anti_arrow,
    "pyarrow Dataset.join": anti_dataset,
}
TWICE: dict[str, Callable[[Path], Pairs | None]] = {
    "reading alone": twice_reading,
    "ours": twice_ours,
    "duckdb": twice_duckdb(""),
    f"duckdb, {SMALL}": twice_duckdb(SMALL),
    "pyarrow group_by and Table.join": twice_arrow,
}
