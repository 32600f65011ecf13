"""Whether a track is music of the genres that a model knows at all."""

from typing import Annotated

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

from genre_batch.model.scores import Floats, pool

_STEPS = 100
_LEAST_STD = 1e-9


class ScopeCalibration(BaseModel):
    """How typical held-out tracks of the genres are: what `in_scope` of other tracks is compared with.

    A track is typical if its logits are large and it is near to the mean of a genre. evidence_mean, evidence_std: of
    the logsumexp of a track's logits, averaged over segments. distance_mean, distance_std: likewise of its distance.
    quantiles: of the first less the second, both standardised, from the least typical held-out track to the most.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    evidence_mean: FiniteFloat
    evidence_std: Annotated[FiniteFloat, Field(gt=0)]
    distance_mean: FiniteFloat
    distance_std: Annotated[FiniteFloat, Field(gt=0)]
    quantiles: list[FiniteFloat] = Field(min_length=2)

    def typicality(self, evidence: Floats, distances: Floats) -> Floats:
        """The score [n] of tracks with this evidence [n] and these distances [n]; large is typical."""
        typical: Floats = (evidence - self.evidence_mean) / self.evidence_std - (
            distances - self.distance_mean
        ) / self.distance_std
        return typical

    def in_scope(self, evidence: Floats, distances: Floats) -> Floats:
        """The share [n] of held-out tracks of the genres that are less typical than each of these tracks."""
        shares = np.linspace(0.0, 1.0, len(self.quantiles))
        share: Floats = np.interp(self.typicality(evidence, distances), self.quantiles, shares).astype(np.float32)
        return share

    def of_tracks(self, logits: Floats, distances: Floats, track_rows: npt.NDArray[np.int32], n_tracks: int) -> Floats:
        """`in_scope` [n_tracks] of tracks from the logits [n, n_genres] and distances [n] of their segments.

        track_rows: [n], the track of each segment. A track without segments gets NaN.
        """
        columns = np.stack([evidence_of(logits), distances], axis=1)
        return self.in_scope(*pool(columns, track_rows, n_tracks).T)


def evidence_of(logits: Floats) -> Floats:
    """The logsumexp [n] of each row of `logits` [n, n_genres]: the larger, the more speaks for any genre at all."""
    largest = logits.max(axis=1)
    evidence: Floats = largest + np.log(np.exp(logits - largest[:, None]).sum(axis=1))
    return evidence


def fit_scope(evidence: Floats, distances: Floats) -> ScopeCalibration:
    """The calibration by held-out tracks with this evidence [n] and these distances [n]."""
    plain = ScopeCalibration(
        evidence_mean=float(evidence.mean()),
        evidence_std=float(evidence.std()) + _LEAST_STD,
        distance_mean=float(distances.mean()),
        distance_std=float(distances.std()) + _LEAST_STD,
        quantiles=[0.0, 1.0],
    )
    quantiles = np.quantile(plain.typicality(evidence, distances), np.linspace(0.0, 1.0, _STEPS + 1))
    return plain.model_copy(update={"quantiles": quantiles.tolist()})
