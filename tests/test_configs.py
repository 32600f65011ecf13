"""Every file in configs/ is a valid configuration of the verb whose folder it lies in, but those for other tools."""

from pathlib import Path

import pytest
from pydantic import BaseModel

from genre_batch.config import FeaturesConfig, ScoreConfig, load
from genre_batch.demo.demo import OUTPUT, SOURCE, demo_config
from genre_batch.evaluation.report import EvaluateConfig
from genre_batch.forecast.prices import PriceList
from genre_batch.reports.write_pages import ReportConfig
from genre_batch.run.indexing import IndexConfig
from genre_batch.training.adopt import AdoptConfig
from genre_batch.training.train_config import TrainConfig

CONFIGS = Path(__file__).parents[1] / "configs"
KINDS: dict[str, type[BaseModel]] = {
    "adopt": AdoptConfig,
    "evaluate": EvaluateConfig,
    "features": FeaturesConfig,
    "index": IndexConfig,
    "prices": PriceList,
    "report": ReportConfig,
    "score": ScoreConfig,
    "train": TrainConfig,
}


FOR_OTHER_TOOLS = CONFIGS / "feast"
OURS = sorted(path for path in CONFIGS.rglob("*.yaml") if FOR_OTHER_TOOLS not in path.parents)


@pytest.mark.parametrize("path", OURS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_it_loads(path: Path) -> None:
    kind = KINDS[path.parent.name]
    # recipes leave it to the command line where to read and write
    elsewhere = {"source": "music", "output": "out"} if kind is TrainConfig else {}
    assert isinstance(load(kind, str(path), arguments=elsewhere), kind)


def test_the_configurations_that_the_guide_names_are_there() -> None:
    assert {path.name for path in (CONFIGS / "score").iterdir()} >= {"demo.yaml", "nightly.yaml", "backfill.yaml"}


def test_the_demo_uses_its_file() -> None:
    assert load(ScoreConfig, str(CONFIGS / "score/demo.yaml")) == demo_config(SOURCE, OUTPUT)
