"""Runs a bundle's estimator on segments."""

from genre_batch.features.front_end import Segments
from genre_batch.model.architecture import weight_files
from genre_batch.model.bundle import Bundle
from genre_batch.model.calibration import Floats
from genre_batch.model.devices import Precision
from genre_batch.model.estimators.load import load_estimator


class EstimatorPredictor:
    """An estimator on the CPU. Raises UsageError where the weights are damaged or hold what no estimator is made of."""

    def __init__(self, bundle: Bundle) -> None:
        manifest = bundle.manifest
        self.precision: Precision = "fp32"
        rows, columns = manifest.front_end.segment_shape
        self._estimator = load_estimator(
            manifest.architecture,
            bundle.files[weight_files(manifest.architecture)[0]],
            rows,
            columns,
            len(manifest.taxonomy.genres),
        )

    def logits(self, segments: Segments) -> Floats:
        """Log-probabilities [n, n_genres] float32 of `segments` [n, rows, columns]."""
        return self._estimator.log_probabilities(segments)
