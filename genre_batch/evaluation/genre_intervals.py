"""How far the figures of each genre are to be trusted: their intervals, and the artists that they rest on."""

from collections.abc import Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict

from genre_batch.catalog.reject import printable
from genre_batch.evaluation.intervals import Interval, TrackRows, grouped_bootstrap, mean_interval
from genre_batch.model.scores import Labels


class GenreIntervals(BaseModel):
    """The figures of one genre with their 95 % intervals; null for a figure of no tracks.

    tracks, artists: how many are truly of the genre; the recall rests on them. answered_artists: how many the genre is
    answered for; the precision rests on them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    tracks: int
    artists: int
    answered_artists: int
    precision: Interval | None
    recall: Interval | None
    f1: Interval | None

    def text(self) -> str:
        """The recall with its interval, or with what is missing for one."""
        if self.recall is None:
            return "no tracks"
        return f"{self.recall.mean:.3f}  {self.recall.text(lambda value: f'{value:.3f}')}"


def genre_intervals(
    best: Labels, labels: Labels, groups: Sequence[str], genres: Sequence[str]
) -> dict[str, GenreIntervals]:
    """Precision, recall and F1 of each genre, with 95 % intervals by resampling the artists that each rests on.

    best, labels: [n], answers and true genres as indices into `genres`. groups: [n], the artist of each track.
    """
    artist = np.asarray(groups)
    return {genre: _of_genre(best == number, labels == number, artist) for number, genre in enumerate(genres)}


def _of_genre(given: np.ndarray, true: np.ndarray, artist: np.ndarray) -> GenreIntervals:
    either = given | true
    given_here, true_here = given[either], true[either]

    def f1(rows: TrackRows) -> float:
        g, t = given_here[rows], true_here[rows]
        return float(2 * (g & t).sum() / (g.sum() + t.sum()))

    return GenreIntervals(
        tracks=int(true.sum()),
        artists=len(np.unique(artist[true])),
        answered_artists=len(np.unique(artist[given])),
        precision=mean_interval(true[given], artist[given].tolist()) if given.any() else None,
        recall=mean_interval(given[true], artist[true].tolist()) if true.any() else None,
        f1=grouped_bootstrap(f1, artist[either].tolist()) if true.any() else None,
    )


def recall_table(intervals: dict[str, GenreIntervals]) -> list[str]:
    """One line for each genre that has tracks."""
    width = max(len(printable(genre)) for genre in intervals)
    return [
        f"  {printable(genre):<{width}} {each.tracks:6,} tracks of {each.artists:5,} artists  {each.text()}"
        for genre, each in intervals.items()
        if each.tracks
    ]
