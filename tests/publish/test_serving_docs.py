"""The snippets of docs/serving.md, run over an output with two publications in both lake formats."""

import re
from pathlib import Path
from typing import Any

import pyiceberg.catalog
import pytest
from publish.histories import Place, night, run
from publish.lake_case import catalog_environment, catalog_properties
from pyiceberg.utils.config import Config

from genre_batch.publish.pointer import steps

PAGE = Path(__file__).parents[2] / "docs" / "serving.md"
ICEBERG, DELTA = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
STEP, TABLE, OUTPUT = "00000042-0a1b2c3d", "rest-one.music.genres", '"OUTPUT/'


@pytest.fixture
def first_step(lake_place: Place, monkeypatch: pytest.MonkeyPatch) -> str:
    """The step of the first of two publications; the catalog that the page calls `rest-one` is in a file here."""
    properties = catalog_properties(lake_place[1], Path(lake_place[1]).parent)
    for name, value in catalog_environment(properties).items():
        monkeypatch.setenv(name.replace("__LOCAL__", "__REST_ONE__"), value)
    monkeypatch.setattr(pyiceberg.catalog, "_ENV_CONFIG", Config())
    for day, genre in enumerate(("rock", "jazz")):
        night(lake_place, day, {f"a:v{day}": genre})
        run(lake_place, iceberg=TABLE, delta=True)
    return [step.step for step in steps(*lake_place)][-1]


def executed(snippet: str, **replaced: str) -> dict[str, Any]:
    for text, value in replaced.items():
        assert globals()[text] in snippet
        snippet = snippet.replace(globals()[text], value)
    names: dict[str, Any] = {}
    exec(compile(snippet, PAGE.name, "exec"), names)
    return names


def test_iceberg_is_read_as_of_a_step(first_step: str) -> None:
    names = executed(ICEBERG, STEP=first_step)
    assert len(names["by_step"]) == 2
    assert names["then"]["genre"].to_pylist() == ["rock"]


def test_delta_is_read_as_of_a_step(lake_place: Place, first_step: str) -> None:
    names = executed(DELTA, STEP=first_step, OUTPUT=f'"{lake_place[1]}/')
    assert len(names["commits"]) == 2
    assert names["then"]["genre"].tolist() == ["rock"]
