"""What `train` reports."""

from pydantic import BaseModel, ConfigDict

from genre_batch.training.figures import Figures
from genre_batch.training.splits import Split

HELD_OUT: dict[Split, str] = {
    "artist": "on artists never heard",
    "track": "on tracks never heard (artists on both sides)",
    "segment_random": "LEAKY, on other segments of the tracks learned from",
    "listed": "on the test list",
}
"""What the figures of each split are about."""


class TrainReport(BaseModel):
    """What `train` did. `figures` are those of held-out tracks; `skipped` counts bad tracks by reason.

    leaky: segments of one track were on both sides, so the figures say nothing about new music. left_out: tracks that
    no list names.
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
    figures: Figures
    wall_s: float

    def summary(self) -> str:
        """A few lines for a terminal."""
        figures, skipped = self.figures, sum(self.skipped.values())
        lists = f", {self.left_out} in no list" if self.left_out else ""
        return (
            f"{self.model_id}: {self.bundle}\n"
            f"{self.tracks} tracks of {len(self.genres)} genres, {skipped} skipped{lists}; {self.wall_s:.0f} s\n"
            f"{HELD_OUT[self.split]}: accuracy {figures.accuracy_text()}, macro F1 {figures.macro_f1:.3f}, "
            f"calibration error {figures.ece_before:.3f} -> {figures.ece_after:.3f}"
        )
