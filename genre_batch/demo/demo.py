"""The whole job, once, on this machine: on the sample catalog in an embedded S3 server, or on the user's own music."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from genre_batch.config import ScoreConfig
from genre_batch.demo.catalog import SampleTrack, sample_catalog
from genre_batch.demo.rendering import rendered
from genre_batch.demo.s3_server import s3_server, surroundings
from genre_batch.demo.summary import show
from genre_batch.errors import UsageError
from genre_batch.pipeline import score
from genre_batch.run.progress import Progress, shown
from genre_batch.run.report import ScoreReport
from genre_batch.storage.open_store import join, open_store
from genre_batch.storage.s3_client import s3_client
from genre_batch.storage.uri import is_s3

BUCKET = "genre-batch-demo"
SOURCE, OUTPUT = f"s3://{BUCKET}/music/", f"s3://{BUCKET}/genres"
COPY = Path("demo-output/sample-catalog")
OWN_OUTPUT = "demo-output/own-music"


def run_demo(catalog: str | None, output: str | None) -> ScoreReport:
    """Score `catalog`, or the sample catalog, into `output`, and print a summary to stdout.

    Without `output`, the table of the sample catalog is written to the embedded S3 server and copied to a folder
    below ./demo-output, since the server ends with the demo. Raises UserError as `score` does.
    """
    if catalog is not None:
        return _score_own(catalog, output or OWN_OUTPUT)
    if output is not None and is_s3(output):
        raise UsageError(
            "the sample catalog lies on the demo's own S3 server, so its table cannot go to yours",
            "give a folder as OUTPUT, or a CATALOG of your own",
        )
    return _score_sample(output)


def demo_config(source: str, output: str) -> ScoreConfig:
    """Settings for a catalog of dozens of tracks: small shards, so that all cores have work."""
    return ScoreConfig(source=source, output=output, shard_tracks=32, batch_tracks=4)


def upload(tracks: list[SampleTrack]) -> None:
    """Render the files of `tracks` and put them below SOURCE, in a new bucket."""
    client = s3_client()
    client.create_bucket(Bucket=BUCKET)
    title = f"synthesising {len(tracks)} tracks"
    with shown(Progress(title)) as progress, ThreadPoolExecutor(4) as threads:

        def put(track: SampleTrack, content: bytes) -> None:
            client.put_object(Bucket=BUCKET, Key=f"music/{track.key}", Body=content)
            progress.add(1, len(content))

        for done in [threads.submit(put, track, content) for track, content in rendered(tracks)]:
            done.result()


def _score_own(catalog: str, output: str) -> ScoreReport:
    report = score(demo_config(catalog, output))
    show(report, output)
    return report


def _score_sample(output: str | None) -> ScoreReport:
    # a cluster that runs already would not see this process's environment
    with s3_server() as environment, surroundings({**environment, "RAY_ADDRESS": "local"}):
        upload(sample_catalog())
        report = score(demo_config(SOURCE, output or OUTPUT))
        if output is None:
            _copy(OUTPUT, COPY)
    where = f"The table was written to {OUTPUT} and then copied to {COPY}, as that S3 server ends with the demo."
    music = "The music is synthesised: it shows the job at work, and says nothing about how good the labels are."
    show(report, output or str(COPY), music if output else f"{where}\n{music}")
    return report


def _copy(source: str, target: Path) -> None:
    """Copy all objects below `source` to the folder `target`, in place of what an earlier demo left there."""
    if target.exists():
        shutil.rmtree(target)
    origin, destination = open_store(source), open_store(str(target))
    prefix = source.rstrip("/") + "/"
    for item in origin.list(prefix):
        destination.write(join(str(target), item.uri.removeprefix(prefix)), origin.read(item.uri))
