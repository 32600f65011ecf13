"""`adopt`: a model that was trained elsewhere becomes a bundle."""

import json
from collections.abc import Mapping
from typing import Annotated, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from genre_batch.catalog.reject import printable
from genre_batch.errors import UsageError
from genre_batch.features.front_end import FrontEnd
from genre_batch.model.architecture import HuggingFaceSettings, OnnxSettings
from genre_batch.model.bundle import Bundle, sha256_hex
from genre_batch.model.classifier import FileName
from genre_batch.model.golden import synthesise_chords
from genre_batch.model.manifest import BundleManifest, check_pooling
from genre_batch.model.open_predictor import open_predictor
from genre_batch.model.scores import Calibration, Pooling, Taxonomy
from genre_batch.storage.open_store import as_folder, open_store
from genre_batch.storage.store import ObjectGone, StorageError
from genre_batch.training.canary_clips import read_clips
from genre_batch.training.package import check_output, write_trained_bundle

_LABELS_FILE: FileName = "config.json"
_TRIAL_S = 1.0


class AdoptConfig(BaseModel):
    """Settings of `genre-batch adopt`.

    model: an ONNX file, or the folder of an audio classification model of transformers. output: the folder to write;
    it must not exist yet, or be empty. front_end: the input that the model was trained with. genres: in the order of
    its outputs; null takes those that a model of transformers names itself. calibration, thresholds: as `train` fits
    them, by default no change and no abstention. canaries: short audio files that each run scores too, as a check; null
    takes those of the project, an empty list none. card: what the model card says.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    model: str = Field(min_length=1)
    output: str = Field(min_length=1)
    name: Annotated[str, Field(pattern="^[a-z0-9][a-z0-9._-]{0,63}$")]
    architecture: Annotated[OnnxSettings | HuggingFaceSettings, Field(discriminator="name")]
    front_end: FrontEnd
    genres: list[str] | None = None
    calibration: Calibration = Calibration()
    thresholds: dict[str, float] = Field(default_factory=dict)
    pooling: Pooling = "mean_probability"
    canaries: list[str] | None = None
    card: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _genres_are_known(self) -> Self:
        check_pooling(self.pooling, self.front_end)
        if self.genres is None and isinstance(self.architecture, OnnxSettings):
            raise ValueError("genres are needed: an ONNX file does not name them")
        return self


class AdoptReport(BaseModel):
    """What `adopt` made. segment: rows and columns of the model's input."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    bundle: str
    model_id: str
    fingerprint: str
    architecture: str
    genres: list[str]
    segment: tuple[int, int]

    def summary(self) -> str:
        """A few lines for a terminal."""
        rows, columns = self.segment
        return (
            f"{self.model_id}: {self.bundle}\n"
            f"{self.architecture}, segments of {rows} x {columns}, {len(self.genres)} genres: "
            f"{printable(', '.join(self.genres))}\n"
            "its figures on your music: genre-batch evaluate BUNDLE LABELLED"
        )


def adopt(config: AdoptConfig) -> AdoptReport:
    """Check that the model runs on the front end's segments of a second of sound, and write its bundle.

    Raises UsageError if it does not, or the settings do not fit it; nothing is written then.
    """
    folder = check_output(config.output)
    files, clips = _read_model(config), read_clips(config.canaries)
    manifest = _manifest(config, files)
    _try(Bundle(config.model, manifest, files))
    bundle = write_trained_bundle(folder, manifest, files, clips=clips)
    return AdoptReport(
        bundle=bundle.uri,
        model_id=bundle.model_id,
        fingerprint=bundle.fingerprint,
        architecture=config.architecture.name,
        genres=manifest.taxonomy.genres,
        segment=config.front_end.segment_shape,
    )


def _read_model(config: AdoptConfig) -> dict[FileName, bytes]:
    names = config.architecture.weight_files
    if isinstance(config.architecture, OnnxSettings):
        return {name: _read(config.model, "give the exported .onnx file") for name in names}
    wanted = f"give a folder with {', '.join(names)}, as save_pretrained writes it"
    return {name: _read(as_folder(config.model) + name, wanted) for name in names}


def _read(uri: str, hint: str) -> bytes:
    try:
        return open_store(uri).read(uri)
    except ObjectGone as error:
        raise UsageError(f"there is no file {uri}", hint) from error
    except StorageError as error:
        raise UsageError(f"the model cannot be read: {error}", error.hint or hint) from error


def _manifest(config: AdoptConfig, files: Mapping[FileName, bytes]) -> BundleManifest:
    genres = config.genres if config.genres is not None else _named_labels(files[_LABELS_FILE])
    digests = {f"sha256 of {name}": sha256_hex(data) for name, data in files.items()}
    made = {"trained": "elsewhere; this bundle was made from the exported model by `genre-batch adopt`"}
    try:
        return BundleManifest(
            name=config.name,
            architecture=config.architecture,
            front_end=config.front_end,
            taxonomy=Taxonomy(genres=genres),
            calibration=config.calibration,
            thresholds=config.thresholds,
            pooling=config.pooling,
            training=config.card | made | digests,
        )
    except ValidationError as error:
        message = error.errors(include_url=False)[0]["msg"]
        raise UsageError(f"the genres or thresholds do not fit: {message}", f"the genres are {genres}") from error


def _named_labels(data: bytes) -> list[str]:
    """The labels of a transformers config.json in output order. Raises UsageError for default names such as LABEL_0."""
    try:
        labels = {int(place): str(label) for place, label in json.loads(data)["id2label"].items()}
        named = [labels[place] for place in range(len(labels))]
        if named == [f"LABEL_{place}" for place in range(len(named))]:
            raise KeyError("id2label")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UsageError(f"{_LABELS_FILE} of the model names no genres", "give them as `genres`") from error
    return named


def _try(draft: Bundle) -> None:
    front_end = draft.manifest.front_end
    sound = synthesise_chords(front_end.sample_rate, _TRIAL_S).astype(np.float32) / np.float32(32768.0)
    logits = open_predictor(draft, device="cpu").logits(front_end.segments(sound))
    if not np.isfinite(logits).all():
        raise UsageError(
            "the model answers a second of sound with values that are not finite", "check the export and the front end"
        )
