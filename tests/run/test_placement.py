"""Where the model works, by the settings, the cluster and what the model costs."""

import math
from pathlib import Path

import pytest

from genre_batch.config import ScoreConfig, load
from genre_batch.engine.cluster import Cluster
from genre_batch.errors import UsageError, UserError
from genre_batch.model.bundle import load_bundle
from genre_batch.run import placement
from genre_batch.run.placement import measured_s, needed_bytes, placement_of

CPUS = Cluster(8.0, 0.0, own=False, memory_bytes=32e9)
GPUS = Cluster(8.0, 2.0, own=False, memory_bytes=32e9)


def settings(*overrides: str) -> ScoreConfig:
    return load(ScoreConfig, None, overrides, {"source": "/in", "output": "/out"})


@pytest.fixture(autouse=True)
def costs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The default model is dear, `cheap` is cheap, and nothing is measured."""
    monkeypatch.setattr(placement, "measured_s", {"default": 0.066, "cheap": 0.005}.__getitem__)


@pytest.mark.parametrize("bundle", ["default", "cheap"])
def test_on_cpus_the_model_is_with_the_extractor(bundle: str) -> None:
    found = placement_of(settings(f"bundle={bundle}"), CPUS)
    assert found.fused
    assert found.why == "the model runs in the extract actors: there is no GPU for it"


@pytest.mark.parametrize("gpus", [0.0, 1.0])
def test_on_one_machine_nothing_travels_so_the_model_has_actors_of_its_own(gpus: float) -> None:
    found = placement_of(settings(), Cluster(8.0, gpus, own=True))
    assert not found.fused
    assert found.why == "the model runs in actors of its own: all actors are on this machine"


def test_a_dear_model_goes_to_the_gpus_and_a_cheap_one_does_not() -> None:
    dear, cheap = placement_of(settings(), GPUS), placement_of(settings("bundle=cheap"), GPUS)
    assert (dear.fused, cheap.fused) == (False, True)
    assert dear.why == ("the model runs in actors of its own: it takes 66 ms of CPU a track, and a GPU pays from 15 ms")
    assert "it takes 5 ms of CPU a track" in cheap.why


@pytest.mark.parametrize("cluster", [CPUS, GPUS])
@pytest.mark.parametrize("forced", ["fused", "separate"])
def test_the_setting_decides_if_there_is_one(cluster: Cluster, forced: str) -> None:
    found = placement_of(settings(f"predict.placement={forced}"), cluster)
    assert found.fused == (forced == "fused")
    assert f"predict.placement is {forced}" in found.why


@pytest.mark.parametrize(
    "own", ["predict.min_size=2", "predict.num_gpus=0.5", "predict.num_gpus=1", "predict.device=cuda"]
)
def test_settings_of_the_models_own_actors_ask_for_them(own: str) -> None:
    found = placement_of(settings("bundle=cheap", own), GPUS)
    assert not found.fused
    assert f"{own.partition('=')[0]} is set" in found.why


def test_without_a_gpu_of_its_own_the_model_is_not_measured() -> None:
    for never in ("predict.device=cpu", "predict.num_gpus=0"):
        assert placement_of(settings("bundle=default", never), GPUS).fused


def test_a_model_that_does_not_fit_into_every_extractor_has_actors_of_its_own() -> None:
    need = needed_bytes(load_bundle("default"))
    assert need > 400 << 20
    tight = Cluster(8.0, 0.0, own=False, memory_bytes=8 * 2 * need - 8)
    assert not placement_of(settings(), tight).fused
    assert "in each actor" in placement_of(settings(), tight).why
    assert placement_of(settings("extract.num_cpus=2"), tight).fused
    assert placement_of(settings(), Cluster(8.0, 0.0, own=False, memory_bytes=math.inf)).fused


@pytest.mark.parametrize("gpu", ["predict.device=cuda", "predict.num_gpus=1"])
def test_a_fused_model_takes_no_gpu(gpu: str) -> None:
    with pytest.raises(UsageError, match="placement=fused runs the model on the CPU"):
        settings("predict.placement=fused", gpu)


def test_a_model_that_cannot_be_measured_is_reported(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot be measured: .*no model bundle"):
        measured_s(str(tmp_path))
