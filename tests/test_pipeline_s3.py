"""The scoring job from S3 to S3, against moto and against Ceph's radosgw."""

import io
import json
import os
import subprocess
import sys

import audio_samples
import pyarrow.parquet as pq
import pytest
from s3_server import S3Server

KEYS = ["music/a b/é+%20#?.flac", "music/last.mp3", "music/../up.ogg", "music/😀/e\u0301.wav"]
SERVERS = [
    pytest.param("moto_s3", KEYS, id="moto"),
    # moto's web framework cannot route keys that contain line breaks
    pytest.param("radosgw_server", [*KEYS, "music/new\nline.mp3"], id="radosgw", marks=pytest.mark.radosgw),
]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def score(server: S3Server, bucket: str) -> dict[str, object]:
    """The JSON report of one run. It has a process of its own, so that its Ray inherits this server's environment."""
    command = [sys.executable, "-m", "genre_batch", "score", f"s3://{bucket}/music", f"s3://{bucket}/out", "--json"]
    command += ["--set", "bundle=cheap", "--set", "extract.max_size=1"]
    environment = os.environ | server.env() | {"RAY_ADDRESS": "local"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    report: dict[str, object] = json.loads(done.stdout)
    return report


def keys(server: S3Server, bucket: str, prefix: str) -> list[str]:
    pages = server.client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return [entry["Key"] for page in pages for entry in page.get("Contents", [])]


def read(server: S3Server, bucket: str, key: str) -> bytes:
    return server.client.get_object(Bucket=bucket, Key=key)["Body"].read()


@pytest.mark.parametrize(("fixture", "names"), SERVERS)
def test_a_bucket_becomes_a_table_and_a_second_run_does_nothing(
    fixture: str, names: list[str], request: pytest.FixtureRequest
) -> None:
    server: S3Server = request.getfixturevalue(fixture)
    bucket = server.new_bucket()
    sound = audio_samples.chirp(8, 44_100)
    etags = {}
    for key in names:
        body = audio_samples.encode(sound, 44_100, key.rsplit(".", 1)[1])
        etags[f"s3://{bucket}/{key}"] = server.client.put_object(Bucket=bucket, Key=key, Body=body)["ETag"].strip('"')
    report = score(server, bucket)
    assert (report["listed"], report["scored"], report["rejected"]) == (len(names), len(names), 0)
    (table,) = keys(server, bucket, "out/scores/")
    rows = pq.read_table(io.BytesIO(read(server, bucket, table))).to_pylist()
    assert {row["uri"]: row["etag"] for row in rows} == etags
    assert {row["track_id"] for row in rows} == set(etags)
    latest = json.loads(read(server, bucket, "out/_latest.json"))
    assert latest["run_id"] == report["run_id"]
    everything = keys(server, bucket, "out/")
    again = score(server, bucket)
    assert (again["run_id"], again["skipped"], again["scored"]) == (None, len(names), 0)
    assert keys(server, bucket, "out/") == everything
