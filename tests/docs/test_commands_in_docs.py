"""Every command in the docs exists, and those of the guides run: against a local S3 server, in the order of the page.

A comment before a block says why it does not run here: `<!-- needs a cluster -->`, `<!-- run elsewhere: ... -->`.
"""

import gzip
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from s3_server import S3Server
from typer.main import get_command
from typer.testing import CliRunner

from genre_batch.cli.app import app
from genre_batch.demo.catalog import SampleTrack, render
from genre_batch.demo.encode import Encoding

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FIRST_GUIDE = "quick-start"
GUIDES = (FIRST_GUIDE, "score-a-bucket", "nightly", "backfill", "reading")
_BLOCK = re.compile(r"^(<!-- .* -->\n)?```console\n(.*?)^```", re.DOTALL | re.MULTILINE)
TRACK = SampleTrack("one.mp3", "pulse", 1, 35.0, Encoding.MP3, 22_050, 1)

MANIFEST = "your-music-bucket/weekly/2026-11-29T01-00Z/manifest.json"


def commands(page: Path, *, runnable: bool = False) -> Iterator[str]:
    """The commands in the console blocks of a page, each on one line; runnable: without those marked."""
    for mark, block in _BLOCK.findall(page.read_text(encoding="utf-8")):
        if not (runnable and mark):
            for line in re.sub(r"\\\n\s*", " ", block).splitlines():
                if line.startswith("$ "):
                    yield line.removeprefix("$ ").removeprefix(".venv/bin/")


VERBS = [command for page in PAGES for command in commands(page) if command.startswith("genre-batch ")]


def test_the_docs_have_commands() -> None:
    assert len(VERBS) > 20
    assert all(list(commands(ROOT / "docs" / f"{guide}.md", runnable=True)) for guide in GUIDES)


@pytest.mark.parametrize("command", sorted(set(VERBS)))
def test_verb_and_options_of_a_command_exist(command: str) -> None:
    program = get_command(app)
    words = shlex.split(command.partition(" > ")[0], comments=True)[1:]
    if words[0].startswith("-"):
        pytest.skip("an option of the program itself")
    verb = program.commands[words[0]]  # type: ignore[attr-defined]
    arguments = [word for word in words[1:] if word not in ("-h", "--help")]
    assert verb.make_context(words[0], arguments).command is verb


@pytest.fixture(scope="module")
def place(moto_s3: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working folder with the folder and the buckets that the guides name."""
    folder, content = tmp_path_factory.mktemp("guides"), render(TRACK)
    (folder / "music").mkdir()
    (folder / "music" / "one.mp3").write_bytes(content)
    client = boto3.client("s3")
    for bucket in ("your-music-bucket", "your-results-bucket", "your-lists"):
        client.create_bucket(Bucket=bucket)
    for key in ("music/one.mp3", "archive/two.mp3"):
        client.put_object(Bucket="your-music-bucket", Key=key, Body=content)
    stored = client.list_objects_v2(Bucket="your-music-bucket")["Contents"]
    rows = [f"your-music-bucket,{each['Key']},{each['Size']},{each['ETag'].strip(chr(34))}" for each in stored]
    data = gzip.compress("\n".join(rows).encode())
    manifest = {
        "destinationBucket": "arn:aws:s3:::your-lists",
        "fileFormat": "CSV",
        "fileSchema": "Bucket, Key, Size, ETag",
        "files": [{"key": "data/1.csv.gz", "size": len(data)}],
    }
    client.put_object(Bucket="your-lists", Key="data/1.csv.gz", Body=data)
    client.put_object(Bucket="your-lists", Key=MANIFEST, Body=json.dumps(manifest).encode())
    return folder


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_first_guide_runs_as_it_stands(place: Path) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "RAY_ADDRESS": "local"}
    for command in commands(ROOT / "docs" / f"{FIRST_GUIDE}.md", runnable=True):
        shell = ["bash", "-euc", command]
        done = subprocess.run(shell, check=False, env=environment, cwd=place, capture_output=True, text=True)
        assert done.returncode == 0, f"{command}\n{done.stderr}"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_other_guides_run_in_one_process(place: Path, local_ray: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python, Ray and their libraries take most of the time of a command, and start once here."""
    monkeypatch.chdir(place)
    for guide in GUIDES[1:]:
        for command in commands(ROOT / "docs" / f"{guide}.md", runnable=True):
            # which genre the track has is the model's affair
            line, _, file = re.sub(r" --genre \w+", "", command).partition(" > ")
            program, *words = shlex.split(line, comments=True)
            done = CliRunner().invoke(app, words)
            assert (program, done.exit_code) == ("genre-batch", 0), f"{guide}: {command}\n{done.stderr}"
            if file:
                Path(file).write_text(done.stdout, encoding="utf-8")
