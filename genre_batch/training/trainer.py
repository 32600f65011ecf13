"""`train`: labelled tracks become a model bundle with figures of held-out tracks."""

import time
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np

from genre_batch.catalog.corpora import LabelledTrack, read_corpus
from genre_batch.features.segments import Segments
from genre_batch.model.bundle import Bundle
from genre_batch.model.manifest import BundleManifest
from genre_batch.model.networks.settings import TrunkSettings
from genre_batch.model.scope import ScopeCalibration
from genre_batch.model.scores import Calibration, Taxonomy
from genre_batch.notices import say, warn
from genre_batch.training.canary_clips import read_clips
from genre_batch.training.corpus import TrainingCorpus, by_segment, read_material, read_training_corpus
from genre_batch.training.cross_validation import cross_validate, mean_curves
from genre_batch.training.dataset import Extract, as_segments, extract_here
from genre_batch.training.feature_cache import Pieces
from genre_batch.training.figures import HeldOutFigures, held_out_figures
from genre_batch.training.fit import EpochProgress, Optimisation, epoch_progress
from genre_batch.training.fitted_model import FittedModel, Repeat
from genre_batch.training.package import card_facts, check_output, write_trained_bundle
from genre_batch.training.recipe import Recipe, check_recipe, fit_model
from genre_batch.training.scope_by_folds import scope_by_folds
from genre_batch.training.splits import Fold, assign_parts, group_folds, listed_fold, random_folds, split_digest
from genre_batch.training.train_config import HELD_OUT, TrainConfig, TrainReport
from genre_batch.training.work_folder import FoldStore, work_folder

_MOST_EMBEDDED = 4096
"""Segments that the projection of embeddings is fitted to."""


@dataclass(frozen=True, slots=True)
class _Training:
    """The inputs of one training.

    material: the pieces to learn from, for each example of the corpus. tracks: how many can be read. splits: the folds
    of each repeat; digest identifies them.
    """

    config: TrainConfig
    recipe: Recipe
    corpus: TrainingCorpus
    material: list[Pieces]
    tracks: int
    splits: list[list[Fold]]
    digest: str
    store: FoldStore


def train(config: TrainConfig, extract: Extract | None = None) -> TrainReport:
    """Cross-validate, calibrate on the held-out answers, fit on all tracks, and write the bundle to `config.output`.

    Figures and calibration come from held-out tracks only. With `split: listed` the shipped model is the one that was
    measured, and learned from the train list alone; otherwise it learns from all tracks. extract: computes features, by
    default in this process. Progress goes to stderr. A training that was killed resumes where it stopped.
    Raises UsageError if the corpus or the settings do not allow it; `output` is unchanged then.
    """
    start_s = time.monotonic()
    output, clips = check_output(config.output), read_clips(config.canaries)
    labelled = read_corpus(config.source)
    listed = assign_parts(labelled, config.split_files) if config.split == "listed" else labelled
    with work_folder(output) as folder:
        extract = extract or partial(extract_here, deadline_s=config.deadline_s)
        training = _prepare(config, listed, extract, folder)
        repeats = _cross_validate(training)
        figures = held_out_figures(
            repeats, training.corpus.labels, training.corpus.genres, target_precision=config.target_precision
        )
        say(f"{HELD_OUT[config.split]}: accuracy {figures.accuracy_text()}")
        model = _fit_shipped(training)
        manifest = _manifest(training, figures, repeats, model, _scope(training, repeats))
        embed = _some_segments(training, model) if config.embedding else None
        bundle = write_trained_bundle(output, manifest, model.weights(), embed, clips)
    return _report(training, bundle, figures, model, len(labelled) - len(listed), time.monotonic() - start_s)


def _prepare(config: TrainConfig, tracks: list[LabelledTrack], extract: Extract, folder: Path) -> _Training:
    """Everything needed before the first fit. Raises UsageError if the corpus or the settings do not allow one."""
    if not config.leaky:
        _splits(config, tracks)
    check_recipe(_recipe(config, sorted({labelled.genre for labelled in tracks})))
    cache = folder / "features" if config.cache is None else Path(config.cache).expanduser()
    corpus = read_training_corpus(tracks, config.front_end, extract, cache, config.unreadable)
    material = corpus.pieces
    if config.training_window is not None:
        longer = config.front_end.model_copy(update={"window": config.training_window})
        material = read_material(corpus, longer, extract, cache)
    readable = len(corpus.examples)
    if config.leaky:
        corpus = by_segment(corpus, config.front_end)
        if len(corpus.examples) == readable:
            warn("every track has one segment: this split leaks artists, but no pieces of tracks")
        material = corpus.pieces
    splits = _splits(config, corpus.tracks)
    digest = split_digest(corpus.tracks, [fold for folds in splits for fold in folds])
    store = FoldStore(folder, _identity(config, corpus, digest))
    return _Training(config, _recipe(config, corpus.genres), corpus, material, readable, splits, digest, store)


def _recipe(config: TrainConfig, genres: list[str]) -> Recipe:
    optimisation = config.optimisation
    if config.leaky and optimisation is not None:
        # every segment is an example of its own and is shown in every epoch anyway
        optimisation = optimisation.model_copy(update={"segments_per_track": 1})
    return Recipe(config.architecture, config.front_end, optimisation, genres, config.standardise, config.pooling)


def _splits(config: TrainConfig, tracks: list[LabelledTrack]) -> list[list[Fold]]:
    """The folds of each repeat."""
    match config.split:
        case "listed":
            return [[listed_fold(tracks)]] * config.repeats
        case "artist":
            return [group_folds(tracks, config.folds, config.seed + repeat) for repeat in range(config.repeats)]
        case "track" | "segment_random":
            return [random_folds(tracks, config.folds, config.seed + repeat) for repeat in range(config.repeats)]


def _identity(config: TrainConfig, corpus: TrainingCorpus, digest: str) -> dict[str, object]:
    """Everything that decides the weights: only a training with the same identity may reuse what another has done."""
    settings = config.model_dump(
        mode="json",
        exclude={"source", "output", "name", "target_precision", "cache", "deadline_s", "card", "embedding"},
    )
    tracks = [(each.labelled.track.track_id, each.sha256, each.labelled.genre) for each in corpus.examples]
    versions = {library: version(library) for library in ("genre-batch", "torch", "numpy", "scikit-learn")}
    return {"settings": settings, "tracks": tracks, "split": digest, "versions": versions}


def _cross_validate(training: _Training) -> list[Repeat]:
    config, corpus = training.config, training.corpus
    return [
        cross_validate(
            training.recipe,
            training.material,
            corpus.pieces,
            corpus.labels,
            folds,
            name=f"repeat-{repeat}",
            store=training.store,
            seed=_seed(config, repeat),
            progress=partial(_fold_progress, config, repeat, len(folds)),
        )
        for repeat, folds in enumerate(training.splits, start=1)
    ]


def _fit_shipped(training: _Training) -> FittedModel:
    """The model for the bundle: fitted on all tracks or, with lists, the first one that was measured."""
    config, rows, name, seed = training.config, np.arange(len(training.corpus.examples)), "all", training.config.seed
    if config.split == "listed":
        rows, name, seed = training.splits[0][0].train, "repeat-1-fold-1", _seed(config, 1) + 1
    return fit_model(
        training.recipe,
        [training.material[row] for row in rows],
        training.corpus.labels[rows],
        seed=seed,
        progress=epoch_progress("the shipped model", _epochs(config)),
        checkpoint=training.store.checkpoint(name),
    )


def _some_segments(training: _Training, model: FittedModel) -> Segments:
    """Segments of all tracks that the bundle's model learned from, evenly picked, at most _MOST_EMBEDDED."""
    config, pieces = training.config, training.corpus.pieces
    learned = training.splits[0][0].train if config.split == "listed" else range(len(pieces))
    segments = np.concatenate([as_segments(pieces[row], model.front_end) for row in learned])
    return segments[:: -(-len(segments) // _MOST_EMBEDDED)]


def _seed(config: TrainConfig, repeat: int) -> int:
    return config.seed + 1000 * repeat


def _epochs(config: TrainConfig) -> int:
    return (config.optimisation or Optimisation()).epochs


def _fold_progress(config: TrainConfig, repeat: int, folds: int, fold: int) -> EpochProgress:
    return epoch_progress(f"repeat {repeat}/{config.repeats}, fold {fold}/{folds}", _epochs(config))


def _scope(training: _Training, repeats: list[Repeat]) -> ScopeCalibration | None:
    """How typical the held-out tracks of the first repeat are; None if the classifier has no such score."""
    architecture, corpus = training.config.architecture, training.corpus
    if not isinstance(architecture, TrunkSettings):
        return None
    return scope_by_folds(architecture, training.recipe.front_end, corpus, training.splits[0], repeats[0])


def _manifest(
    training: _Training,
    figures: HeldOutFigures,
    repeats: list[Repeat],
    model: FittedModel,
    scope: ScopeCalibration | None,
) -> BundleManifest:
    config, examples = training.config, training.corpus.examples
    learned = examples if config.split != "listed" else [examples[row] for row in training.splits[0][0].train]
    return BundleManifest(
        name=config.name,
        architecture=config.architecture,
        front_end=model.front_end,
        taxonomy=Taxonomy(genres=training.corpus.genres),
        calibration=Calibration(temperature=figures.temperature),
        thresholds=figures.thresholds,
        thresholds_at=figures.thresholds_at,
        scope=scope,
        pooling=config.pooling,
        metrics=figures.as_metrics(),
        training=config.card | card_facts(config, training.corpus, training.digest),
        leaky=config.leaky,
        curves=mean_curves(repeats),
        trained_on=sorted({example.sha256[:16] for example in learned}),
    )


def _report(
    training: _Training, bundle: Bundle, figures: HeldOutFigures, model: FittedModel, left_out: int, wall_s: float
) -> TrainReport:
    return TrainReport(
        bundle=bundle.uri,
        model_id=bundle.model_id,
        fingerprint=bundle.fingerprint,
        tracks=training.tracks,
        skipped=training.corpus.skipped,
        left_out=left_out,
        genres=training.corpus.genres,
        parameters=model.parameters,
        split=training.config.split,
        leaky=training.config.leaky,
        split_digest=training.digest,
        figures=figures,
        wall_s=wall_s,
    )
