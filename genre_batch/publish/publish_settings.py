"""Settings of a publication, shared by the verb `publish` and the section `publish` in the settings of a run."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from genre_batch.publish.gate import GateConfig
from genre_batch.sink.run_facts import RunId
from genre_batch.storage.open_store import UriOrPath


class PublishSettings(BaseModel):
    """How the runs of an output are published.

    model: the model to serve from now on; null for the current one. rollback: serve again what was served before the
    last step. without: new runs to withhold, such as one whose canaries changed. again: publish also the runs that are
    withheld, by a rollback or by `without`. rules: what may be published. taxonomy: a CSV file that maps the labels in
    the serving table to others from now on; null for the map of the last publication, "none" for the labels of the
    model. parents: map to the parents that the file names. serving: whether to write the serving table; a later
    publication with it adds what is missing. iceberg: an Iceberg table, as CATALOG.NAMESPACE.TABLE, and delta: whether
    to keep a Delta table; both get the files of the serving table, one snapshot a step. done_index: whether to extend
    the index of what is done, with which the next runs are planned faster.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    model: str | None = None
    rollback: bool = False
    without: Annotated[tuple[RunId, ...], Field(strict=False)] = ()
    again: bool = False
    rules: GateConfig = GateConfig()
    taxonomy: Literal["none"] | UriOrPath | None = None
    parents: bool = False
    serving: bool = True
    iceberg: Annotated[str, Field(pattern=r"^[^.]+(\.[^.]+){2,}$")] | None = None
    delta: bool = False
    done_index: bool = True

    @model_validator(mode="after")
    def _has_files_to_register(self) -> Self:
        if not self.serving and (self.iceberg or self.delta):
            raise ValueError("iceberg and delta register the serving files, which serving=false leaves out")
        return self
