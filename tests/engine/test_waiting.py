"""When a run says that it waits for actors, and what it says."""

from genre_batch.config import ScoreConfig, load
from genre_batch.engine.cluster import Cluster
from genre_batch.engine.waiting import Waiting
from genre_batch.schedule.events import Role

SMALL = Cluster(2.0, 0.0, own=False)


def waiting(*overrides: str, gpus_each: float = 0.0) -> Waiting:
    config = load(ScoreConfig, None, overrides, {"source": "/in", "output": "/out"})
    return Waiting(config, gpus_each, started_s=1_000.0)


def ready(extract: int, predict: int) -> dict[Role, int]:
    return {Role.EXTRACT: extract, Role.PREDICT: predict}


def test_what_is_missing_is_told_within_30_s_and_then_every_30_s() -> None:
    notes = waiting(gpus_each=1.0)
    # the drive looks every 5 s
    told_s = [now_s for now_s in range(1_000, 1_120, 5) if notes.note(now_s, SMALL, ready(1, 0))]
    assert told_s == [1_020, 1_050, 1_080, 1_110]


def test_it_says_what_is_asked_for_and_what_there_is() -> None:
    notes = waiting("extract.min_size=4", "extract.num_cpus=2", gpus_each=0.5)
    assert notes.note(1_030, SMALL, ready(1, 0)) == (
        "waiting for Ray, which has started 1 of 4 extract actors (2 CPUs each) and 0 of 1 predict actors "
        "(0.5 GPUs each); the cluster has 2 CPUs and 0 GPUs"
    )


def test_nothing_is_said_while_the_least_is_there_and_again_once_it_is_lost() -> None:
    notes = waiting("extract.min_size=2")
    assert notes.note(1_030, SMALL, ready(2, 1)) is None
    assert "1 of 2 extract" in (notes.note(1_035, SMALL, ready(1, 1)) or "")
