"""Config files that explain themselves."""

from pathlib import Path

from genre_batch.config import ScoreConfig, load
from genre_batch.settings.commented import commented
from genre_batch.settings.notes import notes_of

ODD = {"source": "s3://b/a: #x/\u00e9'\"", "output": "/out"}


def test_it_loads_to_the_same_settings(tmp_path: Path) -> None:
    settings = load(ScoreConfig, None, ["retry=[silent, gone]", "extract.max_size=3", "forecast.tracks=0"], ODD)
    (tmp_path / "score.yaml").write_text(commented(settings, "A heading."), encoding="utf-8")
    assert load(ScoreConfig, str(tmp_path / "score.yaml")) == settings


def test_every_setting_stands_below_its_note_and_what_has_no_default_first() -> None:
    text = commented(load(ScoreConfig, None, (), ODD), "a heading.")
    lines = text.splitlines()
    assert lines[0] == "# A heading."
    keys = [line.partition(":")[0] for line in lines if line and line[0] not in "# -"]
    assert keys[:2] == ["source", "output"]
    assert set(keys) == set(ScoreConfig.model_fields)
    settings = [number for number, line in enumerate(lines) if line and not line.lstrip().startswith(("# ", "- "))]
    assert len(settings) > len(ScoreConfig.model_fields)
    assert [lines[number] for number in settings if not lines[number - 1].lstrip().startswith("# ")] == []
    assert max(map(len, lines)) <= 100
    assert notes_of(ScoreConfig)["batch_tracks"][1:] in text
