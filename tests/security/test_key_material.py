"""Credentials stay where they are: in the environment of the processes, and nowhere that a run writes or sends."""

from pathlib import Path

import pytest
from ray import cloudpickle
from security.conftest import CANARIES, leaks

from genre_batch.catalog.track import Track
from genre_batch.cli import main
from genre_batch.config import ScoreConfig, load
from genre_batch.engine.cluster import Cluster
from genre_batch.engine.crew import Crew, features_crew, scoring_crew
from genre_batch.features.front_end import DescriptorFrontEnd

SECRET = "canary/5ecret+Key"


def crews() -> list[Crew]:
    config = load(ScoreConfig, None, (), {"source": "s3://music/in", "output": "s3://music/out"})
    cluster = Cluster(4.0, 0.0, own=False)
    return [scoring_crew(config, cluster), features_crew(DescriptorFrontEnd(), config)]


def test_actors_are_sent_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in CANARIES.items():
        monkeypatch.setenv(name, value)
    sent: list[object] = [(member.kind, member.arguments) for crew in crews() for member in crew.values()]
    sent.append([Track("id", "s3://music/in/a.mp3", "etag", 1)])
    assert len(sent) == 5
    for each in sent:
        assert leaks(cloudpickle.dumps(each)) == []


@pytest.mark.parametrize(
    "words",
    [
        ["score", f"s3://AKIA:{SECRET}@music", "out"],
        ["score", "in", f"s3://AKIA:{SECRET}@music/out"],
        ["score", "in", "out", "--set", f"bundle=s3://AKIA:{SECRET}@music/bundle"],
        ["score", "in", "out", "--set", f"aws_secret_access_key={SECRET}"],
        ["score", "in", "out", "--set", f"extract.secret={SECRET}"],
        ["index", f"https://me:{SECRET}@music.example/", "out"],
        ["evaluate", f"https://music.example/bundle?X-Amz-Signature={SECRET}", "in"],
        ["report", f"s3://AKIA:{SECRET}@music/out", "page.html"],
        ["verify", f"s3://AKIA:{SECRET}@music/out"],
        ["gc", f"s3://AKIA:{SECRET}@music/out"],
    ],
    ids=lambda words: f"{words[0]} {words[-1][:20]}",
)
def test_credentials_in_settings_are_refused_and_not_repeated(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    told = capsys.readouterr()
    assert (ended.value.code, told.out) == (2, "")
    assert told.err.startswith("error: ")
    assert not [piece for piece in ("canary", "5ecret") if piece in told.err]


def test_credentials_in_a_file_of_settings_are_not_repeated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "settings.yaml").write_text(f"source: in\noutput: out\nsecret_key: {SECRET}\n")
    with pytest.raises(SystemExit):
        main(["score", "--config", str(tmp_path / "settings.yaml")])
    told = capsys.readouterr().err
    assert "secret_key: unknown key" in told
    assert SECRET not in told


@pytest.mark.parametrize("uri", [f"s3://AKIA:{SECRET}@music/a.mp3", f"https://music.example/a.mp3?sig={SECRET}"])
def test_credentials_in_a_catalog_are_refused_and_not_repeated(
    uri: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "catalog.csv").write_text(f"uri\n{uri}\n")
    with pytest.raises(SystemExit) as ended:
        main(["index", str(tmp_path / "catalog.csv"), str(tmp_path / "out")])
    told = capsys.readouterr().err
    assert ended.value.code == 2
    assert "line 2" in told
    assert SECRET not in told
    assert not (tmp_path / "out").exists()
