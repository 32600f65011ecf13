"""`genre-batch show`: some of the current answers, for a terminal."""

import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict, NonNegativeInt

from genre_batch import table
from genre_batch.catalog.reject import printable
from genre_batch.errors import UsageError
from genre_batch.wording import plural

_COLUMNS = ["track_id", "genre", "confidence"]
_WIDEST = 60


class ShownAnswer(BaseModel):
    """The current answer for a track; `genre` is null if the model abstains."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    track_id: str
    genre: str | None
    confidence: float


class Shown(BaseModel):
    """Some current answers, most confident first, and how many there are: `tracks`. model: whose answers they are."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    model: str
    tracks: NonNegativeInt
    answers: list[ShownAnswer]

    def summary(self) -> str:
        """The answers as a table for a terminal."""
        rows = [(row.track_id, row.genre or "(abstained)", f"{row.confidence:.3f}") for row in self.answers]
        cells = [[printable(cell, _WIDEST) for cell in row] for row in [tuple(_COLUMNS), *rows]]
        widths = [max(len(row[column]) for row in cells) for column in (0, 1)]
        lines = [f"{track:{widths[0]}}  {genre:{widths[1]}}  {confidence}" for track, genre, confidence in cells]
        rest = self.tracks - len(rows)
        more = [f"... and {rest:,} more; --limit 0 shows all"] if rest else []
        return "\n".join([*lines, *more, f"{plural(self.tracks, 'track')}, model {self.model}"])


def show(output: str, genre: str | None = None, limit: int = 20, model: str | None = None) -> Shown:
    """The current answers at `output`, those with `genre` or all, at most `limit` of them unless that is 0.

    model: whose answers; None for the served model.

    Raises UsageError if the output holds no scores or no track has this genre, and what `table.latest` raises.
    """
    if limit < 0:
        raise UsageError(f"--limit {limit} is below 0", "--limit 0 shows all tracks")
    answers = table.dataset(output, model)
    if "genre" not in answers.schema.names:
        raise UsageError(f"{output} holds features, not scores", "read it with genre_batch.table.latest")
    found = answers.to_table([*_COLUMNS, "model"])
    about = found["model"][0].as_py() if len(found) else model or "unknown"
    if genre is not None:
        known = sorted(filter(None, found["genre"].unique().to_pylist()))
        found = found.filter(pc.equal(found["genre"], genre))
        if not len(found):
            raise UsageError(f"no track has the genre {genre!r}", f"there are {', '.join(known) or 'no genres'}")
    ordered = found.select(_COLUMNS).sort_by([("confidence", "descending"), ("track_id", "ascending")])
    chosen = ordered.slice(0, limit or len(ordered)).to_pylist()
    return Shown(model=about, tracks=len(found), answers=[ShownAnswer(**row) for row in chosen])
