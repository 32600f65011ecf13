"""What a run does to each track: give it a genre with a bundle, or plain features with a front end."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from genre_batch.config import FeaturesConfig, ScoreConfig
from genre_batch.engine.cluster import Cluster
from genre_batch.engine.crew import Crew, features_crew, scoring_crew
from genre_batch.model.bundle import OUTPUT_SCHEMA_VERSION, load_bundle
from genre_batch.run.recipes import descriptors_of
from genre_batch.sink.answers import MakeTable, features_maker, make_scores


@dataclass(frozen=True, slots=True)
class Job:
    """`model_id` and `fingerprint` say what made an answer, and whether an old one still holds.

    crew: the actors, once the cluster is known. make_table: the table of a shard's answers.
    """

    answers: Literal["scores", "features"]
    model_id: str
    fingerprint: str
    crew: Callable[[Cluster], Crew]
    make_table: MakeTable


def scoring_job(config: ScoreConfig) -> Job:
    """The job of `genre-batch score`. Raises UsageError where the bundle cannot be used."""
    bundle = load_bundle(config.bundle)
    return Job(
        "scores", bundle.model_id, bundle.fingerprint, lambda cluster: scoring_crew(config, cluster), make_scores
    )


def features_job(config: FeaturesConfig) -> Job:
    """The job of `genre-batch features`. Raises UsageError where the recipe has no descriptors."""
    name, front_end = descriptors_of(config.recipe)
    fingerprint = hashlib.sha256(f"features {OUTPUT_SCHEMA_VERSION} {front_end.digest()}".encode()).hexdigest()
    return Job(
        "features",
        f"{name}-{fingerprint[:8]}",
        fingerprint,
        lambda _: features_crew(front_end, config),
        features_maker(front_end),
    )
