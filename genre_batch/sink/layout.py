"""Where things lie below OUTPUT. All paths are relative to it, so that a table can be copied as a whole.

Athena and Spark skip names that begin with `_`: only committed-or-about-to-be rows are visible to them.
"""

import pyarrow as pa
import pyarrow.compute as pc

from genre_batch.sink.run_facts import RunFacts
from genre_batch.storage.uri import encoded_uri, is_s3

LATEST = "_latest.json"
RUNS_FOLDER = "_runs/"
HEADS_FOLDER = f"{RUNS_FOLDER}_heads/"
_ENCODED = "file:///"
_SHARD_DIGITS = 8
_ROW_DIGITS = 12
_OWN = ("scores/model=", "features/front_end=", "rejects/model=", "rejects/front_end=", RUNS_FOLDER, LATEST)


def at(output: str, path: str) -> str:
    """The URI of `path` below `output`. On this machine a path that is not UTF-8 is called by its whole URI."""
    if path.startswith(_ENCODED) and not is_s3(output):
        return path
    return f"{output.rstrip('/')}/{path}"


def as_name(output: str, path: str) -> str:
    """`path` below `output` as a name in another folder: what is not UTF-8 stays percent-encoded."""
    return path.removeprefix(encoded_uri(at(output, ""))) if at(output, path) == path else path


def is_own(output: str, uri: str) -> bool:
    """Whether an object below `output` was written by a run, and is no user's."""
    return uri.startswith(_own_prefixes(output))


def are_own(output: str, uris: pa.Array) -> pa.Array:
    """The same of each of `uris`."""
    own = pa.repeat(False, len(uris))
    for prefix in _own_prefixes(output):
        own = pc.or_(own, pc.starts_with(uris, prefix))
    return own


def _own_prefixes(output: str) -> tuple[str, ...]:
    plain = tuple(at(output, path) for path in _OWN)
    return plain if is_s3(output) else plain + tuple(encoded_uri(prefix) for prefix in plain)


def shard_name(shard_index: int) -> str:
    """The shard in file names: digits padded with zeros, so that names sort as the shards do."""
    if not 0 <= shard_index < 10**_SHARD_DIGITS:
        raise ValueError(f"a run has shards 0 to {10**_SHARD_DIGITS - 1}, not {shard_index}")
    return f"{shard_index:0{_SHARD_DIGITS}d}"


def answers_path(run: RunFacts, shard_index: int) -> str:
    """The scores of one shard or, in a run of plain features, its features."""
    return _path(run.answers, run, shard_index)


def rejects_path(run: RunFacts, shard_index: int) -> str:
    """The rejects of one shard."""
    return _path("rejects", run, shard_index)


def _path(table: str, run: RunFacts, shard_index: int) -> str:
    key = "model" if run.answers == "scores" else "front_end"
    return f"{table}/{key}={run.model_id}/dt={run.dt}/{run.run_id}-{shard_name(shard_index)}.parquet"


def run_path(run_id: str, name: str) -> str:
    """A file or folder of one run: config.yaml, listing/, commits/, plan.json, manifest.json, report.json, ..."""
    return f"{RUNS_FOLDER}{run_id}/{name}"


def plan_path(run_id: str) -> str:
    """The plan of one run."""
    return run_path(run_id, "plan.json")


def manifest_path(run_id: str) -> str:
    """The manifest of one run; where it is, the run is complete."""
    return run_path(run_id, "manifest.json")


def commits_folder(run_id: str) -> str:
    """The commit markers of one run."""
    return run_path(run_id, "commits/")


def commit_path(run_id: str, shard_index: int) -> str:
    """The commit marker of one shard."""
    return f"{commits_folder(run_id)}{shard_name(shard_index)}.json"


def shard_of_commit(uri: str) -> int | None:
    """The shard that a commit marker stands for; None where the name is not a marker's."""
    name = uri.rsplit("/", 1)[-1]
    digits = name.removesuffix(".json")
    is_number = len(digits) == _SHARD_DIGITS and digits.isascii() and digits.isdecimal()
    return int(digits) if name.endswith(".json") and is_number else None


def staged_folder(run_id: str) -> str:
    """The outcomes of parts of shards that are not whole yet."""
    return run_path(run_id, "staged/")


def staged_path(run_id: str, start: int, stop: int) -> str:
    """The outcomes of the tracks in rows `start` to `stop` of the listing."""
    return f"{staged_folder(run_id)}{start:0{_ROW_DIGITS}d}-{stop:0{_ROW_DIGITS}d}.parquet"


def head_path(identity: str) -> str:
    """The pointer to the newest planned run of one identity (see `plan.py`)."""
    return f"{HEADS_FOLDER}{identity}.json"
