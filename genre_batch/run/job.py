"""What a run does to each track: give it a genre with a bundle, or plain features with a front end."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from typing import Literal

from genre_batch.config import FeaturesConfig, ScoreConfig, TableConfig
from genre_batch.engine.cluster import Cluster
from genre_batch.engine.crew import Crew, features_crew, scoring_crew
from genre_batch.model.architecture import Estimator
from genre_batch.model.bundle import OUTPUT_SCHEMA_VERSION, load_bundle
from genre_batch.model.check_weights import check_weights
from genre_batch.model.open_predictor import open_predictor
from genre_batch.run.recipes import descriptors_of
from genre_batch.sink.answers import MakeTable, features_maker, make_scores


@dataclass(frozen=True, slots=True)
class Job:
    """`model_id` and `fingerprint` say what made an answer, and whether an old one still holds.

    config: the settings it is done with. crew: the actors, once the cluster is known. make_table: the table of a
    shard's answers.
    """

    config: TableConfig
    answers: Literal["scores", "features"]
    model_id: str
    fingerprint: str
    crew: Callable[[Cluster], Crew]
    make_table: MakeTable


def scoring_job(config: ScoreConfig) -> Job:
    """The job of `genre-batch score`. Raises UsageError where the bundle cannot be used."""
    bundle = load_bundle(config.bundle)
    check_weights(bundle)
    if isinstance(bundle.manifest.architecture, Estimator):
        open_predictor(bundle)  # cheap here, and damage is told before any work
        on_cpu = config.predict.model_copy(update={"device": "cpu"})  # it would hold a GPU and never use it
        config = config.model_copy(update={"predict": on_cpu})
    return Job(
        config,
        "scores",
        bundle.model_id,
        bundle.fingerprint,
        lambda cluster: scoring_crew(config, cluster),
        make_scores,
    )


def features_job(config: FeaturesConfig) -> Job:
    """The job of `genre-batch features`. Raises UsageError where the recipe has no descriptors."""
    name, front_end = descriptors_of(config.recipe)
    # there are no golden vectors here that would notice another library's numbers
    made_with = f"features {OUTPUT_SCHEMA_VERSION} {front_end.digest()} librosa {version('librosa')}"
    fingerprint = hashlib.sha256(made_with.encode()).hexdigest()
    return Job(
        config,
        "features",
        f"{name}-{fingerprint[:8]}",
        fingerprint,
        lambda _: features_crew(front_end, config),
        features_maker(front_end),
    )
