"""The demo: score the sample catalog, or the user's own music, and print a summary."""

import shutil
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table

from genre_batch.config import ScoreConfig
from genre_batch.demo.catalog import new_tracks, sample_catalog
from genre_batch.demo.s3_server import environment_variables, s3_server
from genre_batch.demo.story import BUCKET, SOURCE, show_nights
from genre_batch.errors import UsageError
from genre_batch.pipeline import score
from genre_batch.reports.page import check_report_libraries
from genre_batch.run.run_report import RunReport
from genre_batch.storage.open_store import join, open_store
from genre_batch.storage.uri import is_s3


def print_summary(report: RunReport, output: str, note: str = "") -> None:
    """Print the outcome of a run, and how to read its table at `output`, to stdout."""
    console = Console(highlight=False, soft_wrap=True)
    console.print(Panel(Group(*_summary(report)), title="genre-batch", expand=False, padding=(1, 2)))
    if note:
        console.print(note)
    console.print("\nRead it with")
    # on a line of its own and unstyled, so that it can be copied
    console.print(f"  {reading_line(output)}", markup=False)


def reading_line(output: str) -> str:
    """Python that prints the current answers at `output`."""
    columns = ["track_id", "genre", "confidence"]
    return f"from genre_batch import table; print(table.latest({output!r}, columns={columns}))"


def _summary(report: RunReport) -> list[RenderableType]:
    parts: list[RenderableType] = [_headline(report)]
    if report.genres:
        parts += ["", _counted("genre", {**report.genres, **_abstained(report)})]
    if report.rejects_by_reason:
        parts += ["", _counted("rejected because", report.rejects_by_reason)]
    if report.run_id is not None:
        figures = f"{report.tracks_per_s:.1f} tracks/s, {report.bytes_read / 1e6:,.0f} MB read"
        parts += ["", f"{figures}, model {report.model_id}"]
    return parts


def _headline(report: RunReport) -> str:
    if report.run_id is None:
        return f"{report.listed:,} tracks listed, nothing to do: all of them have a score or a reject"
    done_before = f", {report.skipped:,} done before" if report.skipped else ""
    return f"{report.listed:,} tracks listed{done_before}, {report.scored:,} scored, {report.rejected:,} rejected"


def _abstained(report: RunReport) -> dict[str, int]:
    return {"(no answer)": report.abstained} if report.abstained else {}


def _counted(title: str, counts: dict[str, int], width: int = 30) -> Table:
    table = Table(title, "tracks", "", box=None, pad_edge=False, header_style="dim")
    table.columns[1].justify = "right"
    most = max(counts.values())
    for name, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        table.add_row(name, f"{count:,}", "█" * max(1, round(width * count / most)))
    return table


OUTPUT = f"s3://{BUCKET}/genres"
FOLDER = Path("demo-output")
COPY = FOLDER / "sample-catalog"
OWN_OUTPUT = "demo-output/own-music"


def run_demo(catalog: str | None, output: str | None) -> RunReport:
    """Score `catalog` into `output` and print a summary to stdout, or show the job on the sample catalog.

    Without `output`, the table of the sample catalog is written to the demo's S3 server and then copied to a folder in
    ./demo-output, because the server stops with the demo. Raises what `score` raises.
    """
    if catalog is not None:
        return _score_own(catalog, output or OWN_OUTPUT)
    if output is not None and is_s3(output):
        raise UsageError(
            "the sample catalog is on the demo's own S3 server, so its table cannot be written to yours",
            "give a folder as OUTPUT, or your own CATALOG",
        )
    return _show_sample(output)


def demo_config(source: str, output: str) -> ScoreConfig:
    """Settings for a catalog of a few dozen tracks, bad ones among them.

    Shards are small, so that all cores have work and the first is committed early.
    """
    return ScoreConfig(source=source, output=output, shard_tracks=8, batch_tracks=4, max_reject_rate=1.0)


def _score_own(catalog: str, output: str) -> RunReport:
    report = score(demo_config(catalog, output))
    print_summary(report, output)
    return report


def _show_sample(output: str | None) -> RunReport:
    check_report_libraries()  # the page is written last, after a minute of work
    FOLDER.mkdir(exist_ok=True)
    shutil.rmtree(FOLDER / "model", ignore_errors=True)
    # workers of a running cluster would not have this process's environment
    with s3_server() as environment, environment_variables({**environment, "RAY_ADDRESS": "local"}):
        nights = show_nights(demo_config(SOURCE, output or OUTPUT), sample_catalog(), new_tracks(), FOLDER)
        if output is None:
            _copy(OUTPUT, COPY)
    _print_end(output or str(COPY))
    return nights.first


def _print_end(output: str) -> None:
    where = output if is_s3(output) else str(Path(output))
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"\nThe page of the first night: {FOLDER / 'report.html'}", markup=False)
    console.print("The table on the terminal, and as SQL views:")
    console.print(f"  genre-batch show {where}\n  genre-batch sql {where}", markup=False)
    console.print("With pandas:")
    # on a line of its own and unstyled, so that it can be copied
    console.print(f"  {reading_line(output)}", markup=False)


def _copy(source: str, target: Path) -> None:
    """Copy all objects below `source` to the folder `target`, replacing the copy of an earlier demo."""
    if target.exists():
        shutil.rmtree(target)
    origin, destination = open_store(source), open_store(str(target))
    prefix = source.rstrip("/") + "/"
    for item in origin.list(prefix):
        destination.write(join(str(target), item.uri.removeprefix(prefix)), origin.read(item.uri))
