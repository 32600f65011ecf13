"""The page of an evaluation: its metrics, confusion matrix, reliability diagram and learning curves."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from genre_batch.evaluation.metrics import ReliabilityBin
from genre_batch.evaluation.report import EvaluationReport
from genre_batch.reports.figure_style import (
    BLUE,
    GREEN,
    GREY,
    INK,
    PURPLE,
    VERMILLION,
    WIDTH,
    label,
    one_plot,
    styled,
)
from genre_batch.reports.page import render_page
from genre_batch.reports.vector import drawing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

POINTS_PER_INCH = 72
_MOST_NUMBERED = 30
_STRONGEST = 0.5
"""How opaque a cell may be, so that the number on it stays readable on bright and dark pages."""
_LINES = (BLUE, VERMILLION, GREEN, PURPLE, INK)


def confusion_width(genres: int) -> float:
    """Width in inches of a matrix of `genres` genres: its text is as large as in other figures, so it is wider."""
    return max(WIDTH, min(1.4 + 0.34 * genres, 14.0))


@styled
def confusion_figure(counts: Sequence[Sequence[int]], genres: Sequence[str]) -> "Figure":
    """The number of tracks by true genre (lines) and answer (columns), coloured by the share of the true genre.

    Up to 30 genres, each cell shows its number; with more there is no room.
    """
    from matplotlib.patches import Rectangle

    table = np.asarray(counts)
    shares = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    side = confusion_width(len(genres))
    figure, axes = one_plot(side, side * 0.92)
    for row, column in np.argwhere(table):
        strength = _STRONGEST * shares[row, column]
        axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, color=BLUE, alpha=strength, linewidth=0))
    axes.set(xlim=(-0.5, len(genres) - 0.5), ylim=(len(genres) - 0.5, -0.5))
    names = [label(genre) for genre in genres]
    axes.set_xticks(range(len(names)), names, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(names)), names)
    for row, column in np.argwhere(table if len(genres) <= _MOST_NUMBERED else np.zeros_like(table)):
        axes.text(column, row, f"{table[row, column]:,}", ha="center", va="center", fontsize=8.0)
    axes.set(xlabel="answer", ylabel="true genre")
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0.0)
    return figure


@styled
def reliability_figure(before: Sequence[ReliabilityBin], after: Sequence[ReliabilityBin]) -> "Figure":
    """Accuracy by confidence before and after calibration, and the number of tracks at each confidence after it."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(WIDTH, 3.9))
    top, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    top.plot([0.0, 1.0], [0.0, 1.0], color=GREY, linestyle="--", linewidth=1.0, label="perfectly calibrated")
    for diagram, colour, marker, name in ((before, VERMILLION, "s", "before"), (after, BLUE, "o", "after")):
        at, right = [each.confidence for each in diagram], [each.accuracy for each in diagram]
        top.plot(at, right, color=colour, marker=marker, markersize=4.0, label=f"{name} calibration")
    top.set(ylabel="share of right answers", xlim=(0.0, 1.0), ylim=(0.0, 1.02))
    top.legend(loc="upper left")
    top.grid(visible=True)
    below.bar([each.confidence for each in after], [each.tracks for each in after], width=0.05, color=BLUE)
    below.set(xlabel="confidence", ylabel="tracks")
    below.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    return figure


@styled
def curves_figure(curves: Mapping[str, Sequence[float]]) -> "Figure":
    """All curves by epoch, one plot per quantity, which is the last word of a curve's name.

    A curve such as `held_out_accuracy` has one value per epoch, from 1, unless `held_out_epoch` gives the epochs of its
    values. At least one curve must have a value.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    plots: dict[str, list[str]] = {}
    for name in (name for name, values in curves.items() if values):
        plots.setdefault(name.rpartition("_")[2], []).append(name)
    plots.pop("epoch", None)
    figure = Figure(figsize=(WIDTH, 2.2 * max(1, len(plots))))
    grid = figure.subplots(max(1, len(plots)), 1, squeeze=False).ravel()
    for axes, (quantity, names) in zip(grid, plots.items(), strict=False):
        for number, name in enumerate(names):
            text = label(name.removesuffix(quantity).replace("_", " ").strip() or quantity)
            colour = _LINES[number % len(_LINES)]
            axes.plot(_epochs(curves, name), curves[name], ".-", color=colour, label=text)
        axes.set(xlabel="epoch", ylabel=label(quantity))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(visible=True)
        axes.legend()
    return figure


def _epochs(curves: Mapping[str, Sequence[float]], name: str) -> Sequence[float]:
    """The epoch of each value of one curve."""
    count = len(curves[name])
    given = curves.get(f"{name.rpartition('_')[0]}_epoch", ())
    return given if len(given) == count else [float(epoch) for epoch in range(1, count + 1)]


def evaluation_page(report: EvaluationReport) -> str:
    """The report as one self-contained HTML page. Raises UsageError if the libraries of `report` are missing."""
    metrics = report.metrics
    drawable = any(values for name, values in report.curves.items() if not name.endswith("epoch"))
    drawings = {
        "confusion": drawing(
            confusion_figure(metrics.confusion_matrix, metrics.genres),
            "Confusion matrix: tracks by true genre and answer",
        ),
        "reliability": drawing(
            reliability_figure(report.reliability_before, report.reliability_after),
            "Reliability diagram: share of right answers by confidence",
        ),
        "curves": drawing(curves_figure(report.curves), "Learning curves by epoch") if drawable else None,
    }
    matrix_pixels = round(POINTS_PER_INCH * confusion_width(len(metrics.genres)))
    return render_page(
        "evaluation.html.j2", report=report, metrics=metrics, drawings=drawings, matrix_pixels=matrix_pixels
    )
