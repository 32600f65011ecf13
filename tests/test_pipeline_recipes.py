"""One bundle of each model family, and a features run, through the whole job on local Ray."""

from pathlib import Path

import audio_samples
import pyarrow.parquet as pq
import pytest
from front_end_here import without_sandboxes
from table_checks import rows

from genre_batch.config import FeaturesConfig, ScoreConfig, load
from genre_batch.evaluation.report import evaluate
from genre_batch.features.front_ends.descriptors import COLUMNS
from genre_batch.pipeline import features, score
from genre_batch.training.train_config import TrainConfig
from genre_batch.training.trainer import train

CONFIGS = Path(__file__).parents[1] / "configs" / "train"
RECIPES = {
    "descriptor_svm": ["target_precision=0.6"],
    "mfcc_knn": ["architecture.k=3"],
    "musicnn": ["repeats=1"],
    "spectrogram_cnn": ["front_end.size=64", "optimisation.epochs=1"],
    "texture_kernel": ["repeats=1"],
}
"""One of each kind: scikit-learn on descriptors, arrays on MFCC, a trunk, a network on images, and the default."""

ONE_ACTOR = ["extract.max_size=1"]

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("local_ray"), pytest.mark.timeout(300)]


@pytest.fixture(autouse=True)
def _sandboxes_only_in_actors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Training and evaluation here are only what scoring is compared with."""
    without_sandboxes(monkeypatch)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two genres that differ clearly, and a file that is not audio."""
    folder = tmp_path_factory.mktemp("corpus")
    for genre, sound in (("chirps", audio_samples.chirp), ("bursts", audio_samples.bursts)):
        (folder / genre).mkdir()
        for number in range(4):
            data = audio_samples.encode(sound(6, 22_050, 1, number), 22_050, "flac")
            (folder / genre / f"{number}.flac").write_bytes(data)
    (folder / "chirps" / "bad.flac").write_bytes(b"fLaC and nothing more")
    return folder


@pytest.mark.parametrize("recipe", sorted(RECIPES))
def test_scoring_with_a_trained_recipe_agrees_with_its_evaluation(recipe: str, corpus: Path, tmp_path: Path) -> None:
    bundle, output = str(tmp_path / "bundle"), tmp_path / "out"
    places = {"source": str(corpus), "output": bundle}
    train(load(TrainConfig, str(CONFIGS / f"{recipe}.yaml"), ["folds=2", "unreadable=skip", *RECIPES[recipe]], places))
    settings = load(ScoreConfig, None, [*ONE_ACTOR, f"bundle={bundle}"], {"source": str(corpus), "output": str(output)})
    report = score(settings)
    assert (report.scored, report.rejected) == (8, 1)
    table = rows(output, "scores")
    right = [row["top_k"][0]["genre"] in str(row["track_id"]) for row in table]  # type: ignore[index]
    measured = evaluate(bundle, str(corpus))
    assert sum(right) / 8 == measured.metrics.accuracy
    assert sum(not row["abstained"] for row in table) / 8 == measured.answered
    assert score(settings).run_id is None


def test_descriptors_become_columns_of_a_table(corpus: Path, tmp_path: Path) -> None:
    settings = load(
        FeaturesConfig, None, [*ONE_ACTOR, "shard_tracks=4"], {"source": str(corpus), "output": str(tmp_path)}
    )
    report = features(settings)
    assert (report.answers, report.listed, report.scored, report.rejected) == ("features", 9, 8, 1)
    (first, *_) = sorted(tmp_path.glob(f"features/front_end={report.model_id}/dt=*/*.parquet"))
    assert [name for name in pq.read_schema(first).names if name in COLUMNS] == list(COLUMNS)
    table = rows(tmp_path, "features")
    assert [row["segment"] for row in table] == [0] * 8
    zero_crossings = {str(row["track_id"]): row["zero_crossing_rate_mean"] for row in table}
    assert len(set(zero_crossings.values())) == 8
    (reject,) = rows(tmp_path, "rejects")
    assert str(reject["track_id"]).endswith("bad.flac")
    again = features(settings)
    assert (again.run_id, again.skipped, again.scored) == (None, 9, 0)
