"""Where the objects of an output are. All paths are relative to it, so that a table can be copied as a whole.

Athena and Spark skip names that begin with `_`, so that they see only rows that are committed or about to be.
"""

import pyarrow as pa
import pyarrow.compute as pc

from genre_batch.sink.run_facts import RunFacts
from genre_batch.storage.uri import encoded_uri, is_s3

LATEST = "_latest.json"
RUNS_FOLDER = "_runs/"
HEADS_FOLDER = f"{RUNS_FOLDER}_heads/"
UNLISTED_FOLDER = f"{RUNS_FOLDER}_unlisted/"
DONE_FOLDER = f"{RUNS_FOLDER}_done/"
PUBLISHED = "_published.json"
PUBLISHED_FOLDER = "_published/"
SERVING_FOLDER = "serving/"
DELTA_LOG_FOLDER = f"{SERVING_FOLDER}_delta_log/"
_ENCODED = "file:///"
_SHARD_DIGITS = 8
_ROW_DIGITS = 12
_PIECE_DIGITS = 5
_OWN = (
    "scores/model=",
    "features/front_end=",
    "rejects/model=",
    "rejects/front_end=",
    RUNS_FOLDER,
    LATEST,
    PUBLISHED,
    PUBLISHED_FOLDER,
    f"{SERVING_FOLDER}dt=",
    DELTA_LOG_FOLDER,
)


def at(output: str, path: str) -> str:
    """The URI of `path` below `output`. A local path that is not UTF-8 already is a whole, percent-encoded URI."""
    if path.startswith(_ENCODED) and not is_s3(output):
        return path
    return f"{output.rstrip('/')}/{path}"


def as_name(output: str, path: str) -> str:
    """`path` below `output` as a name for use in another folder; what is not UTF-8 stays percent-encoded."""
    return path.removeprefix(encoded_uri(at(output, ""))) if at(output, path) == path else path


def is_own(output: str, uri: str) -> bool:
    """Whether an object below `output` was written by a run, and not by a user."""
    return uri.startswith(_own_prefixes(output))


def are_own(output: str, uris: pa.Array) -> pa.Array:
    """The same for each of `uris`."""
    own = pa.repeat(False, len(uris))
    for prefix in _own_prefixes(output):
        own = pc.or_(own, pc.starts_with(uris, prefix))
    return own


def _own_prefixes(output: str) -> tuple[str, ...]:
    plain = tuple(at(output, path) for path in _OWN)
    return plain if is_s3(output) else plain + tuple(encoded_uri(prefix) for prefix in plain)


def shard_name(shard_index: int) -> str:
    """The shard as it appears in file names: padded with zeros, so that names sort like the shards."""
    if not 0 <= shard_index < 10**_SHARD_DIGITS:
        raise ValueError(f"shard {shard_index} is not between 0 and {10**_SHARD_DIGITS - 1}")
    return f"{shard_index:0{_SHARD_DIGITS}d}"


def answers_path(run: RunFacts, shard_index: int) -> str:
    """The scores of one shard or, in a run of features, its features."""
    return _path(run.answers, run, shard_index)


def rejects_path(run: RunFacts, shard_index: int) -> str:
    """The rejects of one shard."""
    return _path("rejects", run, shard_index)


def _path(table: str, run: RunFacts, shard_index: int) -> str:
    key = "model" if run.answers == "scores" else "front_end"
    return f"{table}/{key}={run.model_id}/dt={run.dt}/{run.run_id}-{shard_name(shard_index)}.parquet"


def table_of(path: str) -> str:
    """The table that the file at `path` belongs to: scores, features, rejects or serving."""
    return path.split("/", 1)[0]


def run_path(run_id: str, name: str) -> str:
    """A file or folder of one run: config.yaml, listing/, commits/, plan.json, manifest.json, report.json, ..."""
    return f"{RUNS_FOLDER}{run_id}/{name}"


def plan_path(run_id: str) -> str:
    """The plan of one run."""
    return run_path(run_id, "plan.json")


def manifest_path(run_id: str) -> str:
    """The manifest of one run; once it exists, the run is complete."""
    return run_path(run_id, "manifest.json")


def verdict_path(run_id: str) -> str:
    """Why a run failed; a run that succeeded has no such file."""
    return run_path(run_id, "verdict.json")


def canaries_path(run_id: str) -> str:
    """What the canaries of a run answered; a run whose bundle has none has no such file."""
    return run_path(run_id, "canaries.json")


def heartbeat_path(run_id: str) -> str:
    """Who works on a run, and how far it is."""
    return run_path(run_id, "heartbeat.json")


def listing_folder(output: str, run_id: str) -> str:
    """The URI of the folder with the frozen listing of one run."""
    return at(output, run_path(run_id, "listing/"))


def commits_folder(run_id: str) -> str:
    """The commit markers of one run."""
    return run_path(run_id, "commits/")


def commit_path(run_id: str, shard_index: int) -> str:
    """The commit marker of one shard."""
    return f"{commits_folder(run_id)}{shard_name(shard_index)}.json"


def shard_of_commit(uri: str) -> int | None:
    """The shard that a commit marker stands for; None if the name is not that of a marker."""
    name = uri.rsplit("/", 1)[-1]
    digits = name.removesuffix(".json")
    is_number = len(digits) == _SHARD_DIGITS and digits.isascii() and digits.isdecimal()
    return int(digits) if name.endswith(".json") and is_number else None


def shard_of_file(path: str) -> int:
    """The shard that a file of a table belongs to."""
    return int(path.removesuffix(".parquet")[-_SHARD_DIGITS:])


def staged_folder(run_id: str) -> str:
    """The outcomes of parts of shards that are not committed yet."""
    return run_path(run_id, "staged/")


def staged_path(run_id: str, start: int, stop: int) -> str:
    """The outcomes of the tracks in rows `start` to `stop` of the listing."""
    return f"{staged_folder(run_id)}{start:0{_ROW_DIGITS}d}-{stop:0{_ROW_DIGITS}d}.parquet"


def head_path(identity: str) -> str:
    """The pointer to the newest planned run of one identity (see `run_claim.py`)."""
    return f"{HEADS_FOLDER}{identity}.json"


def unlisted_path(source: str) -> str:
    """The tracks missing from the newest full listing of a source; `source` is a name for it, fit for a path."""
    return f"{UNLISTED_FOLDER}{source}.parquet"


def done_index_path(key: str) -> str:
    """The pointer to the newest done-index of one model; `key` is a name for the model (see `done_index.py`)."""
    return f"{DONE_FOLDER}{key}.json"


def done_file_path(key: str, name: str) -> str:
    """One of the files of the done-index of a model."""
    return f"{DONE_FOLDER}{key}/{name}"


def published_step_path(step: str) -> str:
    """One step in the log of publications."""
    return f"{PUBLISHED_FOLDER}{step}.json"


def serving_path(dt: str, step: str, number: int) -> str:
    """One of the files with the rows that a step adds to the serving table; dt: the day of the step."""
    return f"{SERVING_FOLDER}dt={dt}/{step}-{number:0{_PIECE_DIGITS}d}.parquet"


def serving_record_path(step: str) -> str:
    """What names all serving files of a step."""
    return f"{PUBLISHED_FOLDER}serving/{step}.json"


def deleted_path(sha256: str) -> str:
    """The tracks that are not served because they are gone from the catalog, in a file with this hash."""
    return f"{PUBLISHED_FOLDER}deleted-{sha256[:32]}.parquet"


def taxonomy_path(sha256: str) -> str:
    """The taxonomy map of publications, in a file with this hash."""
    return f"{PUBLISHED_FOLDER}taxonomy-{sha256[:32]}.json"


def repair_hint(output: str = "OUTPUT") -> str:
    """The command that repairs what can be repaired, and says what to do about the rest."""
    return f"genre-batch verify {output} --repair"


def give_up_hint(output: str, run_id: str) -> str:
    """The command that removes an unfinished run, so that the next run processes its tracks."""
    return f"genre-batch gc {output} --unfinished {run_id} --delete"
