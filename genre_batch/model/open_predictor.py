"""The predictor of a bundle, whatever family its classifier is of."""

from genre_batch.errors import UsageError
from genre_batch.model.architecture import (
    ClustersSettings,
    ForestSettings,
    GaussianNeighboursSettings,
    HuggingFaceSettings,
    NeighboursSettings,
    OnnxSettings,
    SvmSettings,
)
from genre_batch.model.bundle import Bundle
from genre_batch.model.devices import Device, Precision, Runtime
from genre_batch.model.golden import GivesLogits

# Each family's libraries are loaded only where a bundle needs them.


def open_predictor(
    bundle: Bundle, device: Device = "auto", precision: Precision = "fp32", runtime: Runtime = "torch"
) -> GivesLogits:
    """What turns segments into logits for `bundle`; for estimators these are log-probabilities.

    Estimators run on the CPU whatever `device` says; `runtime` is for networks that were trained here.
    Raises UsageError where the weights cannot be used, a library is missing, or `device` or `precision` asks for what
    there is not.
    """
    match bundle.manifest.architecture:
        case (
            ForestSettings() | SvmSettings() | NeighboursSettings() | ClustersSettings() | GaussianNeighboursSettings()
        ):
            from genre_batch.model.estimators.predictor import EstimatorPredictor

            _check_single(bundle, precision)
            return EstimatorPredictor(bundle)
        case OnnxSettings():
            from genre_batch.model.exported.onnx_predictor import OnnxPredictor

            _check_single(bundle, precision)
            return OnnxPredictor(bundle, device)
        case HuggingFaceSettings():
            from genre_batch.model.exported.hugging_face_predictor import HuggingFacePredictor

            _check_single(bundle, precision)
            return HuggingFacePredictor(bundle, device)
        case _:
            from genre_batch.model.predictor import Predictor

            return Predictor(bundle, device, precision, runtime=runtime)


def _check_single(bundle: Bundle, precision: Precision) -> None:
    if precision != "fp32":
        name = bundle.manifest.architecture.name
        raise UsageError(f"a model of kind {name} runs in fp32 only, not in {precision}", "set predict.precision=fp32")
