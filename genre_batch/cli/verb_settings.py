"""Which settings each verb takes in its config file."""

from importlib import import_module
from typing import TYPE_CHECKING, Final

from genre_batch.errors import UsageError

if TYPE_CHECKING:
    from pydantic import BaseModel

VERBS: Final = {
    "index": "genre_batch.run.indexing:IndexConfig",
    "score": "genre_batch.config:ScoreConfig",
    "features": "genre_batch.config:FeaturesConfig",
    "train": "genre_batch.training.train_config:TrainConfig",
    "adopt": "genre_batch.training.adopt:AdoptConfig",
    "evaluate": "genre_batch.evaluation.report:EvaluateConfig",
    "report": "genre_batch.reports.write_pages:ReportConfig",
    "compare": "genre_batch.readers.compare:CompareConfig",
    "similar": "genre_batch.readers.similar:SimilarConfig",
    "sql": "genre_batch.readers.sql_views:SqlConfig",
    "status": "genre_batch.run.status:StatusConfig",
    "publish": "genre_batch.publish.publishing:PublishConfig",
    "verify": "genre_batch.verify.verify_config:VerifyConfig",
    "gc": "genre_batch.verify.verify_config:GcConfig",
}
"""The class of each verb's settings, not loaded yet: most of these modules are heavy."""


def settings_of(verb: str) -> "type[BaseModel]":
    """The class of the settings of `verb`. Raises UsageError if there is no such verb, or it has no settings."""
    if verb not in VERBS:
        raise UsageError(f"there is no config file for {verb!r}", f"the verbs with one are {', '.join(VERBS)}")
    module, _, name = VERBS[verb].partition(":")
    kind: type[BaseModel] = getattr(import_module(module), name)
    return kind
