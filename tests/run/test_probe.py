"""A few real tracks tried with the actors of a run."""

from dataclasses import replace
from pathlib import Path

import pytest
from audio_samples import chirp, encode

from genre_batch.catalog.source import list_tracks
from genre_batch.catalog.stratified_sample import StratifiedSample
from genre_batch.catalog.track_table import one_by_one
from genre_batch.config import FeaturesConfig, JobConfig, ScoreConfig, load
from genre_batch.engine.cluster import Cluster
from genre_batch.run.job import features_job, scoring_job
from genre_batch.run.probe import offer_of, probed
from genre_batch.schedule.events import Role

HERE = Cluster(cpus=8.0, gpus=0.0, own=True)


@pytest.fixture
def catalog(tmp_path: Path) -> Path:
    folder = tmp_path / "music"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.flac").write_bytes(encode(chirp(4.0, seed=number), 44_100, "flac"))
    (folder / "broken.wav").write_bytes(b"RIFF")
    return folder


@pytest.mark.parametrize("answers", ["scores", "features"])
def test_every_track_of_the_sample_costs_what_it_took(catalog: Path, tmp_path: Path, answers: str) -> None:
    places = {"source": str(catalog), "output": str(tmp_path / "out")}
    if answers == "scores":
        job = scoring_job(load(ScoreConfig, None, (), places))
    else:
        job = features_job(load(FeaturesConfig, None, (), places))
    sample = StratifiedSample(8)
    sizes = {track.uri: track.size_bytes for track in one_by_one(sample.passing(list_tracks(str(catalog)).batches()))}
    flacs, broken = probed(job.crew(HERE), sorted(sample.draw(), key=lambda stratum: stratum.name), on_gpu=False)
    assert (flacs.tracks, broken.tracks) == (3, 1)
    assert sum(track.bytes_read for track in flacs.probed) <= sum(sizes.values())
    assert all(track.reads >= 1 and track.bytes_read > 0 and track.cpu_s > 0.0 for track in flacs.probed)
    assert broken.probed[0].cpu_s < min(track.cpu_s for track in flacs.probed)


def test_a_run_uses_the_cores_that_its_pools_may_have() -> None:
    few = JobConfig.model_validate({"extract": {"max_size": 3, "num_cpus": 2.0}})
    assert offer_of(HERE, few, batches=100).cores == 6.0
    assert offer_of(HERE, JobConfig(), batches=100).cores == 8.0
    assert offer_of(HERE, JobConfig(), batches=2).cores == 2.0


def test_gpus_are_those_that_predictors_hold() -> None:
    config = ScoreConfig(source="in", output="out")
    assert offer_of(Cluster(16.0, 2.0, own=False), config, batches=100).gpus == 2.0
    assert offer_of(HERE, config, batches=100).gpus == 0.0


def test_answers_on_a_gpu_are_not_asked_for_here(catalog: Path, tmp_path: Path) -> None:
    job = scoring_job(load(ScoreConfig, None, (), {"source": str(catalog), "output": str(tmp_path / "out")}))
    crew = job.crew(HERE)
    elsewhere = {**crew, Role.PREDICT: replace(crew[Role.PREDICT], arguments=("no such bundle", "cuda", "bf16"))}
    sample = StratifiedSample(2)
    assert sum(batch.num_rows for batch in sample.passing(list_tracks(str(catalog)).batches())) == 4
    strata = probed(elsewhere, sample.draw(), on_gpu=True)
    assert sum(len(stratum.probed) for stratum in strata) == 3
