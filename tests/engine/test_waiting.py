"""When a run says that it waits for actors, and what it says."""

from genre_batch.config import ScoreConfig, load
from genre_batch.engine.cluster import Cluster
from genre_batch.engine.waiting import Waiting, starting
from genre_batch.pipeline import score_flow

SMALL = Cluster(2.0, 0.0, own=False)


def waiting(*overrides: str, gpus: float = 0.0) -> Waiting:
    config = load(ScoreConfig, None, ["predict.placement=separate", *overrides], {"source": "/in", "output": "/out"})
    return Waiting(score_flow(config, Cluster(2.0, gpus, own=False)).stages, started_s=1_000.0)


def test_what_is_missing_is_reported_within_30_s_and_then_every_30_s() -> None:
    notes = waiting(gpus=1.0)
    # the run loop looks every 5 s
    reported_s = [now_s for now_s in range(1_000, 1_120, 5) if notes.note(now_s, SMALL, [1, 0])]
    assert reported_s == [1_020, 1_050, 1_080, 1_110]


def test_it_says_what_is_asked_for_and_what_there_is() -> None:
    notes = waiting("extract.min_size=4", "extract.num_cpus=2", "predict.num_gpus=0.5", gpus=1.0)
    assert notes.note(1_030, SMALL, [1, 0]) == (
        "waiting for Ray, which has started 1 of 4 extract actors (2 CPUs each) and 0 of 1 predict actors "
        "(0.5 GPUs each); the cluster has 2 CPUs and 0 GPUs"
    )


def test_nothing_is_said_while_the_least_is_there_and_again_once_it_is_lost() -> None:
    notes = waiting("extract.min_size=2")
    assert notes.note(1_030, SMALL, [2, 1]) is None
    assert "1 of 2 extract" in (notes.note(1_035, SMALL, [1, 1]) or "")


def test_a_start_names_the_actors_that_it_waits_for() -> None:
    places = {"source": "/in", "output": "/out"}
    separate = load(ScoreConfig, None, ["predict.placement=separate"], places)
    assert starting(score_flow(separate, SMALL).stages, [2, 1]) == "starting 2 extract actors and 1 predict actor"
    assert starting(score_flow(load(ScoreConfig, None, (), places), SMALL).stages, [2]) == "starting 2 extract actors"
