"""What the demo shows on the sample catalog: training, a killed driver, damaged files, a second night, reading."""

import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console

from genre_batch import table
from genre_batch.catalog.reject import printable
from genre_batch.config import ScoreConfig, dump
from genre_batch.demo.catalog import SampleTrack, rendered
from genre_batch.demo.styles import matrix, train_on, write_clips
from genre_batch.demo.synthesis import STYLES
from genre_batch.errors import UserError
from genre_batch.notices import waiting_for
from genre_batch.pipeline import score
from genre_batch.reports.page import write_page
from genre_batch.reports.run_page import read_run_table, run_page
from genre_batch.run.progress import Progress, shown
from genre_batch.run.run_report import RunReport
from genre_batch.sink import layout
from genre_batch.storage.open_store import open_store
from genre_batch.storage.s3_client import s3_client
from genre_batch.wording import plural

BUCKET = "genre-batch-demo"
SOURCE = f"s3://{BUCKET}/music/"
_LOOK_EVERY_S = 0.1
_MOST_S = 240.0
_EXPLAINED = ["track_id", "reason", "message"]


@dataclass(frozen=True, slots=True)
class Nights:
    """The reports of the first night, which was interrupted, and of the second."""

    first: RunReport
    second: RunReport


def show_nights(config: ScoreConfig, tracks: list[SampleTrack], new: list[SampleTrack], folder: Path) -> Nights:
    """Show the job on `tracks`, and on the `new` ones that come in later; the model and the page go to `folder`.

    config: the settings of the runs, without a bundle. The environment leads to the demo's S3 server. Raises what
    `score` and `train` raise.
    """
    console = Console(highlight=False, soft_wrap=True)
    _title(console, 1, "A model of your own labels")
    config = config.model_copy(update={"bundle": str(_train(console, folder.resolve() / "model"))})
    s3_client().create_bucket(Bucket=BUCKET)
    upload(tracks)
    _title(console, 2, "The driver is killed, and started again")
    first = _killed_and_resumed(console, config)
    _title(console, 3, "How good are the labels?")
    _judge(console, config.output)
    _title(console, 4, "Damaged files end no run: each is a row with its reason")
    _explain_rejects(console, config.output)
    _title(console, 5, "A second night scores only what is new")
    upload(new)
    second = score(config)
    console.print(
        f"{second.listed:,} tracks listed, {second.skipped:,} done before, {plural(second.scored, 'track')} scored "
        f"in {second.wall_s:.0f} s"
    )
    write_page(str(folder / "report.html"), run_page(read_run_table(config.output, first.run_id)))
    return Nights(first, second)


def upload(tracks: list[SampleTrack]) -> None:
    """Render the files of `tracks` and upload them to SOURCE."""
    client, title = s3_client(), f"synthesising {plural(len(tracks), 'track')}"
    with shown(Progress(title)) as progress, ThreadPoolExecutor(4) as threads:

        def put(track: SampleTrack, content: bytes) -> None:
            client.put_object(Bucket=BUCKET, Key=f"music/{track.key}", Body=content)
            progress.add(1, len(content))

        for done in [threads.submit(put, track, content) for track, content in rendered(tracks)]:
            done.result()


def _title(console: Console, number: int, text: str) -> None:
    console.print(f"\n[bold]{number}. {text}[/bold]")


def _train(console: Console, bundle: Path) -> Path:
    with TemporaryDirectory() as clips, waiting_for("training on clips of 8 synthesised styles"):
        write_clips(Path(clips) / "styles")
        report = train_on(Path(clips) / "styles", bundle)
    console.print(report.summary(), markup=False)
    return bundle


def _killed_and_resumed(console: Console, config: ScoreConfig) -> RunReport:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "score.yaml"
        file.write_text(dump(config), encoding="utf-8")
        command = [sys.executable, "-m", "genre_batch", "score", "--config", str(file), "-q"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as driver:
            with waiting_for("a first run, which will be killed after its first commits"):
                _wait_until(lambda: driver.poll() is not None or commits_of(config.output) > 1)
            was_alive = kill(driver)
    report = score(config)
    end = "was killed with SIGKILL" if was_alive else "had finished before it could be killed"
    console.print(
        f"the first driver {end}; the second kept {plural(report.kept, 'track')} and scored the rest:\n"
        f"{report.listed:,} tracks listed, {report.scored:,} scored, {report.rejected:,} rejected"
    )
    return report


def _wait_until(is_so: Callable[[], bool]) -> None:
    end_s = time.monotonic() + _MOST_S
    while not is_so():
        if time.monotonic() > end_s:
            raise UserError("the first run of the demo committed nothing", "start again when less is running here")
        time.sleep(_LOOK_EVERY_S)


def commits_of(output: str) -> int:
    """How many shards the runs at `output` have committed."""
    store, runs = open_store(output), layout.at(output, layout.RUNS_FOLDER)
    return sum("/commits/" in item.uri for item in store.list(runs))


def kill(driver: "subprocess.Popen[bytes]") -> bool:
    """Kill the driver and all its processes, as a lost machine would. Whether it was still alive."""
    if driver.poll() is not None:
        return False
    below = psutil.Process(driver.pid).children(recursive=True)
    driver.kill()
    for process in below:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    driver.wait()
    return True


def _judge(console: Console, output: str) -> None:
    answers = table.latest(output, columns=["track_id", "genre"])
    styles = answers["track_id"].map(style_of)
    known = answers[styles.isin(STYLES)]
    right = int((known["genre"] == styles[known.index]).sum())
    console.print(matrix(styles[known.index], known["genre"]), markup=False)
    console.print(
        f"{right} of {len(known)} tracks of unseen seeds, in eight formats, are right. Synthesised styles are easy to "
        "tell apart; docs/default-model.md says what to expect on real music of unseen artists."
    )


def style_of(track_id: str) -> str:
    """The style of a track of the sample catalog, which is the folder it is in."""
    return track_id.rpartition("/")[0].rpartition("/")[2]


def _explain_rejects(console: Console, output: str) -> None:
    store = open_store(output)
    for item in store.list(layout.at(output, "rejects/")):
        for reject in pq.read_table(pa.BufferReader(store.read(item.uri)), columns=_EXPLAINED).to_pylist():
            file = printable(str(reject["track_id"]).removeprefix(SOURCE), 40)
            message = printable(reject["message"], 120)
            console.print(f"{file:26}  {reject['reason']:11}  {message}", markup=False)
