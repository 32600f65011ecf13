"""Settings of `genre-batch train`."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, model_validator

from genre_batch.decode.window import Window
from genre_batch.features.front_end import FrontEnd, LogMelFrontEnd
from genre_batch.model.architecture import Trainable
from genre_batch.training.corpus import Unreadable
from genre_batch.training.fit import Optimisation
from genre_batch.training.recipe import NETWORKS
from genre_batch.training.split_lists import SplitFiles
from genre_batch.training.splits import Split


class TrainConfig(BaseModel):
    """Settings of `genre-batch train`.

    source: a folder with one folder a genre, FMA's folders, or a table of labelled tracks. output: the folder to
    write; it must not exist yet, or be empty. standardise: each row of a segment gets mean 0 and deviation 1.
    optimisation: for networks only. training_window: the part of a track that random segments are cut from, where
    it is longer than the window that is scored. split: see `splits.Split`; split_files: the lists of `listed`, null
    where the corpus itself has a column `split`. folds: parts of the cross-validation; repeats: how often it is
    done, each time with other folds (with lists: other seeds). target_precision: a genre is not answered below the
    confidence from which on this share of its answers to held-out tracks was right; null never abstains.
    unreadable: whether tracks that cannot be read are refused or skipped. cache: a folder where computed features
    stay. card: what the model card says besides the figures.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    source: str = Field(min_length=1)
    output: str = Field(min_length=1)
    name: Annotated[str, Field(pattern="^[a-z0-9][a-z0-9._-]{0,63}$")]
    architecture: Trainable
    front_end: FrontEnd = LogMelFrontEnd()
    standardise: bool = True
    optimisation: Optimisation | None = None
    training_window: Window | None = None
    split: Split = "artist"
    split_files: SplitFiles | None = None
    folds: int = Field(default=5, ge=2)
    repeats: PositiveInt = 1
    seed: int = Field(default=0, ge=0, lt=2**31)
    target_precision: float | None = Field(default=None, gt=0.0, lt=1.0)
    unreadable: Unreadable = "refuse"
    cache: str | None = None
    deadline_s: PositiveFloat = 60.0
    card: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _settings_that_mean_something(self) -> Self:
        network = isinstance(self.architecture, NETWORKS)
        if self.optimisation is not None and not network:
            raise ValueError(f"optimisation is for networks; {self.architecture.name} is fitted in one step")
        if self.training_window is not None and not network:
            raise ValueError("training_window is for networks, which see another part of a track in each epoch")
        if self.split_files is not None and self.split != "listed":
            raise ValueError("split_files needs split: listed")
        if self.training_window is not None and self.split == "segment_random":
            raise ValueError("training_window does not go with split: segment_random")
        return self

    @property
    def leaky(self) -> bool:
        """Whether the figures come from pieces of the tracks that were learned from."""
        return self.split == "segment_random"
