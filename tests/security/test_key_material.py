"""Credentials stay in the environment of the processes: a run neither writes them nor sends them anywhere."""

from pathlib import Path

import pytest
from ray import cloudpickle
from security.conftest import CANARIES, leaks

from genre_batch.catalog.track import Track
from genre_batch.cli.app import main
from genre_batch.config import ScoreConfig, load
from genre_batch.engine.cluster import Cluster
from genre_batch.features.front_ends.descriptors import DescriptorFrontEnd
from genre_batch.pipeline import features_flow, score_flow
from genre_batch.stages.stage import Flow

SECRET = "canary/5ecret+Key"


def flows() -> list[Flow]:
    places, cluster = {"source": "s3://music/in", "output": "s3://music/out"}, Cluster(4.0, 0.0, own=False)
    separate = load(ScoreConfig, None, ["predict.placement=separate"], places)
    fused = load(ScoreConfig, None, ["predict.placement=fused"], places)
    return [*(score_flow(each, cluster) for each in (separate, fused)), features_flow(DescriptorFrontEnd(), fused)]


def test_actors_receive_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in CANARIES.items():
        monkeypatch.setenv(name, value)
    sent: list[object] = [(stage.worker, stage.arguments) for flow in flows() for stage in flow.stages]
    sent.append([Track("id", "s3://music/in/a.mp3", "etag", 1)])
    assert len(sent) == 6
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
        main(["-q", *words])
    printed = capsys.readouterr()
    assert (ended.value.code, printed.out) == (2, "")
    assert printed.err.startswith("error: ")
    assert not [piece for piece in ("canary", "5ecret") if piece in printed.err]


def test_credentials_in_a_settings_file_are_not_repeated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "settings.yaml").write_text(f"source: in\noutput: out\nsecret_key: {SECRET}\n")
    with pytest.raises(SystemExit):
        main(["score", "--config", str(tmp_path / "settings.yaml")])
    error = capsys.readouterr().err
    assert "secret_key: unknown key" in error
    assert SECRET not in error


@pytest.mark.parametrize("uri", [f"s3://AKIA:{SECRET}@music/a.mp3", f"https://music.example/a.mp3?sig={SECRET}"])
def test_credentials_in_a_catalog_are_refused_and_not_repeated(
    uri: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "catalog.csv").write_text(f"uri\n{uri}\n")
    with pytest.raises(SystemExit) as ended:
        main(["index", str(tmp_path / "catalog.csv"), str(tmp_path / "out")])
    error = capsys.readouterr().err
    assert ended.value.code == 2
    assert "line 2" in error
    assert SECRET not in error
    assert not (tmp_path / "out").exists()
