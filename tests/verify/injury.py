"""Damage to a local output, as storage, people and faulty programs cause it."""

import hashlib
import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from genre_batch.sink import layout
from genre_batch.sink.plan import RunPlan

Injury = Callable[[Path, RunPlan, random.Random], None]


def files_of(output: Path) -> list[Path]:
    """All files of an output except locks."""
    return sorted(path for path in output.rglob("*") if path.is_file() and not path.name.startswith(".genre-batch"))


def flip(path: Path, rng: random.Random) -> None:
    """Change one bit of a file."""
    data = bytearray(path.read_bytes())
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    path.write_bytes(data)


def flipped(pattern: str) -> Injury:
    return lambda output, plan, rng: flip(rng.choice(sorted(output.glob(_of(pattern, plan)))), rng)


def cut(pattern: str) -> Injury:
    def injure(output: Path, plan: RunPlan, rng: random.Random) -> None:
        path = rng.choice(sorted(output.glob(_of(pattern, plan))))
        path.write_bytes(path.read_bytes()[: rng.randrange(path.stat().st_size)])

    return injure


def gone(pattern: str) -> Injury:
    return lambda output, plan, rng: rng.choice(sorted(output.glob(_of(pattern, plan)))).unlink()


def extra_file(output: Path, plan: RunPlan, rng: random.Random) -> None:
    shutil.copy(output / layout.answers_path(plan, 0), output / layout.answers_path(plan, 77))


def foreign_file(output: Path, plan: RunPlan, rng: random.Random) -> None:
    path = (output / layout.answers_path(plan, 0)).with_name("part-0.parquet")
    path.write_bytes((output / layout.answers_path(plan, 0)).read_bytes())


def extra_marker(output: Path, plan: RunPlan, rng: random.Random) -> None:
    shutil.copy(output / layout.commit_path(plan.run_id, 0), output / layout.commit_path(plan.run_id, 88))


def swapped(output: Path, plan: RunPlan, rng: random.Random) -> None:
    first, second = (output / layout.answers_path(plan, shard) for shard in (0, 1))
    one, other = first.read_bytes(), second.read_bytes()
    first.write_bytes(other)
    second.write_bytes(one)


def pointer_to_nowhere(output: Path, plan: RunPlan, rng: random.Random) -> None:
    path = output / layout.LATEST
    path.write_text(path.read_text().replace(plan.run_id, "20270101T000000Z-abcdef"))


def old_pointer(output: Path, plan: RunPlan, rng: random.Random) -> None:
    path = output / layout.LATEST
    path.write_text(path.read_text().replace(plan.run_id, "20261121T065212Z-000000"))


def head_to_nowhere(output: Path, plan: RunPlan, rng: random.Random) -> None:
    (path,) = (output / layout.HEADS_FOLDER).glob("*.json")
    path.write_text(path.read_text().replace(plan.run_id, "20270101T000000Z-abcdef"))


def edited(change: Callable[[pa.Table], pa.Table]) -> Injury:
    """An edit that hides itself: the hashes in the marker and the manifest are changed to fit."""

    def injure(output: Path, plan: RunPlan, rng: random.Random) -> None:
        rewrite(output, plan, 0, change)

    return injure


def rewrite(output: Path, plan: RunPlan, shard: int, change: Callable[[pa.Table], pa.Table]) -> None:
    path = layout.answers_path(plan, shard)
    table = change(pq.read_table(output / path))
    pq.write_table(table, output / path, compression="zstd", write_page_checksum=True)
    data = (output / path).read_bytes()
    facts = {"rows": table.num_rows, "size_bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    for record in (layout.commit_path(plan.run_id, shard), layout.manifest_path(plan.run_id)):
        tree = json.loads((output / record).read_text())
        tree["files"] = [file | facts if file["path"] == path else file for file in tree["files"]]
        (output / record).write_text(json.dumps(tree, indent=1, ensure_ascii=False) + "\n")


def more_confident(table: pa.Table) -> pa.Table:
    place = table.column_names.index("confidence")
    return table.set_column(
        place, table.field("confidence"), pc.multiply(table["confidence"], pa.scalar(0.9, "float32"))
    )


def doubled_row(table: pa.Table) -> pa.Table:
    return pa.concat_tables([table.slice(0, 1), table]).replace_schema_metadata(table.schema.metadata)


def lost_row(table: pa.Table) -> pa.Table:
    return table.slice(1)


def other_etag(table: pa.Table) -> pa.Table:
    place = table.column_names.index("etag")
    return table.set_column(place, table.field("etag"), pa.array(["v9"] * table.num_rows))


def other_run(table: pa.Table) -> pa.Table:
    return table.replace_schema_metadata({**table.schema.metadata, b"fingerprint": b"0" * 64})


def _of(pattern: str, plan: RunPlan) -> str:
    return pattern.replace("RUN", plan.run_id)


DATA, REJECTS = "scores/*/*/RUN-*.parquet", "rejects/*/*/RUN-*.parquet"
MARKER, LISTING = "_runs/RUN/commits/*.json", "_runs/RUN/listing/part-*.parquet"
RECORDS = {name: f"_runs/RUN/{name}" for name in ("plan.json", "manifest.json", "config.yaml")}

REPAIRABLE: dict[str, Injury] = {
    "bit of scores": flipped(DATA),
    "bit of rejects": flipped(REJECTS),
    "bit of a marker": flipped(MARKER),
    "bit of the manifest": flipped(RECORDS["manifest.json"]),
    "bit of the plan": flipped(RECORDS["plan.json"]),
    "bit of the pointer": flipped("_latest.json"),
    "bit of the head": flipped("_runs/_heads/*.json"),
    "cut scores": cut(DATA),
    "cut rejects": cut(REJECTS),
    "cut marker": cut(MARKER),
    "cut manifest": cut(RECORDS["manifest.json"]),
    "cut plan": cut(RECORDS["plan.json"]),
    "missing scores": gone(DATA),
    "missing rejects": gone(REJECTS),
    "missing marker": gone(MARKER),
    "missing manifest": gone(RECORDS["manifest.json"]),
    "missing plan": gone(RECORDS["plan.json"]),
    "missing pointer": gone("_latest.json"),
    "missing head": gone("_runs/_heads/*.json"),
    "extra file": extra_file,
    "foreign file": foreign_file,
    "extra marker": extra_marker,
    "swapped files": swapped,
    "pointer to nowhere": pointer_to_nowhere,
    "old pointer": old_pointer,
    "head to nowhere": head_to_nowhere,
    "edited confidence": edited(more_confident),
    "doubled row": edited(doubled_row),
    "lost row": edited(lost_row),
    "other etag": edited(other_etag),
    "other fingerprint": edited(other_run),
}
"""Kinds of damage that can be repaired."""

UNREPAIRABLE: dict[str, Injury] = {
    "bit of the listing": flipped(LISTING),
    "bit of the listing's index": flipped("_runs/RUN/listing/listing.json"),
    "missing part of the listing": gone(LISTING),
    "missing listing": gone("_runs/RUN/listing/listing.json"),
    "bit of the settings": flipped(RECORDS["config.yaml"]),
    "missing settings": gone(RECORDS["config.yaml"]),
}
"""Kinds of damage to what has no second copy."""
