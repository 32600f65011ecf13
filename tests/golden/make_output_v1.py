"""Makes output_v1.zip: a table as genre-batch wrote it when there was one output schema (commit ad78566).

Run in a checkout of that commit, with its `tests` folder on PYTHONPATH: `.venv/bin/python make_output_v1.py NEW.zip`.
The archive holds every object of one bucket, `genre-batch-v1`: the catalog below `music/`, and below `table/`

- a finished run of scores with one shard,
- a finished run of scores with two shards and rejects, over what was new and changed,
- a finished run of features,
- a run of scores whose driver was killed: one shard is committed, the other one is staged in parts.

It is not made anew: its worth is that the present code did not write it.
"""

import logging
import os
import signal
import subprocess
import sys
import zipfile
from collections.abc import Sequence

import audio_samples
import boto3
from moto.s3.models import S3Backend
from moto.server import ThreadedMotoServer

BUCKET = "genre-batch-v1"
OLD = ["wav", "flac", "mp3", "ogg"]
NEW = ["opus", "m4a", "aiff"]
LATE = ["wma", "mp3_vbr", "wav_u8", "wav_alaw", "mp3_untagged", "fragmented_m4a", "wav_ulaw", "wav_adpcm"]
SAMPLE_RATE = 8_000


def encoded(name: str, seed: int) -> bytes:
    return audio_samples.encode(audio_samples.chirp(1.2, SAMPLE_RATE, 1, seed, noise=0.005), SAMPLE_RATE, name)


def genre_batch(verb: str, *arguments: str) -> subprocess.Popen[bytes]:
    places = [f"s3://{BUCKET}/music", f"s3://{BUCKET}/table"]
    command = [sys.executable, "-m", "genre_batch.cli", verb, *places, "--set", "extract.max_size=1", *arguments]
    return subprocess.Popen(command)


def run(verb: str, *arguments: str) -> None:
    assert genre_batch(verb, *arguments).wait() == 0


def run_killed(verb: str, *arguments: str) -> None:
    """Kill the driver when the first shard has been committed and it stages another part."""
    put, driver = S3Backend.put_object, genre_batch(verb, *arguments)
    committed = False

    def put_and_kill(backend: S3Backend, bucket_name: str, key_name: str, *rest: object, **more: object) -> object:
        nonlocal committed
        done = put(backend, bucket_name, key_name, *rest, **more)
        if committed and "/staged/" in key_name:
            driver.send_signal(signal.SIGKILL)
        committed = committed or "/commits/" in key_name
        return done

    S3Backend.put_object = put_and_kill
    assert driver.wait() == -signal.SIGKILL
    S3Backend.put_object = put


def main(path: str) -> None:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    os.environ |= {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "RAY_ADDRESS": "local",
    }
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket=BUCKET)

    def upload(names: Sequence[str], seed: int) -> None:
        for name in names:
            s3.put_object(Bucket=BUCKET, Key=f"music/{name}.bin", Body=encoded(name, seed))

    upload(OLD, seed=0)
    run("score", "--set", "max_reject_rate=1.0")
    upload([*NEW, "wav"], seed=1)
    s3.put_object(Bucket=BUCKET, Key="music/cut.wav", Body=encoded("wav", 2)[:7_000])
    s3.put_object(Bucket=BUCKET, Key="music/empty.mp3", Body=b"")
    s3.put_object(Bucket=BUCKET, Key="music/list.m3u", Body=b"#EXTM3U\n")
    run("score", "--set", "shard_tracks=4", "--set", "max_reject_rate=1.0")
    run("features", "--recipe", "descriptor_mlp", "--set", "max_reject_rate=1.0")
    upload(LATE, seed=3)
    run_killed("score", "--set", "shard_tracks=4", "--set", "part_tracks=2", "--set", "batch_tracks=2")
    keys = [each["Key"] for each in s3.list_objects_v2(Bucket=BUCKET)["Contents"]]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for key in sorted(keys):
            body = s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
            archive.writestr(zipfile.ZipInfo(key), body, zipfile.ZIP_DEFLATED)
            print(f"{len(body):8,} {key}")  # noqa: T201
    server.stop()


if __name__ == "__main__":
    main(sys.argv[1])
