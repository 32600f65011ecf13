"""The serving files as an Apache Iceberg table: one snapshot a step, which carries the step's name."""

from contextlib import suppress
from typing import TYPE_CHECKING

import pyarrow as pa

from genre_batch.errors import UsageError
from genre_batch.publish.lakes import STEP_KEY, LakeStep
from genre_batch.publish.serving_rows import SERVING
from genre_batch.sink.layout import at
from genre_batch.storage.uri import is_s3, local_path

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog
    from pyiceberg.schema import Schema
    from pyiceberg.table import Table

_RETRIES = "commit.retry.num-retries"


class IcebergLake:
    """The table `name`, as CATALOG.NAMESPACE.TABLE; pyiceberg's own settings say where the catalog is.

    Its partitions are the day of publication and the model, both from the columns of the files. Raises UsageError if
    pyiceberg is not installed or has no such catalog.
    """

    def __init__(self, output: str, name: str) -> None:
        try:
            from pyiceberg.catalog import load_catalog
        except ImportError as error:
            raise UsageError("pyiceberg is not installed", "pip install 'genre-batch[iceberg]'") from error
        self.name = name
        self._output = output
        catalog, _, self._identifier = name.partition(".")
        try:
            self._catalog: Catalog = load_catalog(catalog)
        except ValueError as error:
            hint = f"set PYICEBERG_CATALOG__{catalog.upper()}__URI, or write ~/.pyiceberg.yaml"
            raise UsageError(f"the Iceberg catalog {catalog!r} cannot be opened: {error}", hint) from error

    def load(self) -> None:
        """See `Lake`."""
        from pyiceberg.exceptions import CommitFailedException, NoSuchTableError

        try:
            self._table: Table = self._catalog.load_table(self._identifier)
        except NoSuchTableError:
            self._table = self._create()
        if self._table.properties.get(_RETRIES) != "0":
            # a retry of pyiceberg does not look whether the step is there by now, and would add it twice
            with suppress(CommitFailedException), self._table.transaction() as change:
                change.set_properties({_RETRIES: "0"})
            self._table = self._catalog.load_table(self._identifier)
        self._known = {self._table.properties.get(STEP_KEY), *map(_step_of, self._table.metadata.snapshots)} - {None}

    @property
    def is_new(self) -> bool:
        """See `Lake`."""
        return not self._known

    def has(self, step: str) -> bool:
        """See `Lake`. The newest step is a property of the table, too: snapshots may have expired."""
        return step in self._known

    def register(self, step: LakeStep) -> bool:
        """See `Lake`."""
        from pyiceberg.exceptions import CommitFailedException, CommitStateUnknownException

        paths = [_location(at(self._output, file.path)) for file in step.files]
        try:
            with self._table.transaction() as change:
                change.set_properties({STEP_KEY: step.step})
                change.add_files(paths, snapshot_properties=step.properties, check_duplicate_files=False)
        except (CommitFailedException, CommitStateUnknownException):
            return False
        return True

    def _create(self) -> "Table":
        from pyiceberg.partitioning import PartitionField, PartitionSpec
        from pyiceberg.transforms import DayTransform, IdentityTransform

        schema = _schema()
        day, model = (schema.find_field(name).field_id for name in ("event_timestamp", "model_id"))
        partitions = PartitionSpec(
            PartitionField(day, 1000, DayTransform(), "event_day"),
            PartitionField(model, 1001, IdentityTransform(), "model"),
        )
        namespace = self._identifier.rpartition(".")[0]
        try:
            self._catalog.create_namespace_if_not_exists(namespace)
        except Exception:  # catalogs raise errors of their own if another publisher has just made it
            if not self._catalog.namespace_exists(namespace):
                raise
        return self._catalog.create_table_if_not_exists(
            self._identifier, schema, partition_spec=partitions, properties={_RETRIES: "0"}
        )


def _step_of(snapshot: object) -> str | None:
    summary = getattr(snapshot, "summary", None)
    return summary.additional_properties.get(STEP_KEY) if summary else None


def _location(uri: str) -> str:
    """A file as Iceberg names it: without percent-encoding, which pyiceberg would not decode."""
    return uri if is_s3(uri) else f"file://{local_path(uri)}"


def _schema() -> "Schema":
    from pyiceberg.schema import Schema
    from pyiceberg.types import BooleanType, FloatType, IcebergType, ListType, NestedField, StringType, TimestamptzType

    plain: dict[pa.DataType, IcebergType] = {
        pa.string(): StringType(),
        pa.float32(): FloatType(),
        pa.bool_(): BooleanType(),
    }
    plain[SERVING.field("event_timestamp").type] = TimestamptzType()
    plain[SERVING.field("embedding").type] = ListType(len(SERVING) + 1, FloatType(), element_required=True)
    return Schema(*(NestedField(number, field.name, plain[field.type]) for number, field in enumerate(SERVING, 1)))
