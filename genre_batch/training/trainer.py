"""`train`: labelled tracks become a model bundle with honest figures."""

import time
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np

from genre_batch.catalog.corpora import LabelledTrack, read_corpus
from genre_batch.model.bundle import Bundle
from genre_batch.model.calibration import Calibration
from genre_batch.model.manifest import BundleManifest
from genre_batch.model.taxonomy import Taxonomy
from genre_batch.training.answers import Repeat
from genre_batch.training.corpus import TrainingCorpus, by_segment, read_material, read_training_corpus
from genre_batch.training.cross_validation import cross_validate, mean_curves
from genre_batch.training.dataset import Extract, extract_here
from genre_batch.training.feature_cache import Pieces
from genre_batch.training.figures import Figures, held_out_figures
from genre_batch.training.fit import Optimisation, Progress
from genre_batch.training.fitted_model import FittedModel
from genre_batch.training.model_card_facts import card_facts
from genre_batch.training.package import check_output, write_trained_bundle
from genre_batch.training.progress import epoch_teller, tell
from genre_batch.training.recipe import Recipe, check_recipe, fit_model
from genre_batch.training.split_lists import parts_of
from genre_batch.training.splits import Fold, group_folds, listed_fold, random_folds, split_digest
from genre_batch.training.train_config import TrainConfig
from genre_batch.training.train_report import HELD_OUT, TrainReport
from genre_batch.training.work_folder import Work, work_folder


@dataclass(frozen=True, slots=True)
class _Training:
    """What one training works with.

    material: what is learned from, for each example of the corpus. tracks: how many can be read. splits: the folds of
    each repeat; digest tells them apart.
    """

    config: TrainConfig
    recipe: Recipe
    corpus: TrainingCorpus
    material: list[Pieces]
    tracks: int
    splits: list[list[Fold]]
    digest: str
    work: Work


def train(config: TrainConfig, extract: Extract | None = None) -> TrainReport:
    """Cross-validate, calibrate on the held-out answers, fit on all tracks, and write the bundle to `config.output`.

    Figures and calibration come from held-out tracks only. With `split: listed` the shipped model is the one that was
    measured, and learned from the train list alone; else it has learned from all tracks. `extract` computes features,
    in this process unless another is given. Progress goes to stderr. A training that was killed goes on where it was.
    Raises UsageError where the corpus or the settings do not allow it; `output` then stays as it was.
    """
    start_s = time.monotonic()
    output = check_output(config.output)
    labelled = read_corpus(config.source)
    listed = parts_of(labelled, config.split_files) if config.split == "listed" else labelled
    with work_folder(output) as folder:
        extract = extract or partial(extract_here, deadline_s=config.deadline_s)
        training = _prepare(config, listed, extract, folder)
        repeats = _cross_validate(training)
        figures = held_out_figures(
            repeats, training.corpus.labels, training.corpus.genres, target_precision=config.target_precision
        )
        tell(f"{HELD_OUT[config.split]}: accuracy {figures.accuracy_text()}")
        model = _fit_shipped(training)
        manifest = _manifest(training, figures, repeats, model)
        bundle = write_trained_bundle(output, manifest, model.weights())
    return _report(training, bundle, figures, model, len(labelled) - len(listed), time.monotonic() - start_s)


def _prepare(config: TrainConfig, tracks: list[LabelledTrack], extract: Extract, folder: Path) -> _Training:
    """Everything that is needed before the first fit. Raises UsageError where there can be none."""
    if not config.leaky:
        _splits(config, tracks)
    check_recipe(_recipe(config, len({labelled.genre for labelled in tracks})))
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
            tell("every track has one segment: this split leaks artists, and no pieces of tracks")
        material = corpus.pieces
    splits = _splits(config, corpus.tracks)
    digest = split_digest(corpus.tracks, [fold for folds in splits for fold in folds])
    work = Work(folder, _identity(config, corpus, digest))
    return _Training(config, _recipe(config, len(corpus.genres)), corpus, material, readable, splits, digest, work)


def _recipe(config: TrainConfig, n_genres: int) -> Recipe:
    optimisation = config.optimisation
    if config.leaky and optimisation is not None:
        # every segment is an example there, so that it is shown in every epoch anyway
        optimisation = optimisation.model_copy(update={"segments_per_track": 1})
    return Recipe(config.architecture, config.front_end, optimisation, n_genres, config.standardise)


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
    """All that decides the weights: only a training with the same may go on with what another has done."""
    settings = config.model_dump(
        mode="json", exclude={"source", "output", "name", "target_precision", "cache", "deadline_s", "card"}
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
            work=training.work,
            seed=_seed(config, repeat),
            progress=partial(_fold_teller, config, repeat, len(folds)),
        )
        for repeat, folds in enumerate(training.splits, start=1)
    ]


def _fit_shipped(training: _Training) -> FittedModel:
    """The model of the bundle: of all tracks or, where lists are given, the first one that was measured."""
    config, rows, name, seed = training.config, np.arange(len(training.corpus.examples)), "all", training.config.seed
    if config.split == "listed":
        rows, name, seed = training.splits[0][0].train, "repeat-1-fold-1", _seed(config, 1) + 1
    return fit_model(
        training.recipe,
        [training.material[row] for row in rows],
        training.corpus.labels[rows],
        seed=seed,
        progress=epoch_teller("the shipped model", _epochs(config)),
        checkpoint=training.work.checkpoint(name),
    )


def _seed(config: TrainConfig, repeat: int) -> int:
    return config.seed + 1000 * repeat


def _epochs(config: TrainConfig) -> int:
    return (config.optimisation or Optimisation()).epochs


def _fold_teller(config: TrainConfig, repeat: int, folds: int, fold: int) -> Progress:
    return epoch_teller(f"repeat {repeat}/{config.repeats}, fold {fold}/{folds}", _epochs(config))


def _manifest(training: _Training, figures: Figures, repeats: list[Repeat], model: FittedModel) -> BundleManifest:
    config, examples = training.config, training.corpus.examples
    learned = examples if config.split != "listed" else [examples[row] for row in training.splits[0][0].train]
    return BundleManifest(
        name=config.name,
        architecture=config.architecture,
        front_end=model.front_end,
        taxonomy=Taxonomy(genres=training.corpus.genres),
        calibration=Calibration(temperature=figures.temperature),
        thresholds=figures.thresholds,
        metrics=figures.as_metrics(),
        training=config.card | card_facts(config, training.corpus, training.digest),
        leaky=config.leaky,
        curves=mean_curves(repeats),
        trained_on=sorted({example.sha256[:16] for example in learned}),
    )


def _report(
    training: _Training, bundle: Bundle, figures: Figures, model: FittedModel, left_out: int, wall_s: float
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
