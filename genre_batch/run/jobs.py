"""The job of a run: which answers it computes, with which model or recipe, and for which table."""

import hashlib
import re
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Generic, Literal, TypeVar

import yaml
from pydantic import TypeAdapter, ValidationError

from genre_batch.config import FeaturesConfig, JobConfig, ScoreConfig, TableConfig
from genre_batch.errors import UsageError
from genre_batch.features.front_end import FrontEnd
from genre_batch.features.front_ends.descriptors import DescriptorFrontEnd
from genre_batch.model.architecture import OnnxSettings
from genre_batch.model.bundle import ANSWERS_VERSION, MANIFEST_FILE, SHIPPED_BUNDLES, Bundle, load_bundle
from genre_batch.model.canaries import CANARY_TOLERANCE, Canary, read_canaries
from genre_batch.model.check_weights import check_weights
from genre_batch.model.estimators.estimator import EstimatorSettings
from genre_batch.model.exported.onnx_predictor import has_cuda
from genre_batch.model.networks.settings import NetworkSettings
from genre_batch.model.open_predictor import open_predictor
from genre_batch.sink.tables import MakeTable, features_maker, make_scores
from genre_batch.stages.predict import PredictPool
from genre_batch.training.recipe_files import recipe_file

_FRONT_END: TypeAdapter[FrontEnd] = TypeAdapter(FrontEnd)
Config_co = TypeVar("Config_co", bound=TableConfig, covariant=True)
_NOT_IN_A_NAME = re.compile(r"[^a-z0-9._-]+")


def descriptors_of(recipe: str) -> tuple[str, DescriptorFrontEnd]:
    """The name of a recipe, fit for a path, and its front end, not standardised.

    recipe: a name, a YAML file of train settings, or the folder of a bundle. Raises UsageError if it cannot be read
    or its front end does not compute descriptors.
    """
    name, front_end = _read(recipe)
    if not isinstance(front_end, DescriptorFrontEnd):
        raise UsageError(
            f"the recipe {recipe} has no descriptors: its front end is {front_end.name}",
            "take one whose front end is `descriptors`, such as descriptor_mlp",
        )
    return _NOT_IN_A_NAME.sub("-", name.lower()).strip("-.") or "descriptors", front_end.whole()


def _read(recipe: str) -> tuple[str, FrontEnd]:
    if recipe.endswith((".yaml", ".yml")):
        return Path(recipe).stem, _front_end_in(Path(recipe))
    if recipe in SHIPPED_BUNDLES or "/" in recipe or (Path(recipe) / MANIFEST_FILE).is_file():
        manifest = load_bundle(recipe).manifest
        return manifest.name, manifest.front_end
    return recipe, _front_end_in(recipe_file(recipe))


def _front_end_in(path: Path) -> FrontEnd:
    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8"))
        return _FRONT_END.validate_python(tree["front_end"])
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}", "check the path") from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, TypeError, KeyError, ValidationError) as error:
        raise UsageError(f"{path} has no valid front_end", "see configs/train/ for examples") from error


@dataclass(frozen=True, slots=True)
class Job(Generic[Config_co]):
    """What a run computes: which answers, with which model, for which table.

    config: its settings. model_id, fingerprint: what made an answer, and whether an old one still holds. make_table:
    the table of a shard's answers. ask_first: whether the cluster may lack what the settings ask for; any machine has
    the one CPU of the defaults. canaries: clips that the run scores too, as a check; canary_tolerance: how far their
    probabilities may be from the expected ones.
    """

    config: Config_co
    answers: Literal["scores", "features"]
    model_id: str
    fingerprint: str
    make_table: MakeTable
    ask_first: bool
    canaries: tuple[Canary, ...] = ()
    canary_tolerance: float = 0.0


def scoring_job(config: ScoreConfig) -> Job[ScoreConfig]:
    """The job of `genre-batch score`. Raises UsageError if the bundle cannot be used."""
    bundle = load_bundle(config.bundle).chosen(config.min_precision, config.tags_above, config.min_in_scope)
    check_weights(bundle)
    bundle.manifest.architecture.check_precision(config.predict.precision)
    if isinstance(bundle.manifest.architecture, EstimatorSettings):
        open_predictor(bundle)  # cheap here, and damage is reported before any work
    if _is_for_cpus(bundle, config.predict):
        on_cpu = config.predict.model_copy(update={"device": "cpu"})  # it would hold a GPU and never use it
        config = config.model_copy(update={"predict": on_cpu})
    ask_first = _many_cpus(config) or bool(config.predict.num_gpus) or config.predict.device == "cuda"
    return Job(
        config,
        "scores",
        bundle.model_id,
        bundle.fingerprint,
        make_scores,
        ask_first,
        read_canaries(bundle),
        CANARY_TOLERANCE[config.predict.precision],
    )


def _is_for_cpus(bundle: Bundle, pool: PredictPool) -> bool:
    """Whether the model of a run can only run on CPUs. Raises UsageError if the settings ask for CUDA nevertheless.

    An ONNX model is asked for only with `auto`: with `cuda`, the workers may have an onnxruntime that this machine has
    not, and say so if they have none either.
    """
    match bundle.manifest.architecture:
        case EstimatorSettings():
            return True
        case OnnxSettings():
            return pool.device == "auto" and not has_cuda()
        case NetworkSettings() if pool.runtime == "onnx":
            if pool.device == "cuda":
                raise UsageError(
                    "predict.runtime is onnx, which runs networks on CPUs, and predict.device is cuda",
                    "set predict.device to auto or cpu, or predict.runtime to torch",
                )
            return True
        case _:
            return False


def features_job(config: FeaturesConfig) -> Job[FeaturesConfig]:
    """The job of `genre-batch features`. Raises UsageError if the recipe has no descriptors."""
    name, front_end = descriptors_of(config.recipe)
    # there are no golden vectors here that would notice another library's numbers
    made_with = f"features {ANSWERS_VERSION} {front_end.digest()} librosa {version('librosa')}"
    fingerprint = hashlib.sha256(made_with.encode()).hexdigest()
    model_id = f"{name}-{fingerprint[:8]}"
    return Job(config, "features", model_id, fingerprint, features_maker(front_end), _many_cpus(config))


def _many_cpus(config: JobConfig) -> bool:
    return config.extract.min_size * config.extract.num_cpus > 1
