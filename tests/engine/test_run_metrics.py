"""A real run exports every metric, with the tags that the dashboard and the alert rules use."""

import os
import signal
import socket
import threading
import time
import urllib.request
from pathlib import Path

import audio_samples
import pytest
from monitoring_files import NAME, labels_used, queries
from prometheus_client.parser import text_string_to_metric_families
from ray_workers import worker
from s3_server import S3Server

from genre_batch.config import ScoreConfig, load
from genre_batch.engine.cluster import connected
from genre_batch.engine.run_metrics import METRICS
from genre_batch.pipeline import score

# the highest limit, so that it comes first: after several clusters in one process, Ray's exporter stops sending
pytestmark = [pytest.mark.slow, pytest.mark.timeout(620)]

TRACKS, WAIT_S = 60, 120
PRICES = Path(__file__).parents[2] / "configs/prices/example.yaml"

Samples = dict[str, list[tuple[dict[str, str], float]]]


def a_free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def scraped(port: int) -> Samples:
    """The samples of our metrics by name, as Prometheus would read them."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        text = answer.read().decode()
    found: Samples = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name.startswith("ray_genre_batch_"):
                found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


def kill_an_extract_actor(output: Path) -> None:
    while not list(output.glob("_runs/*/commits/*.json")):
        time.sleep(0.01)
    os.kill(worker("ray::ExtractFeatures").pid, signal.SIGKILL)


@pytest.fixture(scope="module")
def samples(moto_s3: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Samples:
    """What Ray exports after a run over S3, of which one actor was killed."""
    bucket, output, port = moto_s3.new_bucket(), tmp_path_factory.mktemp("output"), a_free_port()
    sounds = [audio_samples.encode(audio_samples.chirp(20, 44_100, seed=number), 44_100, "wav") for number in range(6)]
    for number in range(TRACKS):
        moto_s3.client.put_object(Bucket=bucket, Key=f"music/{number:02}.wav", Body=sounds[number % len(sounds)])
    moto_s3.client.put_object(Bucket=bucket, Key="music/x.mp3", Body=b"no audio")
    overrides = ["bundle=cheap", "shard_tracks=8", "batch_tracks=4"]
    overrides += ["predict.placement=separate", f"forecast.prices={PRICES}"]
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("RAY_ADDRESS", raising=False)
        patch.setenv("RAY_metrics_report_interval_ms", "500")
        for name, value in moto_s3.env().items():
            patch.setenv(name, value)
        with connected(metrics_port=port):
            killer = threading.Thread(target=kill_an_extract_actor, args=[output], daemon=True)
            killer.start()
            source = f"s3://{bucket}/music/"
            report = score(load(ScoreConfig, None, overrides, {"source": source, "output": str(output)}))
            assert (report.scored, report.rejected) == (TRACKS, 1)
            until_s = time.monotonic() + WAIT_S
            while time.monotonic() < until_s:
                found = scraped(port)
                tracks = sum(value for _, value in found.get("ray_genre_batch_tracks_total", []))
                if tracks == TRACKS + 1 and len(found) >= len(METRICS):
                    return found
                time.sleep(0.5)
    raise AssertionError(f"after the run, Ray exports {sorted(found)}")


def test_every_metric_is_exported_with_its_tags(samples: Samples) -> None:
    for metric in METRICS:
        suffix = {"counter": "_total", "histogram": "_bucket", "gauge": ""}[metric.kind]
        for labels, _ in samples[f"ray_{metric.name}{suffix}"]:
            assert {"run", *metric.tags} <= set(labels)


def test_every_query_asks_for_metrics_and_labels_that_are_exported(samples: Samples) -> None:
    names = {name for query in queries() for name in NAME.findall(query)}
    assert names <= set(samples)
    for name, label in labels_used():
        assert label in samples[name][0][0], (name, label)


def test_the_values_are_those_of_the_run(samples: Samples) -> None:
    def total(name: str, **wanted: str) -> float:
        found = samples[f"ray_genre_batch_{name}"]
        return sum(value for labels, value in found if wanted.items() <= labels.items())

    assert total("tracks_total", outcome="answered") == TRACKS
    assert total("tracks_total", outcome="rejected", reason="unsupported") == 1
    assert total("tracks_left") == 0
    assert total("actor_restarts_total", stage="extract") >= 1
    assert total("requests_total", operation="GetObject", status="206") >= TRACKS
    assert total("read_bytes_total") > TRACKS * 1_000_000
    assert total("stage_cpu_seconds_total", stage="predict") > 0
    assert total("cost") > 0
    assert total("queue") == 0
