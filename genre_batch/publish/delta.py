"""The serving files as a Delta table: one commit a step, with a transaction of an application named as the step."""

import json
import os
from contextlib import suppress
from typing import TYPE_CHECKING

import pyarrow as pa

from genre_batch.errors import UsageError
from genre_batch.publish.lakes import LakeStep
from genre_batch.publish.serving_rows import SERVING
from genre_batch.sink.layout import SERVING_FOLDER, at
from genre_batch.storage.uri import is_s3, local_path

if TYPE_CHECKING:
    from deltalake.transaction import AddAction

_SCHEMA = SERVING.append(pa.field("dt", pa.string()))


class DeltaLake:
    """The table whose root is `serving/`, with `dt` as its partition. Raises UsageError if deltalake is missing.

    Delta checks only that two commits at once do not have the same application; a later one may repeat it. So each
    step is an application of its own, and `has` looks for it.
    """

    def __init__(self, output: str) -> None:
        try:
            import deltalake  # noqa: F401
        except ImportError as error:
            raise UsageError("deltalake is not installed", "pip install 'genre-batch[delta]'") from error
        root = at(output, SERVING_FOLDER).rstrip("/")
        self.name = root if is_s3(root) else local_path(root)
        plain = os.environ.get("AWS_ENDPOINT_URL", "").startswith("http://")
        self._options = {"allow_http": "true"} if is_s3(root) and plain else None

    def load(self) -> None:
        """See `Lake`."""
        from deltalake import DeltaTable
        from deltalake.exceptions import DeltaError, TableNotFoundError

        try:
            self._table = DeltaTable(self.name, storage_options=self._options)
        except TableNotFoundError:
            with suppress(DeltaError):  # another publisher has just made it
                self._create()
            self._table = DeltaTable(self.name, storage_options=self._options)

    @property
    def is_new(self) -> bool:
        """See `Lake`."""
        return not self._table.file_uris()

    def has(self, step: str) -> bool:
        """See `Lake`."""
        return self._table.transaction_version(_application(step)) is not None

    def register(self, step: LakeStep) -> bool:
        """See `Lake`."""
        from deltalake.exceptions import DeltaError

        version = self._table.version()
        try:
            self._commit(step)
        except DeltaError:
            self.load()
            if self._table.version() == version:
                raise
            return False
        self.load()
        return True

    def _create(self) -> None:
        """Make the table without files: two that were made at once with their first files would both count."""
        from deltalake import DeltaTable, PostCommitHookProperties, Schema

        DeltaTable.create(
            self.name,
            Schema.from_arrow(_SCHEMA),
            "ignore",
            ["dt"],
            configuration={"delta.appendOnly": "true"},
            storage_options=self._options,
            post_commithook_properties=PostCommitHookProperties(create_checkpoint=False, cleanup_expired_logs=False),
        )

    def _commit(self, step: LakeStep) -> None:
        from deltalake import CommitProperties, PostCommitHookProperties, Schema, Transaction

        self._table.create_write_transaction(
            [*_actions(step)],
            "append",
            Schema.from_arrow(_SCHEMA),
            ["dt"],
            commit_properties=CommitProperties(step.properties, 0, [Transaction(_application(step.step), 1)]),
            # a checkpoint is a Parquet file below serving/, which readers of patterns would take for rows
            post_commithook_properties=PostCommitHookProperties(create_checkpoint=False, cleanup_expired_logs=False),
        )


def _application(step: str) -> str:
    return f"genre-batch:{step}"


def _actions(step: LakeStep) -> "list[AddAction]":
    from deltalake.transaction import AddAction

    return [
        AddAction(
            path=file.path.removeprefix(SERVING_FOLDER),
            size=file.size_bytes,
            partition_values={"dt": step.day},
            modification_time=0,
            data_change=True,
            stats=json.dumps({"numRecords": file.rows}),
        )
        for file in step.files
    ]
