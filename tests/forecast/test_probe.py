"""A few real tracks tried with the stages of a run."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from audio_samples import chirp, encode

from genre_batch.catalog.source import list_tracks
from genre_batch.catalog.track_table import one_by_one
from genre_batch.config import FeaturesConfig, JobConfig, ScoreConfig, load
from genre_batch.engine.cluster import Cluster
from genre_batch.features.front_ends.descriptors import DescriptorFrontEnd
from genre_batch.forecast.probe import allocate, probe
from genre_batch.forecast.sample import StratifiedSample
from genre_batch.pipeline import features_flow, score_flow
from genre_batch.stages.predict import PredictPool
from genre_batch.stages.several import together
from genre_batch.stages.stage import Stage

HERE = Cluster(cpus=8.0, gpus=0.0, own=True)


@pytest.fixture
def catalog(tmp_path: Path) -> Path:
    folder = tmp_path / "music"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.flac").write_bytes(encode(chirp(4.0, seed=number), 44_100, "flac"))
    (folder / "broken.wav").write_bytes(b"RIFF")
    return folder


@pytest.mark.parametrize("answers", ["fused", "separate", "several", "features"])
def test_every_sampled_track_has_its_cost(catalog: Path, tmp_path: Path, answers: str) -> None:
    places = {"source": str(catalog), "output": str(tmp_path / "out")}
    if answers == "features":
        flow = features_flow(DescriptorFrontEnd(), load(FeaturesConfig, None, (), places))
    elif answers == "several":
        both = load(ScoreConfig, None, ["bundles=[cheap, default]"], places).of_each_bundle()
        flow = together([score_flow(each, HERE) for each in both])
    else:
        flow = score_flow(load(ScoreConfig, None, [f"predict.placement={answers}"], places), HERE)
    sample = StratifiedSample(8)
    sizes = {track.uri: track.size_bytes for track in one_by_one(sample.passing(list_tracks(str(catalog)).batches()))}
    flacs, broken = probe(flow.stages, sorted(sample.draw(), key=lambda stratum: stratum.name), on_gpu=False)
    assert (flacs.tracks, broken.tracks) == (3, 1)
    assert sum(track.bytes_read for track in flacs.probed) <= sum(sizes.values())
    assert all(track.reads >= 1 and track.bytes_read > 0 and track.cpu_s > 0.0 for track in flacs.probed)
    assert broken.probed[0].cpu_s >= 0.0


def test_a_run_holds_the_cores_that_its_pools_allow() -> None:
    few = JobConfig.model_validate({"extract": {"max_size": 3, "num_cpus": 2.0}})
    assert allocate(HERE, stages(few), batches=100).cores == 6.0
    assert allocate(HERE, stages(JobConfig()), batches=100).cores == 8.0
    assert allocate(HERE, stages(JobConfig()), batches=2).cores == 2.0


def stages(config: JobConfig) -> Sequence[Stage]:
    return features_flow(DescriptorFrontEnd(), config).stages


def test_a_run_holds_the_gpus_of_its_predictors() -> None:
    config = ScoreConfig(source="in", output="out", predict=PredictPool(placement="separate"))
    with_gpus = Cluster(16.0, 2.0, own=False)
    assert allocate(with_gpus, score_flow(config, with_gpus).stages, batches=100).gpus == 2.0
    assert allocate(HERE, score_flow(config, HERE).stages, batches=100).gpus == 0.0


def test_nothing_is_predicted_here_if_the_run_predicts_on_gpus(catalog: Path, tmp_path: Path) -> None:
    places = {"source": str(catalog), "output": str(tmp_path / "out")}
    config = load(ScoreConfig, None, ["predict.placement=separate"], places)
    extract, predict = score_flow(config, HERE).stages
    elsewhere = [extract, replace(predict, arguments=("no such bundle", "cuda", "bf16"))]
    sample = StratifiedSample(2)
    assert sum(batch.num_rows for batch in sample.passing(list_tracks(str(catalog)).batches())) == 4
    strata = probe(elsewhere, sample.draw(), on_gpu=True)
    assert sum(len(stratum.probed) for stratum in strata) == 3
