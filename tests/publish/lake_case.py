"""Both lake formats over an output; `python lake_case.py OUTPUT LAKE POINT` publishes and is killed at a point."""

import json
import os
import signal
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pyiceberg.catalog
from pyiceberg.utils.config import Config

from genre_batch.publish import publishing
from genre_batch.publish.lakes import STEP_KEY
from genre_batch.storage.open_store import open_store
from genre_batch.storage.uri import is_s3, local_path, split_s3

if TYPE_CHECKING:
    from deltalake import DeltaTable
    from pyiceberg.table import Table

TABLE = "local.music.genres"


def settings(lake: str) -> dict[str, object]:
    return {"iceberg": TABLE} if lake == "iceberg" else {"delta": True}


def catalog_properties(output: str, folder: Path) -> dict[str, str]:
    """An Iceberg catalog in a file in `folder`, with the warehouse there, or in the bucket of `output`."""
    properties = {"type": "sql", "uri": f"sqlite:///{folder}/catalog.db", "warehouse": f"file://{folder}/warehouse"}
    if is_s3(output):
        # pyiceberg does not look for the endpoint in AWS_ENDPOINT_URL
        on_s3 = {"s3.endpoint": os.environ["AWS_ENDPOINT_URL"], "s3.region": os.environ["AWS_DEFAULT_REGION"]}
        properties |= {"warehouse": f"s3://{split_s3(output)[0]}/warehouse", **on_s3}
    return properties


def catalog_environment(properties: dict[str, str]) -> dict[str, str]:
    """The variables by which pyiceberg finds this catalog under the name `local`."""
    return {f"PYICEBERG_CATALOG__LOCAL__{name.upper().replace('.', '__')}": value for name, value in properties.items()}


def set_catalog(output: str, folder: Path | None = None) -> None:
    """Pyiceberg's own settings: a catalog in `folder` or beside the output."""
    os.environ.update(catalog_environment(catalog_properties(output, folder or Path(local_path(output)).parent)))
    # it is read once, when pyiceberg is imported
    pyiceberg.catalog._ENV_CONFIG = Config()
    pyiceberg.catalog.load_catalog("local")


def registered(output: str, lake: str) -> list[str]:
    """The steps of all snapshots, oldest first."""
    if lake == "iceberg":
        return [snapshot.summary.additional_properties[STEP_KEY] for snapshot in _iceberg().metadata.snapshots]
    if is_s3(output):
        return _steps_in_log(output)
    return [entry[STEP_KEY] for entry in reversed(_delta(output).history()) if STEP_KEY in entry]


def labels(output: str, lake: str, version: int | None = None) -> Counter[tuple[str, str | None]]:
    """The rows of the table, now or as of its n-th snapshot."""
    if lake == "iceberg":
        table = _iceberg()
        at = None if version is None else table.metadata.snapshots[version].snapshot_id
        found = table.scan(snapshot_id=at, selected_fields=("track_id", "genre")).to_arrow()
    else:
        # the first version is the empty table
        at = None if version is None else version + 1
        found = _delta(output, at).to_pyarrow_table(columns=["track_id", "genre"])
    return Counter(zip(found["track_id"].to_pylist(), found["genre"].to_pylist(), strict=True))


def embeddings(output: str, lake: str) -> dict[str, list[float] | None]:
    """The embedding of each track in the newest row of the table."""
    if lake == "iceberg":
        found = _iceberg().scan(selected_fields=("track_id", "embedding", "step")).to_arrow()
    else:
        found = _delta(output).to_pyarrow_table(columns=["track_id", "embedding", "step"])
    return {row["track_id"]: row["embedding"] for row in found.sort_by("step").to_pylist()}


def _iceberg() -> "Table":
    from pyiceberg.catalog import load_catalog

    return load_catalog("local").load_table(TABLE.partition(".")[2])


def _delta(output: str, version: int | None = None) -> "DeltaTable":
    from deltalake import DeltaTable

    options = {"allow_http": "true"} if is_s3(output) else None
    return DeltaTable(f"{output}/serving", version=version, storage_options=options)


def _steps_in_log(output: str) -> list[str]:
    """`history` holds Python's lock while it waits for S3, so a server in this process could never answer."""
    store = open_store(output)
    commits = [store.read(file.uri) for file in store.list(f"{output}/serving/_delta_log/")]
    actions = [json.loads(line) for commit in commits for line in commit.splitlines()]
    facts = [action["commitInfo"] for action in actions if "commitInfo" in action]
    return [fact[STEP_KEY] for fact in facts if STEP_KEY in fact]


def die(*_: object, **__: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_at(lake: str, point: str) -> None:
    """Let this process be killed: before or after the commit, or before its n-th file of the lake format."""
    if lake == "iceberg":
        from pyiceberg.catalog.sql import SqlCatalog
        from pyiceberg.io.pyarrow import PyArrowFileIO

        if point.isdigit():
            left, new_output = [int(point)], PyArrowFileIO.new_output

            def counted(self: PyArrowFileIO, location: str) -> object:
                if not left[0]:
                    die()
                left[0] -= 1
                return new_output(self, location)

            PyArrowFileIO.new_output = counted  # type: ignore[method-assign,assignment]
            return
        owner, name = SqlCatalog, "commit_table"
    else:
        from genre_batch.publish.delta import DeltaLake

        owner, name = DeltaLake, "_commit"  # type: ignore[assignment]
    commit = getattr(owner, name)

    def deadly(*args: object, **options: object) -> None:
        if point == "after":
            commit(*args, **options)
        die()

    setattr(owner, name, deadly)


if __name__ == "__main__":
    output, lake, point = sys.argv[1:]
    set_catalog(output)
    die_at(lake, point)
    publishing.publish(publishing.PublishConfig.model_validate({"output": output, **settings(lake)}))
