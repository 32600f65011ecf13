"""What the settings of every classifier declare; read by processes that never load torch or scikit-learn."""

from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict

from genre_batch.errors import UsageError
from genre_batch.features.front_end import AnyFrontEnd
from genre_batch.model.devices import Precision

FileName = Literal[
    "model.safetensors",
    "model.skops",
    "model.onnx",
    "config.json",
    "preprocessor_config.json",
    "embedding.safetensors",
    "golden.npz",
    "canaries.zip",
    "README.md",
]
"""The files that a bundle may hold beside bundle.json."""


class ClassifierSettings(BaseModel):
    """The settings of a classifier; `name` says which kind.

    The class variables and methods say what the rest of the package needs to know about the kind.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    weight_files: ClassVar[tuple[FileName, ...]] = ("model.safetensors",)
    """The files of a bundle that hold what was learned."""

    training_only: ClassVar[tuple[str, ...]] = ()
    """Settings that affect what is learned; once it is learned, they affect no answer."""

    front_end_needed: ClassVar[str | None] = None
    """The name of the front end that it needs, with values that are not standardised; None if it can use any."""

    tags: ClassVar[tuple[str, ...]] = ()
    """The tags that it knows besides the genres."""

    precisions: ClassVar[tuple[Precision, ...]] = ("fp32",)
    """The values of `predict.precision` that change what it does, and fp32."""

    name: str

    def check_precision(self, precision: Precision) -> None:
        """Raise UsageError if it does not run in `precision`."""
        if precision not in self.precisions:
            raise UsageError(
                f"a model of kind {self.name} runs in {' or '.join(self.precisions)} only, not in {precision}",
                "set predict.precision=fp32",
            )

    def accepts(self, front_end: AnyFrontEnd) -> bool:
        """Whether it can use the segments of `front_end`."""
        return self.front_end_needed in (None, front_end.name)
