"""Opens the predictor of a bundle, for every family of classifiers."""

from genre_batch.features.segments import Segments
from genre_batch.model.architecture import HuggingFaceSettings, OnnxSettings
from genre_batch.model.bundle import Bundle
from genre_batch.model.devices import Device, Precision, Runtime
from genre_batch.model.estimators.estimator import EstimatorSettings
from genre_batch.model.golden import GivesLogits
from genre_batch.model.scores import Floats

# The libraries of each family are loaded only when a bundle needs them.


class EstimatorPredictor:
    """An estimator on the CPU. Raises UsageError if the weights are damaged or hold anything but an estimator."""

    def __init__(self, bundle: Bundle) -> None:
        settings, manifest = bundle.manifest.architecture, bundle.manifest
        assert isinstance(settings, EstimatorSettings)
        self.precision: Precision = "fp32"
        weights = bundle.files[settings.weight_files[0]]
        self._estimator = settings.load(weights, manifest.front_end.segment_shape, len(manifest.taxonomy.genres))

    def logits(self, segments: Segments) -> Floats:
        """Log-probabilities [n, n_genres] float32 of `segments` [n, rows, columns]."""
        return self._estimator.log_probabilities(segments)


def open_predictor(
    bundle: Bundle, device: Device = "auto", precision: Precision = "fp32", runtime: Runtime = "torch"
) -> GivesLogits:
    """What turns segments into logits for `bundle`; for estimators these are log-probabilities.

    Estimators always run on the CPU; `runtime` is for networks that were trained here.
    Raises UsageError if the weights cannot be used, a library is missing, or `device` or `precision` is not available.
    """
    bundle.manifest.architecture.check_precision(precision)
    match bundle.manifest.architecture:
        case EstimatorSettings():
            return EstimatorPredictor(bundle)
        case OnnxSettings():
            from genre_batch.model.exported.onnx_predictor import OnnxPredictor

            return OnnxPredictor(bundle, device)
        case HuggingFaceSettings():
            from genre_batch.model.exported.hugging_face_predictor import HuggingFacePredictor

            return HuggingFacePredictor(bundle, device)
        case _:
            from genre_batch.model.predictor import Predictor

            return Predictor(bundle, device, precision, runtime=runtime)
