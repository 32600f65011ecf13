"""What the demo says at its end."""

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table

from genre_batch.run.report import ScoreReport


def show(report: ScoreReport, table: str, note: str = "") -> None:
    """Print the outcome of a run to stdout; `table` is the folder or s3:// address that holds its `scores`."""
    console = Console(highlight=False, soft_wrap=True)
    console.print(Panel(Group(*_parts(report)), title="genre-batch", expand=False, padding=(1, 2)))
    if note:
        console.print(note)
    console.print("\nRead it with")
    # alone on its line and unstyled, so that it can be copied
    console.print(f"  {pandas_line(table)}", markup=False)


def pandas_line(table: str) -> str:
    """Python that prints the scores below `table`."""
    location = table.rstrip("/") + "/scores"
    columns = ["track_id", "genre", "confidence"]
    return f"import pandas; print(pandas.read_parquet({location!r})[{columns}])"


def _parts(report: ScoreReport) -> list[RenderableType]:
    parts: list[RenderableType] = [_headline(report)]
    if report.genres:
        parts += ["", _counted("genre", {**report.genres, **_abstained(report)})]
    if report.rejects_by_reason:
        parts += ["", _counted("rejected because", report.rejects_by_reason)]
    if report.run_id is not None:
        figures = f"{report.tracks_per_s:.1f} tracks/s, {report.bytes_read / 1e6:,.0f} MB read"
        parts += ["", f"{figures}, model {report.model_id}"]
    return parts


def _headline(report: ScoreReport) -> str:
    if report.run_id is None:
        return f"{report.listed:,} tracks listed, nothing to do: all have their score or their reject already"
    done_before = f", {report.skipped:,} done before" if report.skipped else ""
    return f"{report.listed:,} tracks listed{done_before}, {report.scored:,} scored, {report.rejected:,} rejected"


def _abstained(report: ScoreReport) -> dict[str, int]:
    return {"(no answer)": report.abstained} if report.abstained else {}


def _counted(title: str, counts: dict[str, int], width: int = 30) -> Table:
    table = Table(title, "tracks", "", box=None, pad_edge=False, header_style="dim")
    table.columns[1].justify = "right"
    most = max(counts.values())
    for name, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        table.add_row(name, f"{count:,}", "█" * max(1, round(width * count / most)))
    return table
