"""The page of a whole catalog: what is labelled and how sure, what is not and why, and its runs over time."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from genre_batch.reports.catalog_report import CatalogReport
from genre_batch.reports.figure_style import BLUE, GREEN, GREY, VERMILLION, WIDTH, styled
from genre_batch.reports.page import render_page
from genre_batch.reports.run_history import RunFigures
from genre_batch.reports.run_page import confidence_figure, counts_figure
from genre_batch.reports.vector import drawing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_DRAWN = 60
_MOST_LABELS = 5


@styled
def runs_figure(runs: Sequence[RunFigures]) -> "Figure":
    """Tracks of each run by outcome, above tracks per second; the newest 60 finished runs, oldest on the left."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    shown = [run for run in runs if run.finished][-MOST_DRAWN:]
    places = range(len(shown))
    figure = Figure(figsize=(WIDTH, 3.9))
    top, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    top.bar(places, [run.scored for run in shown], color=BLUE, label="scored")
    rejected = [run.rejected for run in shown]
    if any(rejected):
        top.bar(places, rejected, bottom=[run.scored for run in shown], color=VERMILLION, label="rejected")
        top.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=2, borderaxespad=0.0)
    top.set(ylabel="tracks")
    timed = [(place, run.tracks_per_s) for place, run in enumerate(shown) if run.tracks_per_s]
    below.plot([place for place, _ in timed], [rate for _, rate in timed], ".-", color=GREEN)
    below.set(ylabel="tracks/s", xlim=(-0.6, max(len(shown) - 0.4, 0.6)))
    below.set_ylim(bottom=0.0)
    step = max(1, -(-len(shown) // _MOST_LABELS))
    below.set_xticks(places[::step], [f"{run.planned_at:%m-%d}" for run in shown[::step]])
    for axes in (top, below):
        axes.yaxis.set_major_locator(MaxNLocator(4))
        axes.yaxis.set_major_formatter("{x:,g}" if axes is below else "{x:,.0f}")
        axes.grid(visible=True, axis="y", color=GREY, alpha=0.25)
        axes.set_axisbelow(True)
    top.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    return figure


def catalog_page(report: CatalogReport, links: Mapping[str, str] | None = None) -> str:
    """The report as one self-contained HTML page. links: the page of a run by its id, relative to this page.

    Raises UsageError if the libraries of `report` are missing.
    """
    genres = {each.genre: each.tracks for each in report.genres}
    reasons = Counter({each.reason: each.tracks for each in report.rejects})
    confidence = confidence_figure(report.confidence_answered, report.confidence_abstained)
    drawings = {
        "genres": drawing(counts_figure(genres, "tracks"), "Tracks by genre") if genres else None,
        "confidence": drawing(confidence, "Tracks by confidence"),
        "rejects": drawing(counts_figure(reasons, "tracks", colour=VERMILLION), "Tracks without an answer by reason")
        if reasons
        else None,
        "runs": drawing(runs_figure(report.runs), "Tracks and tracks per second of each run")
        if any(run.finished for run in report.runs)
        else None,
    }
    return render_page("catalog.html.j2", report=report, drawings=drawings, links=links or {})
