import pytest

from genre_batch.config import ScoreConfig, load
from genre_batch.engine.cluster import Cluster
from genre_batch.engine.crew import features_crew, scoring_crew
from genre_batch.errors import UsageError
from genre_batch.features.front_end import DescriptorFrontEnd
from genre_batch.schedule.events import Role


def settings(*overrides: str) -> ScoreConfig:
    return load(ScoreConfig, None, overrides, {"source": "/in", "output": "/out"})


@pytest.mark.parametrize(("gpus", "device"), [(0.0, "cpu"), (2.0, "auto")])
def test_without_a_gpu_of_their_own_predictors_stay_on_the_cpu(gpus: float, device: str) -> None:
    crew = scoring_crew(settings(), Cluster(4.0, gpus, own=True))
    assert crew[Role.PREDICT].arguments == ("default", device, "fp32", "torch")
    assert crew[Role.EXTRACT].arguments == ("default", 60.0)


def test_cuda_without_a_gpu_is_refused() -> None:
    with pytest.raises(UsageError, match="no GPU"):
        scoring_crew(settings("predict.device=cuda"), Cluster(4.0, 0.0, own=True))


def test_features_are_computed_with_the_front_end_given() -> None:
    front_end = DescriptorFrontEnd(columns=["tempo"])
    crew = features_crew(front_end, settings("deadline_s=5.0"))
    assert crew[Role.EXTRACT].arguments == (front_end, 5.0)
    assert crew[Role.PREDICT].arguments == ()
