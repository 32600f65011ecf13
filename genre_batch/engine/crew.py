"""Which actors do the work of a run, and what each is made with."""

from dataclasses import dataclass

from genre_batch.actors.collect import CollectFeatures
from genre_batch.actors.extract import ExtractFeatures, ExtractWithFrontEnd
from genre_batch.actors.predict import PredictGenres
from genre_batch.config import JobConfig, ScoreConfig
from genre_batch.engine.cluster import Cluster, gpus_per_predictor
from genre_batch.features.front_end import FrontEnd
from genre_batch.schedule.events import Role


@dataclass(frozen=True, slots=True)
class Member:
    """A class of actors and the arguments of its constructor."""

    kind: type[ExtractWithFrontEnd | PredictGenres | CollectFeatures]
    arguments: tuple[object, ...]


Crew = dict[Role, Member]


def scoring_crew(config: ScoreConfig, cluster: Cluster) -> Crew:
    """Actors that load the bundle from its URI, each by itself. Raises UsageError as `gpus_per_predictor` does."""
    # Ray leaves a machine's GPUs visible to actors that were given none.
    device = config.predict.device if gpus_per_predictor(cluster, config.predict) else "cpu"
    predict = (config.bundle, device, config.predict.precision, config.predict.runtime)
    return {
        Role.EXTRACT: Member(ExtractFeatures, (config.bundle, config.deadline_s)),
        Role.PREDICT: Member(PredictGenres, predict),
    }


def features_crew(front_end: FrontEnd, config: JobConfig) -> Crew:
    """Actors that compute features with `front_end` and hand them on as they are."""
    return {
        Role.EXTRACT: Member(ExtractWithFrontEnd, (front_end, config.deadline_s)),
        Role.PREDICT: Member(CollectFeatures, ()),
    }
