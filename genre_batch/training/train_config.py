"""The settings of `genre-batch train`, and its report."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, model_validator

from genre_batch.decode.window import Window
from genre_batch.features.front_end import FrontEnd
from genre_batch.features.front_ends.log_mel import LogMelFrontEnd
from genre_batch.model.architecture import Trainable
from genre_batch.model.manifest import check_pooling
from genre_batch.model.networks.settings import NetworkSettings, TrainedNetworkSettings
from genre_batch.model.scores import Pooling
from genre_batch.training.corpus import OnUnreadable
from genre_batch.training.figures import HeldOutFigures
from genre_batch.training.fit import Optimisation
from genre_batch.training.splits import Split, SplitFiles
from genre_batch.wording import duration, plural


class TrainConfig(BaseModel):
    """Settings of `genre-batch train`.

    source: a folder with one folder per genre, FMA's folders, or a table of labelled tracks. output: the folder to
    write; it must not exist yet, or be empty. standardise: each row of a segment gets mean 0 and deviation 1. pooling:
    how the answers to the segments of a track become one, `mean_probability` or `loud_logits`: the mean of the logits,
    weighted by the loudness of the segments, so that pauses and openings hardly vote. optimisation: for networks only.
    training_window: the part of a track that random segments are cut from, if it is longer than the window that is
    scored. split: see `splits.Split`; split_files: the lists of `listed`, null if the corpus itself has a column
    `split`. folds: parts of the cross-validation; repeats: how often it is done, each time with other folds (with
    lists: other seeds). target_precision: a genre is answered only above the confidence from which this share of its
    answers to held-out tracks was right; null never abstains. unreadable: whether tracks that cannot be read are
    refused or skipped. embedding: for networks; whether scoring gives each track an embedding too, a projection of the
    network's last layer. canaries: short audio files that each run of scoring scores too, as a check; null takes those
    of the project, an empty list none. cache: a folder that keeps computed features. card: what the model card says
    besides the figures.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    source: str = Field(min_length=1)
    output: str = Field(min_length=1)
    name: Annotated[str, Field(pattern="^[a-z0-9][a-z0-9._-]{0,63}$")]
    architecture: Trainable
    front_end: FrontEnd = LogMelFrontEnd()
    standardise: bool = True
    pooling: Pooling = "mean_probability"
    optimisation: Optimisation | None = None
    training_window: Window | None = None
    split: Split = "artist"
    split_files: SplitFiles | None = None
    folds: int = Field(default=5, ge=2)
    repeats: PositiveInt = 1
    seed: int = Field(default=0, ge=0, lt=2**31)
    target_precision: float | None = Field(default=None, gt=0.0, lt=1.0)
    unreadable: OnUnreadable = "refuse"
    embedding: bool = False
    canaries: list[str] | None = None
    cache: str | None = None
    deadline_s: PositiveFloat = 60.0
    card: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _settings_take_effect(self) -> Self:
        check_pooling(self.pooling, self.front_end)
        network = isinstance(self.architecture, TrainedNetworkSettings)
        if self.optimisation is not None and not network:
            raise ValueError(f"optimisation is for networks; {self.architecture.name} is fitted in one step")
        if self.training_window is not None and not network:
            raise ValueError("training_window is for networks, which see a different part of a track in each epoch")
        if self.embedding and not isinstance(self.architecture, NetworkSettings):
            raise ValueError(f"embedding is for networks; {self.architecture.name} has no last layer")
        if self.split_files is not None and self.split != "listed":
            raise ValueError("split_files needs split: listed")
        if self.training_window is not None and self.split == "segment_random":
            raise ValueError("training_window cannot be combined with split: segment_random")
        return self

    @property
    def leaky(self) -> bool:
        """Whether the figures come from pieces of tracks that were also learned from."""
        return self.split == "segment_random"


HELD_OUT: dict[Split, str] = {
    "artist": "on unseen artists",
    "track": "on unseen tracks (artists on both sides)",
    "segment_random": "LEAKY, on other segments of the training tracks",
    "listed": "on the test list",
}
"""What the figures of each split are measured on."""


class TrainReport(BaseModel):
    """What `train` did. `figures` are those of held-out tracks; `skipped` counts bad tracks by reason.

    leaky: segments of the same track were on both sides, so the figures say nothing about new music. left_out: the
    number of tracks that no list names.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    bundle: str
    model_id: str
    fingerprint: str
    tracks: int
    skipped: dict[str, int]
    left_out: int
    genres: list[str]
    parameters: int
    split: Split
    leaky: bool
    split_digest: str
    figures: HeldOutFigures
    wall_s: float

    def summary(self) -> str:
        """A few lines for a terminal."""
        figures, skipped = self.figures, sum(self.skipped.values())
        lists = f", {self.left_out} in no list" if self.left_out else ""
        return (
            f"{self.model_id}: {self.bundle}\n"
            f"{plural(self.tracks, 'track')} of {plural(len(self.genres), 'genre')}, {skipped:,} skipped{lists}; "
            f"{duration(self.wall_s)}\n"
            f"{HELD_OUT[self.split]}: accuracy {figures.accuracy_text()}, macro F1 {figures.macro_f1:.3f}, "
            f"calibration error {figures.ece_before:.3f} -> {figures.ece_after:.3f}"
        )
