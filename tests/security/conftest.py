"""One real run over 500 odd keys with canary credentials, which several tests examine."""

import logging
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import audio_samples
import pytest
from odd_keys import odd_keys
from s3_server import S3Server

CANARIES = {
    "AWS_ACCESS_KEY_ID": f"AKIA{secrets.token_hex(8).upper()}",
    "AWS_SECRET_ACCESS_KEY": f"canary-{secrets.token_hex(16)}",
    "AWS_SESSION_TOKEN": f"canary-{secrets.token_hex(32)}",
}
SHARD_TRACKS = 250
SCORED_EVERY = 25


@dataclass(frozen=True)
class OddRun:
    """A finished run. etags: the etag of every track by URI.

    root: the parent of the run's home folder, working folder, folder for temporary files, and Ray's `ray_folder`.
    """

    server: S3Server
    output: str
    etags: dict[str, str]
    done: subprocess.CompletedProcess[str]
    root: Path
    ray_folder: Path

    def objects(self) -> dict[str, bytes]:
        """All objects in the output bucket, by key."""
        client = self.server.client
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=self.output)
        keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
        return {key: client.get_object(Bucket=self.output, Key=key)["Body"].read() for key in keys}


def leaks(data: bytes) -> list[str]:
    """The names of the canary credentials that occur in `data`."""
    return [name for name, value in CANARIES.items() if value.encode() in data]


@pytest.fixture(scope="session")
def odd_bucket(moto_s3: S3Server) -> tuple[str, dict[str, str]]:
    """A bucket full of odd keys, and their etags by URI. moto's web framework cannot route keys with line breaks."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    bucket = moto_s3.new_bucket()
    sound = audio_samples.encode(audio_samples.chirp(2.0, 22_050, 1), 22_050, "wav")
    etags = {}
    for number, key in enumerate(odd_keys(line_ends=False)):
        body = sound if number % SCORED_EVERY == 0 else b"no audio" * (number % 3)
        answer = moto_s3.client.put_object(Bucket=bucket, Key=key, Body=body)
        etags[f"s3://{bucket}/{key}"] = answer["ETag"].strip('"')
    return bucket, etags


@pytest.fixture(scope="session")
def odd_run(moto_s3: S3Server, odd_bucket: tuple[str, dict[str, str]]) -> Iterator[OddRun]:
    """`genre-batch score` over the odd keys, in its own process, with credentials that are easy to search for."""
    bucket, etags = odd_bucket
    output = moto_s3.new_bucket()
    root = Path(tempfile.mkdtemp(prefix="r-"))  # Ray's sockets need a short path
    home, work, temporary = root / "home", root / "a" / "b" / "c" / "work", root / "temporary"
    for folder in (home, work, temporary):
        folder.mkdir(parents=True)
    environment = os.environ | moto_s3.env() | CANARIES
    (root / "ray").mkdir()
    environment |= {"RAY_ADDRESS": "local", "RAY_TMPDIR": str(root / "ray"), "HOME": str(home)}
    environment |= {"TMPDIR": str(temporary)}
    command = [sys.executable, "-m", "genre_batch", "score", f"s3://{bucket}", f"s3://{output}"]
    command += ["--set", f"shard_tracks={SHARD_TRACKS}", "--set", "max_reject_rate=1.0", "--set", "extract.max_size=1"]
    command += ["--set", "exclude=[]", "--set", "bundle=cheap"]
    try:
        done = subprocess.run(command, env=environment, cwd=work, capture_output=True, text=True, check=False)
        yield OddRun(moto_s3, output, etags, done, root, root / "ray")
    finally:
        shutil.rmtree(root)
