"""Pictures of how good a bundle is: confusion matrix, reliability diagram and learning curves."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from genre_batch.evaluation.figure_style import (
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
from genre_batch.evaluation.reliability import ReliabilityBin

_MOST_NUMBERED = 30
_LINES = (BLUE, VERMILLION, GREEN, PURPLE, INK)


@styled
def confusion_matrix(counts: Sequence[Sequence[int]], genres: Sequence[str]) -> Figure:
    """Tracks by true genre (lines) and answer (columns), the colour being the share of the true genre.

    Cells are numbered up to 30 genres; beyond that there is no room.
    """
    table = np.asarray(counts)
    shares = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    side = 2.2 + 0.48 * len(genres)
    figure, axes = one_plot(min(side + 0.8, 14.0), min(side, 13.2))
    image = axes.imshow(shares, cmap="Blues", vmin=0.0, vmax=1.0)
    names = [label(genre) for genre in genres]
    axes.set_xticks(range(len(names)), names, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(names)), names)
    for row, column in np.argwhere(table if len(genres) <= _MOST_NUMBERED else np.zeros_like(table)):
        colour = "white" if shares[row, column] > 0.55 else INK
        axes.text(column, row, f"{table[row, column]:,}", ha="center", va="center", color=colour, fontsize=9.0)
    axes.set(xlabel="answer", ylabel="true genre")
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0.0)
    figure.colorbar(image, ax=axes, label="share of the true genre", format=PercentFormatter(1.0), shrink=0.7)
    return figure


@styled
def reliability_diagram(before: Sequence[ReliabilityBin], after: Sequence[ReliabilityBin]) -> Figure:
    """Accuracy by confidence before and after calibration, and how many tracks have each confidence after it."""
    figure = Figure(figsize=(5.8, 5.4))
    top, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    top.plot([0.0, 1.0], [0.0, 1.0], color=GREY, linestyle="--", linewidth=1.0, label="as good as it says")
    for diagram, colour, marker, name in ((before, VERMILLION, "s", "before"), (after, BLUE, "o", "after")):
        at, right = [each.confidence for each in diagram], [each.accuracy for each in diagram]
        top.plot(at, right, color=colour, marker=marker, markersize=5.0, label=f"{name} calibration")
    top.set(ylabel="share of right answers", xlim=(0.0, 1.0), ylim=(0.0, 1.02))
    top.legend(loc="upper left")
    top.grid(visible=True)
    below.bar([each.confidence for each in after], [each.tracks for each in after], width=0.05, color=BLUE)
    below.set(xlabel="confidence", ylabel="tracks")
    below.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    return figure


@styled
def learning_curves(curves: Mapping[str, Sequence[float]]) -> Figure:
    """Each figure by epoch, in one plot for each quantity: the last word of a curve's name.

    A curve such as `held_out_accuracy` has a value each epoch, from 1, unless `held_out_epoch` says which epochs they
    are of. At least one curve must have a value.
    """
    plots: dict[str, list[str]] = {}
    for name in (name for name, values in curves.items() if values):
        plots.setdefault(name.rpartition("_")[2], []).append(name)
    plots.pop("epoch", None)
    figure = Figure(figsize=(WIDTH, 2.8 * -(-len(plots) // 2)))
    grid = figure.subplots(-(-len(plots) // 2), min(2, len(plots)), squeeze=False).ravel()
    for axes, (quantity, names) in zip(grid, plots.items(), strict=False):
        for number, name in enumerate(names):
            text = label(name.removesuffix(quantity).replace("_", " ").strip() or quantity)
            colour = _LINES[number % len(_LINES)]
            axes.plot(_epochs(curves, name), curves[name], ".-", color=colour, label=text)
        axes.set(xlabel="epoch", ylabel=label(quantity))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(visible=True)
        axes.legend()
    for axes in grid[len(plots) :]:
        axes.set_visible(False)
    return figure


def _epochs(curves: Mapping[str, Sequence[float]], name: str) -> Sequence[float]:
    """The epochs that the values of one curve are of."""
    count = len(curves[name])
    told = curves.get(f"{name.rpartition('_')[0]}_epoch", ())
    return told if len(told) == count else [float(epoch) for epoch in range(1, count + 1)]
