"""`genre-batch compare`: how the current answers of two models to the same tracks differ."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt

from genre_batch import table
from genre_batch.errors import UsageError
from genre_batch.model.taxonomy_map import TaxonomyMap, chosen_map
from genre_batch.publish.labels import read_relabelled
from genre_batch.sink.tables import nth_pair
from genre_batch.storage.open_store import UriOrPath
from genre_batch.wording import plural

ABSTAINED = "(abstains)"
_KEYS, _COLUMNS = ["track_id", "etag"], ["track_id", "etag", "uri", "genre", "confidence"]
_WIDEST_MATRIX = 12
_SHOWN = 10


class CompareConfig(BaseModel):
    """Settings of `genre-batch compare`.

    output: the output of `score`. model_a, model_b: the names of two of its models. taxonomy: a CSV file that maps the
    labels of both models to common ones, null for none. parents: compare the parents that it names. examples: how many
    flips to show. html: a file for the page.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    output: UriOrPath
    model_a: str = Field(min_length=1)
    model_b: str = Field(min_length=1)
    taxonomy: UriOrPath | None = None
    parents: bool = False
    examples: NonNegativeInt = 20
    html: UriOrPath | None = None


class AnswerPair(BaseModel):
    """Tracks to which the models gave these answers; null if a model abstains."""

    model_config = ConfigDict(frozen=True)

    genre_a: str | None
    genre_b: str | None
    tracks: int

    @property
    def is_flip(self) -> bool:
        """Whether both models give a genre, and not the same."""
        return None not in (self.genre_a, self.genre_b) and self.genre_a != self.genre_b


class ConfidenceShift(BaseModel):
    """The confidences of both models on the same tracks. p10, p50 and p90 are quantiles of B minus A."""

    model_config = ConfigDict(frozen=True)

    tracks: int
    mean_a: float
    mean_b: float
    p10: float
    p50: float
    p90: float


class FlippedTrack(BaseModel):
    """A track that got another genre."""

    model_config = ConfigDict(frozen=True)

    track_id: str
    uri: str
    genre_a: str
    confidence_a: float
    genre_b: str
    confidence_b: float


class Comparison(BaseModel):
    """What two models say about the same versions of the same tracks.

    tracks: those that both answered, abstentions included; only these are compared. only_a, only_b: tracks with an
    answer of one model. other_version: tracks whose current answers are for different bytes. both_answered: tracks on
    which neither abstains. agreement: the share of those that got the same genre, null if there are none. pairs: tracks
    by both answers, the most frequent first. shifts: of all tracks, and of those that agree and flip; none without
    tracks. examples: flips, those of which the less confident model is most confident first. undecided_a, undecided_b:
    with a taxonomy map, tracks whose label could be another one if the probability outside `top_k` were known.
    """

    model_config = ConfigDict(frozen=True)

    output: str
    model_a: str
    model_b: str
    taxonomy: str | None
    tracks: int
    only_a: int
    only_b: int
    other_version: int
    both_answered: int
    agreement: float | None
    pairs: tuple[AnswerPair, ...]
    shifts: Mapping[str, ConfidenceShift]
    examples: tuple[FlippedTrack, ...]
    undecided_a: int | None
    undecided_b: int | None

    @property
    def flips(self) -> list[AnswerPair]:
        """The pairs of different genres, the most frequent first."""
        return [pair for pair in self.pairs if pair.is_flip]

    def matrix(self) -> tuple[list[str | None], list[list[int]]]:
        """The answers of either model, None last, and the tracks by answer of A (lines) and of B (columns)."""
        given = {genre for pair in self.pairs for genre in (pair.genre_a, pair.genre_b)}
        answers: list[str | None] = [*sorted(genre for genre in given if genre is not None)]
        answers += [None] if None in given else []
        counts = {(pair.genre_a, pair.genre_b): pair.tracks for pair in self.pairs}
        return answers, [[counts.get((row, column), 0) for column in answers] for row in answers]

    def summary(self) -> str:
        """The comparison as lines for a terminal."""
        share = "–" if self.agreement is None else f"{self.agreement:.1%}"
        apart = f"{self.only_a:,} only in A, {self.only_b:,} only in B"
        lines = [
            f"A {self.model_a}, B {self.model_b}: {plural(self.tracks, 'track')} of {self.output}",
            f"  not compared       {apart}, {self.other_version:,} answered for different bytes",
            f"  agreement          {share} of the {plural(self.both_answered, 'track')} to which both give a genre",
        ]
        for name, shift in self.shifts.items():
            means = f"mean confidence {shift.mean_a:.3f} -> {shift.mean_b:.3f}"
            quantiles = f"shift {shift.p10:+.3f} / {shift.p50:+.3f} / {shift.p90:+.3f} (p10, median, p90)"
            lines.append(f"  {name:<18} {plural(shift.tracks, 'track')}, {means}, {quantiles}")
        if self.undecided_a or self.undecided_b:
            counts = f"{self.undecided_a:,} in A, {self.undecided_b:,} in B"
            lines.append(f"  undecided          {counts}: genres outside top_k could change the label")
        return "\n".join([*lines, *self._matrix_lines(), *self._example_lines()])

    def _matrix_lines(self) -> list[str]:
        answers, counts = self.matrix()
        if len(answers) > _WIDEST_MATRIX:
            shown = [f"  {pair.tracks:>9,}  {pair.genre_a} -> {pair.genre_b}" for pair in self.flips[:_SHOWN]]
            return [f"the most frequent of {plural(len(self.flips), 'kind of flip', 'kinds of flips')}:", *shown]
        names = [ABSTAINED if answer is None else answer for answer in answers]
        width = max(map(len, names), default=0)
        rows = [
            f"  {name:<{width}} {''.join(f'{count:>9,}' for count in row)}"
            for name, row in zip(names, counts, strict=True)
        ]
        return ["answers of A by line, of B by column in the same order:", *rows] if rows else []

    def _example_lines(self) -> list[str]:
        flips = [
            f"  {flip.track_id}: {flip.genre_a} ({flip.confidence_a:.2f}) -> {flip.genre_b} ({flip.confidence_b:.2f})"
            for flip in self.examples[:_SHOWN]
        ]
        return ["flips on which both are confident:", *flips] if flips else []


def compare(config: CompareConfig) -> Comparison:
    """Compare the current answers of two models.

    Raises what `table.latest` raises, and UsageError if both models are the same or the taxonomy map does not fit.
    """
    if config.model_a == config.model_b:
        raise UsageError(f"{config.model_a!r} is both MODEL_A and MODEL_B", "name two models of the output")
    mapping = chosen_map(config.taxonomy, parents=config.parents)
    a, undecided_a = _answers(config.output, config.model_a, mapping)
    b, undecided_b = _answers(config.output, config.model_b, mapping)
    both = a.merge(b.drop(columns="uri"), on=_KEYS, suffixes=("_a", "_b"))
    shared = int(a["track_id"].isin(b["track_id"]).sum())
    answered = both[both["genre_a"].notna() & both["genre_b"].notna()]
    agrees = answered["genre_a"] == answered["genre_b"]
    agreed, flipped = answered[agrees], answered[~agrees]
    parts = {"all": both, "agreeing": agreed, "flipped": flipped}
    return Comparison(
        output=config.output,
        model_a=config.model_a,
        model_b=config.model_b,
        taxonomy=config.taxonomy,
        tracks=len(both),
        only_a=len(a) - shared,
        only_b=len(b) - shared,
        other_version=shared - len(both),
        both_answered=len(answered),
        agreement=len(agreed) / len(answered) if len(answered) else None,
        pairs=_pairs(both),
        shifts={name: _shift(rows) for name, rows in parts.items() if len(rows)},
        examples=_examples(flipped, config.examples),
        undecided_a=undecided_a,
        undecided_b=undecided_b,
    )


def _answers(output: str, model: str, mapping: TaxonomyMap | None) -> tuple[pd.DataFrame, int | None]:
    """The current answers of one model, and how many of their labels are not decided by the pairs of `top_k`."""
    if mapping is None:
        return table.latest(output, model, columns=_COLUMNS), None
    rows = read_relabelled(table.dataset(output, model), mapping, [*_COLUMNS, "top_k"], None)
    top_k = rows["top_k"].combine_chunks()
    best, second = np.asarray(rows["confidence"]), np.asarray(pc.fill_null(nth_pair(top_k, 1, "probability"), 0.0))
    listed = np.zeros(len(top_k))
    np.add.at(listed, np.asarray(pc.list_parent_indices(top_k)), np.asarray(top_k.flatten().field("probability")))
    frame: pd.DataFrame = rows.drop_columns("top_k").to_pandas()
    # a genre outside `top_k` may count towards the second label, or be a label of its own
    return frame, int(((best - second) < (1.0 - listed) - _ROUNDING).sum())


_ROUNDING = 1e-4
"""Probabilities are float32, and sum to 1 only up to this."""


def _pairs(both: pd.DataFrame) -> tuple[AnswerPair, ...]:
    counted = both.groupby(["genre_a", "genre_b"], dropna=False).size().reset_index(name="tracks")
    pairs = [
        AnswerPair(genre_a=None if pd.isna(a) else a, genre_b=None if pd.isna(b) else b, tracks=int(tracks))
        for a, b, tracks in counted.itertuples(index=False)
    ]
    return tuple(sorted(pairs, key=lambda pair: (-pair.tracks, pair.genre_a or "", pair.genre_b or "")))


def _shift(rows: pd.DataFrame) -> ConfidenceShift:
    a, b = (rows[name].to_numpy(np.float64) for name in ("confidence_a", "confidence_b"))
    p10, p50, p90 = np.quantile(b - a, (0.1, 0.5, 0.9)).tolist()
    return ConfidenceShift(tracks=len(rows), mean_a=a.mean(), mean_b=b.mean(), p10=p10, p50=p50, p90=p90)


def _examples(flipped: pd.DataFrame, most: int) -> tuple[FlippedTrack, ...]:
    sureness = flipped[["confidence_a", "confidence_b"]].min(axis=1)
    order = flipped.assign(sureness=sureness).sort_values(["sureness", "track_id"], ascending=[False, True]).head(most)
    columns: Sequence[str] = list(FlippedTrack.model_fields)
    return tuple(
        FlippedTrack.model_validate(dict(zip(columns, row, strict=True)))
        for row in order[columns].itertuples(index=False, name=None)
    )
