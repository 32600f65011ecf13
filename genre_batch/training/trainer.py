"""`train`: labelled tracks become a model bundle with honest figures."""

import platform
import time
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt

from genre_batch.features.front_end import FrontEnd, LogMelFrontEnd
from genre_batch.model.architecture import Architecture
from genre_batch.model.bundle import Bundle
from genre_batch.model.calibration import Calibration
from genre_batch.model.manifest import BundleManifest
from genre_batch.model.taxonomy import Taxonomy
from genre_batch.training.corpus import TrainingCorpus, read_training_corpus
from genre_batch.training.cross_validation import calibrate, cross_validate, precision_threshold
from genre_batch.training.figures import Figures, held_out_figures
from genre_batch.training.fit import Optimisation, Progress
from genre_batch.training.package import check_output, write_trained_bundle
from genre_batch.training.progress import epoch_teller, tell
from genre_batch.training.recipe import FittedModel, Recipe, check_recipe, fit_model
from genre_batch.training.splits import group_folds, split_digest


class TrainConfig(BaseModel):
    """Settings of `genre-batch train`.

    source: a folder with one folder a genre, or a table of labelled tracks. output: the folder to write; it must not
    exist yet, or be empty. folds: parts of the cross-validation, by artist; repeats: how often it is done, each time
    with other folds. target_precision: the model abstains below the confidence from which on this share of its
    answers to held-out tracks was right; null never abstains. cache: a folder for computed spectrograms.
    card: what the model card says besides the figures.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    source: str = Field(min_length=1)
    output: str = Field(min_length=1)
    name: Annotated[str, Field(pattern="^[a-z0-9][a-z0-9._-]{0,63}$")]
    architecture: Architecture
    front_end: FrontEnd = LogMelFrontEnd()
    optimisation: Optimisation = Optimisation()
    folds: int = Field(default=5, ge=2)
    repeats: PositiveInt = 1
    seed: int = Field(default=0, ge=0, lt=2**31)
    target_precision: float | None = Field(default=None, gt=0.0, le=1.0)
    cache: str | None = None
    deadline_s: PositiveFloat = 60.0
    card: dict[str, str] = Field(default_factory=dict)


class TrainReport(BaseModel):
    """What `train` did. `figures` are those of held-out tracks; `skipped` counts bad tracks by reason."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    bundle: str
    model_id: str
    fingerprint: str
    tracks: int
    skipped: dict[str, int]
    genres: list[str]
    parameters: int
    split_digest: str
    figures: Figures
    wall_s: float

    def summary(self) -> str:
        """A few lines for a terminal."""
        figures, skipped = self.figures, sum(self.skipped.values())
        return (
            f"{self.model_id}: {self.bundle}\n"
            f"{self.tracks} tracks of {len(self.genres)} genres, {skipped} skipped; {self.wall_s:.0f} s\n"
            f"on artists never heard: accuracy {figures.accuracy_mean:.3f} +- {figures.accuracy_sd:.3f} over folds, "
            f"macro F1 {figures.macro_f1:.3f}, calibration error {figures.ece_before:.3f} -> {figures.ece_after:.3f}"
        )


def train(config: TrainConfig) -> TrainReport:
    """Cross-validate, calibrate on the held-out answers, fit on all tracks, and write the bundle to `config.output`.

    Figures and calibration come from held-out artists only; the shipped network has heard all of them. Progress goes
    to stderr. Raises UsageError where the corpus or the settings do not allow it; `output` then stays as it was.
    """
    start_s = time.monotonic()
    output = check_output(config.output)
    cache = None if config.cache is None else Path(config.cache).expanduser()
    corpus = read_training_corpus(config.source, config.front_end, cache=cache, deadline_s=config.deadline_s)
    recipe = Recipe(config.architecture, config.front_end, config.optimisation, len(corpus.genres))
    check_recipe(recipe)
    figures, digest = _validate(config, recipe, corpus)
    progress = epoch_teller("all tracks", config.optimisation.epochs)
    model = fit_model(recipe, corpus.spectrograms, corpus.labels, seed=config.seed, progress=progress)
    bundle = write_trained_bundle(output, _manifest(config, corpus, figures, digest, model), model.network)
    return _report(bundle, corpus, figures, digest, model, time.monotonic() - start_s)


def _validate(config: TrainConfig, recipe: Recipe, corpus: TrainingCorpus) -> tuple[Figures, str]:
    """Figures of held-out tracks, with the temperature and threshold they lead to, and the digest of the splits."""
    splits = [group_folds(corpus.tracks, config.folds, config.seed + repeat) for repeat in range(config.repeats)]
    repeats = [
        cross_validate(
            recipe,
            corpus.spectrograms,
            corpus.labels,
            folds,
            seed=config.seed + 1000 * (repeat + 1),
            progress=partial(_fold_teller, config, repeat),
        )
        for repeat, folds in enumerate(splits)
    ]
    temperature = calibrate(repeats, corpus.labels).temperature
    threshold = None
    if config.target_precision is not None:
        answers = np.concatenate([held_out.probabilities(temperature) for held_out in repeats])
        threshold = precision_threshold(answers, np.tile(corpus.labels, len(repeats)), config.target_precision)
    figures = held_out_figures(
        repeats, splits, corpus.labels, corpus.genres, temperature=temperature, threshold=threshold
    )
    tell(f"accuracy on held-out artists {figures.accuracy_mean:.3f} +- {figures.accuracy_sd:.3f} over folds")
    return figures, split_digest(corpus.tracks, [fold for folds in splits for fold in folds])


def _fold_teller(config: TrainConfig, repeat: int, fold: int) -> Progress:
    what = f"repeat {repeat + 1}/{config.repeats}, fold {fold}/{config.folds}"
    return epoch_teller(what, config.optimisation.epochs)


def _manifest(
    config: TrainConfig, corpus: TrainingCorpus, figures: Figures, digest: str, model: FittedModel
) -> BundleManifest:
    return BundleManifest(
        name=config.name,
        architecture=config.architecture,
        front_end=model.front_end,
        taxonomy=Taxonomy(genres=corpus.genres),
        calibration=Calibration(temperature=figures.temperature),
        thresholds={} if figures.threshold is None else dict.fromkeys(corpus.genres, figures.threshold),
        metrics=figures.as_metrics(),
        training=config.card | _facts(config, corpus, digest),
        trained_on=sorted({example.sha256[:16] for example in corpus.examples}),
    )


def _facts(config: TrainConfig, corpus: TrainingCorpus, digest: str) -> dict[str, str]:
    counts = Counter(labelled.genre for labelled in corpus.tracks)
    groups = len({labelled.group for labelled in corpus.tracks})
    return {
        "tracks": f"{len(corpus.examples)}: " + ", ".join(f"{genre} {n}" for genre, n in sorted(counts.items())),
        "tracks skipped": ", ".join(f"{reason} {n}" for reason, n in sorted(corpus.skipped.items())) or "none",
        "figures": f"{config.folds}-fold cross-validation, {config.repeats} times, artists never on both sides "
        f"({groups} artists); the shipped weights were then fitted on all tracks",
        "split digest": digest,
        "seed": str(config.seed),
        "optimisation": config.optimisation.model_dump_json(),
        "versions": f"torch {torch.__version__}, numpy {np.__version__}, Python {platform.python_version()}",
    }


def _report(
    bundle: Bundle, corpus: TrainingCorpus, figures: Figures, digest: str, model: FittedModel, wall_s: float
) -> TrainReport:
    return TrainReport(
        bundle=bundle.uri,
        model_id=bundle.model_id,
        fingerprint=bundle.fingerprint,
        tracks=len(corpus.examples),
        skipped=corpus.skipped,
        genres=corpus.genres,
        parameters=sum(parameter.numel() for parameter in model.network.parameters()),
        split_digest=digest,
        figures=figures,
        wall_s=wall_s,
    )
